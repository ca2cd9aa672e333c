import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { MemoryFiles } from "#files";
import { GroupFolder, groupFolderName, MAX_RECORD_BYTES } from "../../lib/group/group_folder.ts";
import { encodeGroupRecord } from "../../lib/group/group_record.ts";
import { RecordingLog } from "../net/recording_log.ts";
import { BOB, CAROL, decision, factsAfter, GROUP_ID } from "./decisions.ts";
import { recordOf, SECOND } from "./records.ts";

const FOLDER = `groups/${GROUP_ID}`;
const RECORD = `${FOLDER}/record.json`;
const OLD = recordOf({ facts: factsAfter(decision("ban", BOB, SECOND)) });
const NEW = recordOf({
  facts: factsAfter(decision("ban", BOB, SECOND), decision("ban", CAROL, SECOND)),
});

async function opened(files: MemoryFiles, { id = GROUP_ID, log = new RecordingLog() } = {}) {
  return { folder: await GroupFolder.open({ folder: "groups", id, files, log }), log };
}

Deno.test("groupFolderName makes of any id one name that is no path", async () => {
  for (
    const [id, name] of [
      [GROUP_ID, GROUP_ID],
      [".", "%2E"],
      ["..", "%2E%2E"],
      ["../x", "%2E%2E%2Fx"],
      ["a b:c\\d\0", "a%20b%3Ac%5Cd%00"],
      ["team_room-1*'()~!", "team_room-1%2A%27%28%29%7E%21"],
      ["grün", "gr%C3%BCn"],
      ["\ud800", "%EF%BF%BD"],
    ] as const
  ) strictEqual(groupFolderName(id), name);
  await rejects(opened(new MemoryFiles(), { id: "" }), RangeError);
});

Deno.test("GroupFolder keeps a record, and writes nothing before it is asked to", async () => {
  const files = new MemoryFiles();
  const { folder, log } = await opened(files);
  strictEqual(folder.record, undefined);
  strictEqual(folder.damaged, false);
  deepStrictEqual(files.steps, []);
  strictEqual(await folder.save(OLD), true);
  deepStrictEqual(files.steps, [
    ...[`folder ${FOLDER}`, `write ${RECORD}.tmp`, `rename ${RECORD}.tmp`],
  ]);
  deepStrictEqual((await opened(files)).folder.record, OLD);
  strictEqual(await folder.save(OLD), true);
  strictEqual(files.steps.length, 3, "what is there already is not written again");
  deepStrictEqual(log.lines, []);
});

Deno.test("GroupFolder has the old or the new record wherever a save ends", async () => {
  for (let steps = 0; steps <= 3; steps++) {
    const files = new MemoryFiles({ [RECORD]: encodeGroupRecord(OLD) });
    const { folder, log } = await opened(files);
    files.stepsLeft = steps;
    strictEqual(await folder.save(NEW), steps === 3);
    const after = await opened(files);
    deepStrictEqual(after.folder.record, steps === 3 ? NEW : OLD);
    deepStrictEqual(after.log.lines, []);
    if (steps === 3) continue;
    match(
      log.lines.join(),
      /^ERROR skychat: group record .*record\.json cannot be written: no space/,
    );
    strictEqual(await folder.save(NEW), false);
    strictEqual(log.lines.length, 1, "one line until it works again");
    files.stepsLeft = Infinity;
    strictEqual(await folder.save(NEW), true);
    deepStrictEqual((await opened(files)).folder.record, NEW);
    files.stepsLeft = 0;
    strictEqual(await folder.save(OLD), false);
    strictEqual(log.lines.length, 2);
  }
});

Deno.test("GroupFolder replaces what a killed process left half written", async () => {
  const files = new MemoryFiles({
    [RECORD]: encodeGroupRecord(OLD),
    [`${RECORD}.tmp`]: encodeGroupRecord(NEW).slice(0, 100),
  });
  const { folder, log } = await opened(files);
  deepStrictEqual(folder.record, OLD);
  strictEqual(await folder.save(NEW), true);
  strictEqual(files.texts.has(`${RECORD}.tmp`), false);
  deepStrictEqual(log.lines, []);
});

Deno.test("GroupFolder leaves a record that it cannot use as it is, and works in memory", async () => {
  const bad: readonly [string, RegExp][] = [
    ["", /it is not JSON/],
    [encodeGroupRecord(OLD).slice(0, -9), /it is not JSON/],
    ["{}", /id is missing or malformed/],
    [encodeGroupRecord({ ...OLD, id: "other" }), /it is of another group/],
    ["x".repeat(MAX_RECORD_BYTES + 1), /more than 16777216 bytes/],
  ];
  for (const [text, pattern] of bad) {
    const files = new MemoryFiles({ [RECORD]: text });
    const { folder, log } = await opened(files);
    strictEqual(folder.record, undefined);
    strictEqual(folder.damaged, true);
    strictEqual(log.lines.length, 1);
    match(
      log.lines[0] ?? "",
      /^ERROR skychat: group record .* cannot be used and is left as it is/,
    );
    match(log.lines[0] ?? "", pattern);
    strictEqual(await folder.save(NEW), false);
    strictEqual(files.texts.get(RECORD), text);
    deepStrictEqual([...files.texts.keys()], [RECORD]);
    folder.addSeen(["ab".repeat(32)]);
    await folder.flush();
    ok(files.texts.has(`${FOLDER}/seen.log`));
    strictEqual(log.lines.length, 1);
  }
});

Deno.test("GroupFolder never writes a record that it would not read again", async () => {
  const files = new MemoryFiles({ [RECORD]: encodeGroupRecord(OLD) });
  const { folder, log } = await opened(files);
  strictEqual(await folder.save({ ...NEW, id: "other" }), false);
  strictEqual(await folder.save({ ...NEW, name: "ü".repeat(MAX_RECORD_BYTES / 2) }), false);
  strictEqual(await folder.save({ ...NEW, baseMembers: [BOB.toUpperCase()] }), false);
  strictEqual(files.texts.get(RECORD), encodeGroupRecord(OLD));
  match(log.lines.join(), /it is of another group/);
});

Deno.test("GroupFolder saves one after the other, and of those that wait only the newest", async () => {
  const files = new MemoryFiles();
  const { folder } = await opened(files);
  const gate = Promise.withResolvers<void>();
  files.before = () => gate.promise;
  const first = folder.save(OLD);
  await Promise.resolve();
  await Promise.resolve();
  const others = Array.from(
    { length: 9 },
    (_, index) => folder.save({ ...OLD, port: index + 1 }),
  );
  const last = folder.save(NEW);
  gate.resolve();
  deepStrictEqual(await Promise.all([first, ...others, last]), Array(11).fill(true));
  strictEqual(files.steps.filter((step) => step.startsWith("write")).length, 2);
  deepStrictEqual((await opened(files)).folder.record, NEW);
  strictEqual(await folder.save(OLD), true);
  await folder.flush();
  deepStrictEqual((await opened(files)).folder.record, OLD);
});

Deno.test("GroupFolder.list finds all groups, and leaves out what is none", async () => {
  const files = new MemoryFiles();
  const ids = ["b/../c", "team room", GROUP_ID];
  for (const id of ids) await (await opened(files, { id })).folder.save({ ...OLD, id });
  files.texts.set("groups/broken/record.json", "{");
  files.texts.set("groups/team%20room2/seen.log", "");
  files.texts.set(
    "groups/not encoded/record.json",
    encodeGroupRecord({ ...OLD, id: "not encoded" }),
  );
  files.texts.set("groups/team room/record.json", encodeGroupRecord({ ...OLD, id: "team room" }));
  files.texts.set("groups/%zz/record.json", encodeGroupRecord({ ...OLD, id: "%zz" }));
  files.texts.set("groups/stolen/record.json", encodeGroupRecord(OLD));
  const log = new RecordingLog();
  const records = await GroupFolder.list({ folder: "groups", files, log });
  deepStrictEqual(records.map(({ id }) => id), [GROUP_ID, "b/../c", "team room"].sort());
  strictEqual(log.lines.length, 2);
  match(log.lines.join(), /broken.*it is not JSON.*stolen.*of another group/);
});

Deno.test("GroupFolder.list is empty where nothing is, and says why where nothing can be read", async () => {
  const log = new RecordingLog();
  const files = new MemoryFiles();
  deepStrictEqual(await GroupFolder.list({ folder: "groups", files, log }), []);
  deepStrictEqual(log.lines, []);
  files.list = () => Promise.reject(new Error("permission denied"));
  deepStrictEqual(await GroupFolder.list({ folder: "groups", files, log }), []);
  match(
    log.lines.join(),
    /^ERROR skychat: folder of groups groups cannot be read: permission denied$/,
  );
});
