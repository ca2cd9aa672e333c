import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Page } from "playwright-core";
import {
  HOSTILE,
  noSidewaysScroll,
  openConversation,
  type Scene,
  sceneTest,
  texts,
  until,
  type WebNode,
  write,
} from "./page_harness.ts";

/** Two nodes that can serve the feed of a group. */
const NODES = { flags: ["--persist", "--persist-group-rate", "0", "--cxo-listen", "127.0.0.1:0"] };
const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

/** A group of Alice's in which Bob is; its conversation. */
async function startGroup({ alice, bob }: Scene, more: object = {}): Promise<string> {
  const reply = await alice.post("group", { name: "ops", members: [bob.pk], ...more });
  const { info, invite } = await reply.json();
  await bob.post("group/join", { invite });
  await meshed([alice, bob]);
  return `group:${info.id}`;
}

async function meshed(nodes: readonly WebNode[]): Promise<void> {
  for (const node of nodes) {
    await until(async () => (await node.get("status")).groups?.[0]?.members_connected === 1);
  }
}

/** Sends to a group as a command-line client would; the time that names it. */
async function say(node: WebNode, peer: string, text: string): Promise<string> {
  const reply = await node.post(`${routeOf(peer)}/send`, { text });
  return reply.headers.get("x-skychat-ts-nano") ?? "";
}

function routeOf(peer: string): string {
  return `group/${peer.slice("group:".length)}`;
}

async function history(node: WebNode, peer: string): Promise<string[]> {
  const entries: { text: string }[] = await node.get(`${routeOf(peer)}/history?limit=1000`);
  return entries.map(({ text }) => text);
}

async function choose(page: Page, ...labels: readonly string[]): Promise<void> {
  for (const name of labels) await page.getByRole("button", { name, exact: true }).click();
}

/** Opens the details of the open group, and there what can be done about a member. */
async function chooseFor(page: Page, key: string, ...labels: readonly string[]): Promise<void> {
  await page.locator("#menu").click();
  await page.locator(`.people button[data-name="${key}"]`).click();
  await choose(page, ...labels);
}

async function shows(page: Page, expected: readonly string[]): Promise<void> {
  await until(async () => (await texts(page)).length === expected.length);
  deepStrictEqual(await texts(page), expected);
}

sceneTest("shows a group in the list, and what is said in it both ways", async (scene) => {
  const { alice, bob, page } = scene;
  const peer = await startGroup(scene);
  await alice.post("contacts", { pk: bob.pk, name: "Bob Marlow" });
  const item = page.locator(`#conversations button[data-peer="${peer}"]`);
  await item.locator(".crowd", { hasText: "2/2" }).waitFor();
  await say(bob, peer, "first");
  await item.locator(".badge", { hasText: "1" }).waitFor();
  await item.locator(".line", { hasText: "Bob Marlow: first" }).waitFor();
  match(await item.getAttribute("aria-label") ?? "", /^ops, group, 2 members, 2 connected, 1 unr/);
  strictEqual(await item.locator(".lock").count(), 0);
  await openConversation(page, peer);
  await page.locator("#peer-state", { hasText: "2 members, 2 connected" }).waitFor();
  await write(page, "from the page");
  await until(async () => (await history(bob, peer)).includes("from the page"));
  await say(bob, peer, "an answer");
  await shows(page, ["first", "from the page", "an answer"]);
  strictEqual(await page.locator(".message.in .author").first().textContent(), "Bob Marlow");
  strictEqual(await page.locator(".message.out .author").count(), 0);
  await page.locator(".message.out .mark.sent").waitFor();
  await until(async () => await item.locator(".badge").count() === 0);
  await page.locator("#announcer", { hasText: "Bob Marlow in ops: an answer" })
    .waitFor({ state: "attached" });
  // On disk it is the same, and what was read stays read.
  await page.reload();
  await shows(page, ["first", "from the page", "an answer"]);
  strictEqual(await page.title(), "skychat");
}, NODES);

sceneTest(
  "takes an own message of a group back, and loses what others take back",
  async (scene) => {
    const { bob, page } = scene;
    const peer = await startGroup(scene);
    await page.locator("#conversations .crowd").waitFor();
    await openConversation(page, peer);
    await write(page, "a slip");
    await write(page, "to stay");
    // The order is that of the times: what was typed here must have one first.
    await until(async () => (await history(bob, peer)).includes("to stay"));
    const theirs = await say(bob, peer, "their slip");
    await shows(page, ["a slip", "to stay", "their slip"]);
    const slip = page.locator(".message", { hasText: "a slip" });
    await slip.hover();
    await slip.locator(".more").click();
    await choose(page, "Take back for everybody");
    await shows(page, ["to stay", "their slip"]);
    await until(async () => !(await history(bob, peer)).includes("a slip"));
    await bob.delete(`${routeOf(peer)}/message?ts=${theirs}`);
    await shows(page, ["to stay"]);
    await page.reload();
    await shows(page, ["to stay"]);
  },
  NODES,
);

sceneTest("sends what is for one person to that person, not to the group", async (scene) => {
  const { alice, bob, page } = scene;
  const peer = await startGroup(scene);
  await page.locator("#conversations .crowd").waitFor();
  await openConversation(page, bob.pk);
  await write(page, "between us");
  await page.locator(".message.out .mark.received").waitFor();
  deepStrictEqual(await history(alice, peer), []);
  strictEqual((await bob.get("history")).length, 1);
}, NODES);

sceneTest("shows hostile texts and names in a group as texts, on a phone too", async (scene) => {
  const { alice, bob, page } = scene;
  const name = "<img src=x onerror=alert(1)>\u202E<b>";
  const peer = await startGroup(scene, { name });
  await alice.post("contacts", { pk: bob.pk, name: "<svg onload=alert(1)>" });
  const file = JSON.stringify({ skychat_file: { id: "1", name: "<i>f</i>", size: 1 } });
  for (const text of [...HOSTILE, file, "W".repeat(5_000)]) await say(bob, peer, text);
  await page.locator("#conversations .crowd").waitFor();
  await noSidewaysScroll(page);
  await openConversation(page, peer);
  await until(async () => (await texts(page)).length === HOSTILE.length + 2);
  const shown = await texts(page);
  for (const text of HOSTILE) if (!text.includes("skychat_")) ok(shown.includes(text), text);
  ok(shown.includes("<b>r</b>") && shown.includes("📎 <i>f</i>"));
  strictEqual(await page.locator("#peer-name").textContent(), name);
  const foreign =
    ":is(#chat, #conversations, dialog) :is(script, img, iframe, style, b, i, form[action])";
  strictEqual(await page.locator(foreign).count(), 0);
  await noSidewaysScroll(page);
  await page.locator("#menu").click();
  await page.locator(".people .name", { hasText: "<svg onload" }).waitFor();
  await page.getByLabel("Invite link", { exact: true }).waitFor();
  strictEqual(await page.locator(foreign).count(), 0);
  const wide = await page.locator("dialog").evaluate((one) => one.scrollWidth > one.clientWidth);
  strictEqual(wide, false);
}, { ...NODES, context: PHONE });

sceneTest(
  "knows this node in groups by the key of its links, when a visor gives it another",
  async (scene) => {
    const { alice, bob, page } = scene;
    const visorKey = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    // What the server of a node under a visor says; groups and feeds go by `tcp_pk` there.
    await page.route("**/status", async (route) => {
      const status = await (await route.fetch()).json();
      await route.fulfill({ json: { ...status, tcp_pk: status.visor_pk, visor_pk: visorKey } });
    });
    await page.reload();
    const peer = await startGroup(scene);
    await page.locator(`#own-key[title="${visorKey}"]`).waitFor();
    const item = page.locator(`#conversations button[data-peer="${peer}"]`);
    await item.locator(".crowd", { hasText: "2/2" }).waitFor();
    await openConversation(page, peer);
    await write(page, "own");
    await until(async () => (await history(bob, peer)).includes("own"));
    await say(alice, peer, "own, from elsewhere");
    await say(bob, peer, "another's");
    await shows(page, ["own", "own, from elsewhere", "another's"]);
    strictEqual(await page.locator(".message.out").count(), 2);
    await page.locator("#menu").click();
    const row = page.locator(`dialog [data-name="${alice.pk}"]`);
    await row.locator(".line", { hasText: "this node" }).waitFor();
    await row.locator(".name", { hasText: "You" }).waitFor();
    await page.locator(`dialog [data-name="${bob.pk}"]`).click();
    await page.getByRole("button", { name: "Mute…" }).waitFor();
  },
  NODES,
);

sceneTest("lets an admin mute, kick and ban, and tells the other why", async (scene) => {
  const { bob, page, bobsPage } = scene;
  const peer = await startGroup(scene);
  await page.locator("#conversations .crowd").waitFor();
  await openConversation(page, peer);
  const theirs = await bobsPage();
  await theirs.locator("#conversations .crowd").waitFor();
  await openConversation(theirs, peer);
  const hint = (text: string) => theirs.locator("#hint", { hasText: text }).waitFor();
  await theirs.locator("#menu").click();
  await theirs.locator(".people .crowd", { hasText: "founder" }).waitFor();
  strictEqual(await theirs.getByRole("button", { name: "Add a member…" }).count(), 0);
  await theirs.keyboard.press("Escape");

  await chooseFor(page, bob.pk, "Mute…", "Mute");
  await page.locator(".people .crowd", { hasText: "muted" }).waitFor();
  await hint("restricted from sending");
  strictEqual(await theirs.locator("#message").isDisabled(), true);
  await choose(page, "Close");
  await chooseFor(page, bob.pk, "Unmute…", "Unmute");
  await until(() => theirs.locator("#message").isEnabled());
  await choose(page, "Make it read-only…", "Make it read-only");
  await hint("read-only");
  await choose(page, "Let everybody write…", "Let everybody write", "Close");
  await until(() => theirs.locator("#message").isEnabled());
  await chooseFor(page, bob.pk, "Make an admin…", "Make an admin");
  await page.locator(".people .crowd", { hasText: "admin" }).waitFor();
  await choose(page, "Close");
  await chooseFor(page, bob.pk, "Take admin rights…", "Take admin rights", "Close");
  await write(theirs, "last words");
  await page.locator(".message.in", { hasText: "last words" }).waitFor();

  await chooseFor(page, bob.pk, "Remove from the group…", "Remove from the group");
  await page.getByText("Members (1)").waitFor();
  await hint("Members refuse this node");
  await page.locator(".message .aside", { hasText: "not a member" }).waitFor();
  await choose(page, "Add a member…");
  await page.locator("#dialog-key").fill(bob.pk);
  await page.keyboard.press("Enter");
  await page.getByText("Members (2)").waitFor();
  await choose(page, "Close");
  await until(() => theirs.locator("#message").isEnabled());

  await chooseFor(page, bob.pk, "Ban…", "Ban");
  await page.getByText("Banned (1)").waitFor();
  await hint("Members refuse this node");
  await choose(page, "Add a member…");
  await page.locator("#dialog-key").fill(bob.pk);
  await page.keyboard.press("Enter");
  await page.locator(".problem", { hasText: "peer is banned; unban before approving" }).waitFor();
  await page.keyboard.press("Escape");
  await chooseFor(page, bob.pk, "Lift the ban…", "Lift the ban");
  await page.getByText("Banned (1)").waitFor({ state: "hidden" });
}, NODES);

sceneTest("founds a private group from the page, joins it, adds and leaves", async (scene) => {
  const { alice, bob, page, bobsPage } = scene;
  await page.locator("#groups").click();
  await choose(page, "Create a group…");
  await page.locator("#dialog-name").fill("secrets");
  await page.locator("#dialog-kind").selectOption("private");
  await page.locator("#dialog-address").fill("nowhere");
  await page.keyboard.press("Enter");
  await page.locator(".problem", { hasText: "expected host:port" }).waitFor();
  await page.locator("#dialog-address").fill("");
  await page.keyboard.press("Enter");
  const invite = await page.getByLabel("Invite link", { exact: true }).inputValue();
  match(invite, /^skychat:invite:/);
  match(
    await page.getByLabel("Start this node with", { exact: true }).inputValue(),
    /^skychat app --standalone --addr \S+ --cxo-group .* --cxo-group-mode private/,
  );
  ok((await page.getByLabel("A member’s node", { exact: false }).first().inputValue())
    .endsWith(`--join ${invite}`));
  await choose(page, "Done");
  await page.locator("#conversations .lock").waitFor();
  await page.locator("#peer-name", { hasText: "secrets" }).waitFor();

  const theirs = await bobsPage();
  await theirs.locator("#groups").click();
  await choose(theirs, "Join by an invite link…");
  await theirs.locator("#dialog-link").fill("no link");
  await theirs.keyboard.press("Enter");
  await theirs.locator(".problem", { hasText: "group invite: " }).waitFor();
  await theirs.locator("#dialog-link").fill(invite);
  await theirs.keyboard.press("Enter");
  const key = await theirs.getByLabel("Your key, for an admin", { exact: true }).inputValue();
  strictEqual(key, bob.pk);
  await choose(theirs, "Done");
  await theirs.locator("#hint", { hasText: "no key of this private group yet" }).waitFor();
  await page.locator("#menu").click();
  await choose(page, "Add a member…");
  await page.locator("#dialog-key").fill(key);
  await page.keyboard.press("Enter");
  await page.locator(`.people button[data-name="${bob.pk}"] .line`, { hasText: /^connected/ })
    .waitFor();
  await choose(page, "Change the key…", "Change the key");
  await page.getByText("number 1.").waitFor();
  await choose(page, "Close");
  await until(() => theirs.locator("#message").isEnabled());
  await write(page, "psst");
  await theirs.locator(".message.in", { hasText: "psst" }).waitFor();
  await write(theirs, "I hear you");
  await page.locator(".message.in", { hasText: "I hear you" }).waitFor();

  await theirs.locator("#menu").click();
  await choose(theirs, "Leave the group…", "Leave");
  await theirs.locator("#chat").waitFor({ state: "hidden" });
  await until(async () => await theirs.locator("#conversations .lock").count() === 0);
  deepStrictEqual((await bob.get("status")).groups, []);
  strictEqual((await alice.get("status")).groups.length, 1);
}, NODES);

sceneTest("loses and doubles nothing of a group when the app restarts", async (scene) => {
  const { alice, bob, page } = scene;
  const peer = await startGroup(scene);
  const [{ listen }] = (await alice.get("status")).groups;
  const slip = await say(bob, peer, "a slip");
  await say(bob, peer, "before");
  await page.locator("#conversations .crowd").waitFor();
  await openConversation(page, peer);
  await write(page, "mine");
  await page.locator(".message.out .mark.sent").waitFor();
  await shows(page, ["a slip", "before", "mine"]);
  await alice.stop();
  await page.locator('#state[data-state="lost"]').waitFor();
  await say(bob, peer, "while away");
  await bob.delete(`${routeOf(peer)}/message?ts=${slip}`);
  const id = peer.slice("group:".length);
  await alice.restart([
    ...["--cxo-listen", listen, "--cxo-group", id, "--cxo-group-owner", alice.pk],
  ]);
  await meshed([alice, bob]);
  await say(bob, peer, "after");
  await page.locator('#state[data-state="live"]').waitFor();
  const all = ["before", "mine", "while away", "after"];
  await until(async () => (await texts(page)).join() === all.join());
  await write(page, "and on");
  await until(async () => (await history(bob, peer)).includes("and on"));
  await page.reload();
  await shows(page, [...all, "and on"]);
  strictEqual(await page.locator(".badge").count(), 0);
}, NODES);

sceneTest("reads older messages of a group in pages", async (scene) => {
  const { alice, page } = scene;
  const peer = await startGroup(scene);
  const sent = Array.from({ length: 450 }, (_, at) => `message ${at}`);
  for (const text of sent) await say(alice, peer, text);
  await page.reload();
  await page.locator("#conversations .crowd").waitFor();
  await openConversation(page, peer);
  await page.locator(".message", { hasText: "message 449" }).waitFor();
  await until(async () => await page.locator(".message").count() === 100);
  const count = () => page.locator(".message").count();
  for (let before = await count(); before < sent.length; before = await count()) {
    await page.locator("#older").click();
    await until(async () => await count() > before);
  }
  deepStrictEqual(await texts(page), sent);
  await page.locator("#older").waitFor({ state: "hidden" });
}, NODES);

sceneTest("works in groups with the keyboard alone, and without a history", async (scene) => {
  const { alice, bob, page } = scene;
  const peer = await startGroup(scene);
  await say(bob, peer, "first");
  await page.locator("#conversations .line", { hasText: "first" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("ops");
  await page.locator("#conversations button").first().waitFor();
  await page.keyboard.press("Enter");
  await page.locator("#chat").waitFor();
  await page.keyboard.type("typed");
  await page.keyboard.press("Enter");
  await shows(page, ["first", "typed"]);
  await page.reload();
  await shows(page, ["first", "typed"]);
  await page.locator("#menu").focus();
  await page.keyboard.press("Enter");
  await page.locator(".details").waitFor();
  await page.locator(`.people button[data-name="${bob.pk}"]`).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Copy key" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "hidden" });
  strictEqual((await alice.get("unread")).unread, 0);
}, { flags: ["--cxo-listen", "127.0.0.1:0"] });
