import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { openConversation, sceneTest, texts, until, write } from "./page_harness.ts";

sceneTest("shows a message that arrives, with a badge until it is looked at", async (scene) => {
  const { alice, bob, page } = scene;
  await bob.send(alice.pk, "first");
  const item = page.locator(`#conversations button[data-peer="${bob.pk}"]`);
  await item.locator(".badge", { hasText: "1" }).waitFor();
  await until(async () => (await page.title()) === "(1) skychat");
  await until(async () => (await alice.get("unread")).unread === 1);
  await openConversation(page, bob.pk);
  await bob.send(alice.pk, "second");
  await page.locator(".message.in", { hasText: "second" }).waitFor();
  deepStrictEqual(await texts(page), ["first", "second"]);
  await until(async () => await item.locator(".badge").count() === 0);
  await until(async () => (await alice.get("unread")).unread === 0);
  await page.locator("#announcer", { hasText: "second" }).waitFor({ state: "attached" });
});

sceneTest("marks an own message as received, and as read once the peer looked", async (scene) => {
  const { alice, bob, page } = scene;
  await openConversation(page, bob.pk);
  await write(page, "do you see this?");
  await page.locator(".message.out .mark.received").waitFor();
  const [{ id }] = await bob.get("history");
  await bob.post("read-receipt", { pk: alice.pk, id });
  await page.locator(".message.out .mark.read").waitFor();
  deepStrictEqual(await texts(page), ["do you see this?"]);
  strictEqual(await page.locator(".message .mark").getAttribute("aria-label"), "read");
});

sceneTest("tells the author what was looked at, once, and not what was not", async (scene) => {
  const { alice, bob, page } = scene;
  const receipts: string[][] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/read-receipt")) receipts.push(request.postDataJSON().ids);
  });
  const first = await bob.send(alice.pk, "one");
  const second = await bob.send(alice.pk, "two");
  await page.locator(".badge", { hasText: "2" }).waitFor();
  strictEqual(receipts.length, 0);
  await openConversation(page, bob.pk);
  await until(() => Promise.resolve(receipts.length > 0));
  await page.reload();
  await page.locator(".message.in", { hasText: "two" }).waitFor();
  const third = await bob.send(alice.pk, "three");
  await until(() => Promise.resolve(receipts.flat().includes(third)));
  deepStrictEqual(receipts.flat(), [first, second, third]);
});

sceneTest("knows a plain text again, with the node's time, and reports no id of it", async (scene) => {
  const { alice, bob, page } = scene;
  const reported: string[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/read-receipt")) reported.push(...request.postDataJSON().ids);
  });
  const plain = (message: string) => bob.post("message", { recipient: alice.pk, message });
  const shown = (text: string) => page.locator(".message", { hasText: text }).waitFor();
  // A clock that is wrong by a day moves no message.
  await page.clock.setSystemTime(Date.now() + 86_400_000);
  await plain("same");
  await plain("same");
  const id = await bob.send(alice.pk, "wrapped");
  await page.locator(".badge", { hasText: "3" }).waitFor();
  await page.reload();
  await openConversation(page, bob.pk);
  await shown("wrapped");
  await until(() => Promise.resolve(reported.length > 0));
  deepStrictEqual(reported, [id]);
  await plain("live");
  await shown("live");
  const records: { timestamp: string; id?: string }[] = await alice.get("history");
  deepStrictEqual(records.map((record) => record.id), [undefined, undefined, id, undefined]);
  for (let round = 0; round < 2; round++) {
    deepStrictEqual(await texts(page), ["same", "same", "wrapped", "live"]);
    const times = await page.locator(".message time").evaluateAll((all) =>
      all.map((one) => one.getAttribute("datetime"))
    );
    deepStrictEqual(times, records.map(({ timestamp }) => new Date(timestamp).toISOString()));
    await page.reload();
    await shown("live");
  }
});

sceneTest("shows the history after a reload, with quotes, forwards and marks", async (scene) => {
  const { alice, bob, page } = scene;
  const id = await bob.send(alice.pk, "the question");
  const forward = { skychat_forward: { text: "forwarded words", from: "Carol" } };
  await bob.send(alice.pk, JSON.stringify(forward));
  await alice.send(bob.pk, "the answer", { reply_to: id });
  await openConversation(page, bob.pk);
  await page.locator(".mark.received").waitFor();
  for (let round = 0; round < 2; round++) {
    await page.locator(".message.out .quote", { hasText: "the question" }).waitFor();
    await page.locator(".forwarded", { hasText: "from Carol" }).waitFor();
    deepStrictEqual(await texts(page), ["the question", "forwarded words", "the answer"]);
    await page.locator(".mark.received").waitFor();
    strictEqual(await page.locator(".day").count(), 1);
    await page.reload();
  }
});

sceneTest("loses and doubles nothing when the app restarts", async ({ alice, bob, page }) => {
  await bob.send(alice.pk, "before");
  await openConversation(page, bob.pk);
  await write(page, "an answer");
  await page.locator(".message.out .mark.received").waitFor();
  await alice.stop();
  await page.locator('#state[data-state="lost"]').waitFor();
  const id = await bob.send(alice.pk, "while away", { queue: true });
  ok(id);
  await alice.restart();
  await until(async () => (await alice.get("history")).length === 3);
  await bob.send(alice.pk, "after");
  await page.locator('#state[data-state="live"]').waitFor();
  await page.locator(".message", { hasText: "after" }).waitFor();
  deepStrictEqual(await texts(page), ["before", "an answer", "while away", "after"]);
  await page.locator(".message.out .mark.received").waitFor();
  await page.reload();
  await page.locator(".message", { hasText: "after" }).waitFor();
  deepStrictEqual(await texts(page), ["before", "an answer", "while away", "after"]);
});

sceneTest("keeps what is written to a peer that is away, and sends it later", async (scene) => {
  const { alice, bob, page } = scene;
  await openConversation(page, bob.pk);
  await bob.stop();
  await page.locator("#hint", { hasText: "waits here" }).waitFor();
  await write(page, "for later");
  await page.locator(".mark.queued").waitFor();
  await page.reload();
  await page.locator(".mark.queued").waitFor();
  await bob.restart();
  await page.locator(".mark.received").waitFor({ timeout: 30_000 });
  deepStrictEqual(await texts(page), ["for later"]);
  strictEqual((await alice.get("outbox")).length, 0);
});

sceneTest("deletes for both, forgets here, and neither comes back", async (scene) => {
  const { alice, bob, page } = scene;
  await bob.send(alice.pk, "to forget");
  await alice.send(bob.pk, "to delete");
  await bob.send(alice.pk, "to keep");
  await openConversation(page, bob.pk);
  const act = async (text: string, label: string) => {
    await page.locator(".message", { hasText: text }).hover();
    await page.locator(".message", { hasText: text }).locator(".more").click();
    await page.getByRole("button", { name: label }).click();
  };
  await act("to delete", "Delete for both");
  await page.locator(".message.deleted").waitFor();
  await act("to forget", "Forget here");
  await until(async () => (await texts(page)).length === 2);
  await until(async () => (await bob.get("history")).length === 2);
  await page.reload();
  await page.locator(".message", { hasText: "to keep" }).waitFor();
  deepStrictEqual(await texts(page), ["to keep"]);
});

sceneTest("does not let a peer delete what is not theirs", async ({ alice, bob, page }) => {
  const id = await alice.send(bob.pk, "mine");
  await openConversation(page, bob.pk);
  await page.locator(".mark.received").waitFor();
  // Bob's node says so of any id; what counts is whether Alice's still has the message.
  await bob.post("delete", { pk: alice.pk, id });
  await bob.send(alice.pk, "well?");
  await page.locator(".message", { hasText: "well?" }).waitFor();
  deepStrictEqual(await texts(page), ["mine", "well?"]);
});

sceneTest("works without a history: a refused message can be tried again", async (scene) => {
  const { alice, bob, page } = scene;
  await bob.send(alice.pk, "hello");
  await openConversation(page, bob.pk);
  await bob.stop();
  await page.locator("#hint", { hasText: "cannot be sent" }).waitFor();
  await write(page, "are you there?");
  await page.locator(".failure", { hasText: "not connected" }).waitFor();
  await bob.restart();
  await page.locator('#peer-state[data-on="true"]').waitFor({ timeout: 30_000 });
  await page.getByRole("button", { name: "Retry" }).click();
  await page.locator(".mark.received").waitFor();
  await page.reload();
  await page.locator(".mark.received").waitFor();
  deepStrictEqual(await texts(page), ["hello", "are you there?"]);
}, { flags: [] });
