import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { Contacts, MAX_SETTINGS_BYTES } from "#contacts";
import { denoFiles, MemoryFiles } from "#files";
import { RecordingLog } from "../net/recording_log.ts";
import { ALICE, BOB, PATH } from "./people.ts";

/** A folder of its own for a test, gone afterwards. */
async function ownFolder() {
  const root = await Deno.makeTempDir();
  return {
    folder: `${root}/data`,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

const bits = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

Deno.test("Contacts makes its private folder and file at the first write, not before", async () => {
  await using own = await ownFolder();
  const { folder } = own;
  const path = `${folder}/contacts.json`;
  const log = new RecordingLog();
  const contacts = await Contacts.open({ path, files: denoFiles, log });
  await contacts?.set(ALICE, "");
  await rejects(Deno.stat(folder), Deno.errors.NotFound);
  await contacts?.set(ALICE, "Alice");
  strictEqual(await bits(folder), 0o700);
  strictEqual(await bits(path), 0o600);
  strictEqual(await Deno.readTextFile(path), `{\n  "${ALICE}": "Alice"\n}\n`);
  deepStrictEqual((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), [
    "contacts.json",
  ]);
  deepStrictEqual(log.lines, []);
});

Deno.test("Contacts ignores and replaces what a killed process left half written", async () => {
  await using own = await ownFolder();
  const { folder } = own;
  const path = `${folder}/contacts.json`;
  const options = { path, files: denoFiles, log: new RecordingLog() };
  await (await Contacts.open(options))?.set(ALICE, "Alice");
  await Deno.writeTextFile(`${path}.tmp`, `{"${BOB}":`, { mode: 0o644 });
  const contacts = await Contacts.open(options);
  deepStrictEqual(contacts?.all(), { [ALICE]: "Alice" });
  await contacts?.set(BOB, "Bob");
  deepStrictEqual((await Contacts.open(options))?.all(), { [ALICE]: "Alice", [BOB]: "Bob" });
  strictEqual(await bits(path), 0o600);
  await rejects(Deno.stat(`${path}.tmp`), Deno.errors.NotFound);
});

Deno.test("Contacts leaves a file that it cannot use as it is, and says so", async () => {
  const bad: readonly [string, RegExp][] = [
    ["{", /it is not JSON/],
    [`{"${ALICE}":"secret na`, /it is not JSON/],
    ["[]", /not an object of names/],
    ["null", /not an object of names/],
    ["7", /not an object of names/],
    [`{"${ALICE}":7}`, /not a public key with a name/],
    [`{"alice":"Alice"}`, /not a public key with a name/],
    [`"${"x".repeat(MAX_SETTINGS_BYTES)}"`, /more than 2097152 bytes/],
  ];
  for (const [text, pattern] of bad) {
    const log = new RecordingLog();
    const files = new MemoryFiles({ [PATH]: text });
    strictEqual(await Contacts.open({ path: PATH, files, log }), undefined);
    strictEqual(log.lines.length, 1);
    match(log.lines[0] ?? "", /^ERROR skychat: address book .*data\/book\.json cannot be used/);
    match(log.lines[0] ?? "", pattern);
    ok(!log.lines[0]?.includes("secret"));
    strictEqual(files.texts.get(PATH), text);
  }
});

Deno.test("Contacts takes a blank file as an empty one", async () => {
  for (const text of ["", " \n"]) {
    const files = new MemoryFiles({ [PATH]: text });
    const contacts = await Contacts.open({ path: PATH, files, log: new RecordingLog() });
    deepStrictEqual(contacts?.all(), {});
  }
});
