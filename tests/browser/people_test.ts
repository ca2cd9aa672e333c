import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { openConversation, sceneTest, texts, until, write } from "./page_harness.ts";

sceneTest("names, blocks and unblocks a person", async ({ alice, bob, page }) => {
  await bob.send(alice.pk, "hi");
  await openConversation(page, bob.pk);
  const choose = async (label: string) => {
    await page.locator("#menu").click();
    await page.getByRole("button", { name: label, exact: true }).click();
  };
  await choose("Name…");
  await page.locator("#dialog-field").fill("Bob <b>Marlow</b>");
  await page.keyboard.press("Enter");
  await page.locator("#peer-name", { hasText: "Bob <b>Marlow</b>" }).waitFor();
  await choose("Block");
  await page.locator("#blocked").waitFor();
  strictEqual(await page.locator("#message").isDisabled(), true);
  await bob.send(alice.pk, "unheard");
  await page.locator("#unblock").click();
  await page.locator("#blocked").waitFor({ state: "hidden" });
  await bob.send(alice.pk, "heard");
  await page.locator(".message", { hasText: "heard" }).last().waitFor();
  deepStrictEqual(await texts(page), ["hi", "heard"]);
});

sceneTest("asks before it lets a new person in", async ({ alice, bob, page }) => {
  await page.locator("#settings").click();
  await page.getByLabel("New people ask").check();
  await page.getByRole("button", { name: "Done" }).click();
  await until(async () => (await alice.get("privacy")).approval === true);
  await bob.send(alice.pk, "may I?");
  await page.locator(".tag", { hasText: "request" }).waitFor();
  await openConversation(page, bob.pk);
  await page.locator("#accept").click();
  await page.locator("#request").waitFor({ state: "hidden" });
  deepStrictEqual((await alice.get("privacy")).requests, []);
});

sceneTest("starts a conversation from an address, and forgets all of it", async (scene) => {
  const { alice, bob, page } = scene;
  await page.locator("#start").click();
  await page.locator("#dialog-field").fill("no key");
  await page.keyboard.press("Enter");
  await page.locator(".problem", { hasText: "no key" }).waitFor();
  await page.locator("#dialog-field").fill(`tcp://${bob.pk.toUpperCase()}@127.0.0.1:1`);
  await page.keyboard.press("Enter");
  await page.locator("#chat").waitFor();
  await write(page, "hello Bob");
  await page.locator(".mark.received").waitFor();
  await page.locator("#menu").click();
  await page.getByRole("button", { name: "Forget conversation…" }).click();
  await page.getByRole("button", { name: "Forget all messages" }).click();
  await page.locator("#chat").waitFor({ state: "hidden" });
  deepStrictEqual(await alice.get("history"), []);
  await page.reload();
  await openConversation(page, bob.pk);
  deepStrictEqual(await texts(page), []);
});

sceneTest("finds people by name and messages by their text", async ({ alice, bob, page }) => {
  await alice.post("contacts", { pk: bob.pk, name: "Robert" });
  await bob.send(alice.pk, "the needle in the haystack");
  for (let at = 0; at < 150; at++) await bob.send(alice.pk, `straw ${at}`);
  await page.reload();
  await page.locator("#search").fill("rob");
  await page.locator("#conversations .name", { hasText: "Robert" }).waitFor();
  await page.locator("#search").fill("NEEDLE");
  await page.locator("#hits button", { hasText: "the needle" }).click();
  const message = page.locator(".message.found", { hasText: "the needle" });
  await message.waitFor();
  await until(() =>
    message.evaluate((item) => {
      const { top, bottom } = item.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    })
  );
});

sceneTest("can be used with the keyboard alone", async ({ alice, bob, page }) => {
  await bob.send(alice.pk, "first");
  await page.locator("#conversations .line", { hasText: "first" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator("#chat").waitFor();
  await page.keyboard.type("a line");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("and another");
  await page.keyboard.press("Enter");
  await page.locator(".mark.received").waitFor();
  deepStrictEqual(await texts(page), ["first", "a line\nand another"]);
  // From the field to the messages, to the one above, and to what can be done with it.
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.locator("#dialog").waitFor();
  await page.keyboard.press("Enter");
  await page.locator("#quoted", { hasText: "first" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#quoted").waitFor({ state: "hidden" });
  await page.keyboard.press("Escape");
  const focused = () => page.evaluate(() => document.activeElement?.className ?? "");
  strictEqual(await focused(), "conversation");
});
