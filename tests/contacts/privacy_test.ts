import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { MAX_CONTACTS, MAX_WRITTEN_TO, Privacy } from "#contacts";
import { MemoryFiles } from "#files";
import { settle } from "#support/manual_clock.ts";
import { RecordingLog } from "../net/recording_log.ts";
import { ALICE, BOB, CAROL, DAVE, keyNumber, PATH } from "./people.ts";

async function open(options: { files?: MemoryFiles; history?: string[]; named?: string[] } = {}) {
  const { files = new MemoryFiles(), history = [], named = [] } = options;
  const log = new RecordingLog();
  const privacy = await Privacy.open({
    path: PATH,
    files,
    log,
    hasName: (pkHex) => named.includes(pkHex),
    historyPeers: () => Promise.resolve(history),
  });
  if (privacy === undefined) throw new Error(log.lines.join());
  return { privacy, files, log, history, named };
}

const UNAVAILABLE = {
  name: "ContactsError",
  code: "contacts-unavailable",
  message: "privacy settings unavailable",
};
const OFF = { approval: false, blocked: [], requests: [] };

Deno.test("Privacy lets everybody in at first and writes nothing", async () => {
  const { privacy, files } = await open({ history: [ALICE] });
  strictEqual(privacy.isBlocked(ALICE), false);
  strictEqual(privacy.isUnapproved(ALICE), false);
  deepStrictEqual(await privacy.state(), OFF);
  await privacy.setApproval(false);
  await privacy.block(ALICE, false);
  strictEqual(files.texts.size, 0);
});

Deno.test("Privacy.block and unblock survive a restart; the list is sorted", async () => {
  const { privacy, files } = await open();
  await privacy.block(BOB.toUpperCase(), true);
  await privacy.block(ALICE, true);
  await privacy.block(BOB, true);
  strictEqual(privacy.isBlocked(BOB), true);
  const again = (await open({ files })).privacy;
  deepStrictEqual(await again.state(), { ...OFF, blocked: [ALICE, BOB] });
  await again.block(BOB, false);
  strictEqual(again.isBlocked(BOB), false);
  strictEqual(
    files.texts.get(PATH),
    `{\n  "approval": false,\n  "blocked": [\n    "${ALICE}"\n  ],\n  "accepted": []\n}\n`,
  );
});

Deno.test("Privacy.setApproval accepts the history when it is turned on, and not again", async () => {
  const { privacy, history, files } = await open({ history: [ALICE] });
  await privacy.setApproval(true);
  strictEqual(privacy.isUnapproved(ALICE), false);
  strictEqual(privacy.isUnapproved(BOB), true);
  history.push(BOB);
  await privacy.setApproval(true);
  strictEqual(privacy.isUnapproved(BOB), true, "already on: requesters stay requesters");
  const again = (await open({ files, history })).privacy;
  deepStrictEqual(await again.state(), { approval: true, blocked: [], requests: [BOB] });
  await again.setApproval(false);
  strictEqual(again.isUnapproved(BOB), false);
  deepStrictEqual(await again.state(), OFF);
});

Deno.test("Privacy requests are peers of the history that nobody let in, sorted", async () => {
  const { privacy, history, named } = await open();
  await privacy.setApproval(true);
  history.push(DAVE, CAROL, BOB, ALICE, keyNumber(1));
  named.push(ALICE);
  await privacy.accept(BOB);
  await privacy.block(keyNumber(1), true);
  const requests = [CAROL, DAVE];
  deepStrictEqual(await privacy.state(), { approval: true, blocked: [keyNumber(1)], requests });
  strictEqual(privacy.isUnapproved(ALICE), false, "a nickname is enough");
  strictEqual(privacy.isUnapproved(BOB), false);
  strictEqual(privacy.isUnapproved(CAROL), true);
});

Deno.test("Privacy.sent accepts a peer at once and for good", async () => {
  const { privacy, files } = await open();
  await privacy.setApproval(true);
  privacy.sent(BOB);
  privacy.sent(BOB);
  strictEqual(privacy.isUnapproved(BOB), false);
  await settle();
  strictEqual((await open({ files })).privacy.isUnapproved(BOB), false);
});

Deno.test("Privacy.sent leaves no list of peers while approval is off, and is remembered until then", async () => {
  const { privacy, files } = await open();
  privacy.sent(ALICE);
  await settle();
  strictEqual(files.texts.size, 0);
  await privacy.setApproval(true);
  strictEqual(privacy.isUnapproved(ALICE), false);
  strictEqual((await open({ files })).privacy.isUnapproved(ALICE), false);
});

Deno.test("Privacy.sent remembers a bounded number of peers", async () => {
  const { privacy } = await open();
  for (let n = 0; n <= MAX_WRITTEN_TO; n++) privacy.sent(keyNumber(n));
  await privacy.setApproval(true);
  strictEqual(privacy.isUnapproved(keyNumber(0)), true);
  strictEqual(privacy.isUnapproved(keyNumber(1)), false);
});

Deno.test("Privacy.sent counts although it cannot be written", async () => {
  const files = new MemoryFiles();
  const { privacy, log } = await open({ files });
  await privacy.setApproval(true);
  files.stepsLeft = 0;
  privacy.sent(ALICE);
  await settle();
  strictEqual(privacy.isUnapproved(ALICE), false);
  match(log.lines.at(-1) ?? "", /^WARN .*privacy settings unavailable/);
});

Deno.test("Privacy refuses what is no public key, with the text of the specification", async () => {
  const { privacy } = await open();
  const expected = {
    name: "ContactsError",
    code: "contacts-invalid-key",
    message: 'skychat privacy: "bob" is not a public key',
  };
  await rejects(privacy.block("bob", true), expected);
  await rejects(privacy.accept("bob"), expected);
});

Deno.test("Privacy lists hold 5000 keys; removing still works", async () => {
  const keys = Array.from({ length: MAX_CONTACTS }, (_, n) => keyNumber(n));
  const text = JSON.stringify({ blocked: keys, accepted: keys });
  const { privacy, history } = await open({ files: new MemoryFiles({ [PATH]: text }) });
  const full = { code: "contacts-full", message: "skychat privacy: list is full" };
  await rejects(privacy.block(ALICE, true), full);
  await rejects(privacy.accept(ALICE), full);
  await privacy.block(keyNumber(1), false);
  await privacy.block(ALICE, true);
  history.push(BOB);
  await privacy.setApproval(true);
  deepStrictEqual((await privacy.state()).requests, [BOB], "no room to accept it");
});

Deno.test("Privacy changes nothing when any step of writing fails", async () => {
  const files = new MemoryFiles();
  const { privacy, history } = await open({ files });
  await privacy.block(ALICE, true);
  const before = await privacy.state();
  for (let steps = 0; steps < 3; steps++) {
    files.stepsLeft = steps;
    await rejects(privacy.block(BOB, true), UNAVAILABLE);
    await rejects(privacy.accept(BOB), UNAVAILABLE);
    await rejects(privacy.setApproval(true), UNAVAILABLE);
    deepStrictEqual(await privacy.state(), before);
    deepStrictEqual(await (await open({ files, history })).privacy.state(), before);
  }
});

Deno.test("Privacy does not turn approval on without knowing the history", async () => {
  const log = new RecordingLog();
  const privacy = await Privacy.open({
    path: PATH,
    files: new MemoryFiles(),
    log,
    hasName: () => false,
    historyPeers: () => Promise.reject(new Error("disk\nfailed")),
  });
  await rejects(privacy?.setApproval(true) ?? Promise.resolve(), UNAVAILABLE);
  deepStrictEqual(await privacy?.state(), OFF);
  deepStrictEqual(log.lines, [
    "ERROR skychat: cannot read the peers of the history: disk\\u000afailed",
  ]);
});

Deno.test("Privacy takes files with missing and null lists, and leaves others as they are", async () => {
  for (
    const text of ["{}", `{"approval":false,"blocked":null}`, `{"accepted":["${ALICE}"],"x":1}`]
  ) {
    deepStrictEqual(
      await (await open({ files: new MemoryFiles({ [PATH]: text }) })).privacy.state(),
      OFF,
    );
  }
  const bad = [
    "[]",
    "null",
    "{",
    `{"approval":1}`,
    `{"blocked":{}}`,
    `{"blocked":["x"]}`,
    `{"accepted":[7]}`,
    `{"accepted":"${ALICE}"}`,
    `{"accepted":[["${ALICE}"]]}`,
  ];
  for (const text of bad) {
    const files = new MemoryFiles({ [PATH]: text });
    await rejects(open({ files }), /privacy settings .* cannot be used and is left as it is/, text);
    strictEqual(files.texts.get(PATH), text);
  }
});

Deno.test("Privacy makes changes one after the other", async () => {
  const { privacy, files } = await open();
  const keys = Array.from({ length: 30 }, (_, n) => keyNumber(n));
  await Promise.all([...keys.map((key) => privacy.block(key, true)), privacy.setApproval(true)]);
  const state = await (await open({ files })).privacy.state();
  deepStrictEqual(state, { approval: true, blocked: keys, requests: [] });
});
