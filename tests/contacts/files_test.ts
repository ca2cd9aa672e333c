import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { Contacts, denoFiles, MAX_SETTINGS_BYTES, MemoryFiles } from "#contacts";
import { testContactFiles } from "../contract/contact_files_suite.ts";
import { RecordingLog } from "../net/recording_log.ts";
import { ALICE, BOB, PATH } from "./people.ts";

/** A folder of its own for a test, gone afterwards. */
async function ownFolder() {
  const root = await Deno.makeTempDir();
  return {
    files: denoFiles,
    folder: `${root}/data`,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

testContactFiles("denoFiles", ownFolder);
testContactFiles("MemoryFiles", () =>
  Promise.resolve({
    files: new MemoryFiles(),
    folder: "data",
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }));

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

Deno.test("denoFiles writes through no link that somebody left in the way", async () => {
  await using own = await ownFolder();
  const { folder } = own;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/precious`, "keep");
  await Deno.symlink(`${folder}/precious`, `${folder}/contacts.json.tmp`);
  await denoFiles.write(`${folder}/contacts.json.tmp`, "new");
  strictEqual(await Deno.readTextFile(`${folder}/precious`), "keep");
});

Deno.test("denoFiles reads no folder, no device and no bytes that are not UTF-8", async () => {
  await using own = await ownFolder();
  const { folder } = own;
  await Deno.mkdir(folder);
  await rejects(denoFiles.read(folder, 10), /not a regular file/);
  await rejects(denoFiles.read("/dev/zero", 10), /not a regular file/);
  await Deno.writeFile(`${folder}/latin1`, Uint8Array.of(0x22, 0xe4, 0x22));
  await rejects(denoFiles.read(`${folder}/latin1`, 10), TypeError);
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
