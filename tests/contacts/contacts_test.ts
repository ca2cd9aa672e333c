import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { cleanName, Contacts, MAX_CONTACTS } from "#contacts";
import { MemoryFiles } from "#files";
import * as fc from "fast-check";
import { RecordingLog } from "../net/recording_log.ts";
import { ALICE, BOB, CAROL, keyNumber, PATH } from "./people.ts";

async function open(files: MemoryFiles = new MemoryFiles()) {
  const log = new RecordingLog();
  const contacts = await Contacts.open({ path: PATH, files, log });
  if (contacts === undefined) throw new Error(log.lines.join());
  return { contacts, files, log };
}

const INVALID = { name: "ContactsError", code: "contacts-invalid-key" };
const FULL = {
  name: "ContactsError",
  code: "contacts-full",
  message: "skychat contacts: address book is full",
};
const UNAVAILABLE = {
  name: "ContactsError",
  code: "contacts-unavailable",
  message: "address book unavailable",
};

Deno.test("Contacts.set stores, changes and removes a name, and a restart finds it", async () => {
  const { contacts, files } = await open();
  strictEqual(await contacts.set(BOB.toUpperCase(), "Bob"), "Bob");
  strictEqual(await contacts.set(ALICE, " \t Alice\u00a0\n of  the hill "), "Alice of the hill");
  deepStrictEqual(Object.entries(contacts.all()), [[ALICE, "Alice of the hill"], [BOB, "Bob"]]);
  strictEqual(contacts.nameOf(BOB), "Bob");
  strictEqual(await contacts.set(BOB, " \n "), "");
  strictEqual(contacts.nameOf(BOB), undefined);
  deepStrictEqual((await open(files)).contacts.all(), { [ALICE]: "Alice of the hill" });
});

Deno.test("Contacts writes an object that is indented by two spaces, keys in order", async () => {
  const { contacts, files } = await open();
  await contacts.set(BOB, 'B "b"');
  await contacts.set(ALICE, "Ä");
  strictEqual(files.texts.get(PATH), `{\n  "${ALICE}": "Ä",\n  "${BOB}": "B \\"b\\""\n}\n`);
  deepStrictEqual([...files.texts.keys()], [PATH]);
});

Deno.test("Contacts.set refuses what is no public key, with the text of the specification", async () => {
  const { contacts, files } = await open();
  for (
    const pk of ["", "alice", ALICE + "0", ALICE.slice(1), ALICE.replace("a", "g"), ` ${ALICE}`]
  ) {
    const message = `skychat contacts: "${pk}" is not a public key`;
    await rejects(contacts.set(pk, "x"), { ...INVALID, message });
  }
  await rejects(contacts.set("x\n".repeat(500_000), "x"), (error: Error) => {
    ok(error.message.length < 2_000);
    return !error.message.includes("\n");
  });
  strictEqual(files.texts.size, 0);
});

Deno.test("cleanName collapses, trims, drops controls and cuts to 40 characters", () => {
  const rows: readonly [string, string][] = [
    ["", ""],
    ["a  b\t\r\n c", "a b c"],
    ["a\u0085b\u2028c\u3000d", "a b c d"],
    ["\u001b[31mred\u0007\u0000", "[31mred"],
    ["a \u001b b", "a b"],
    ["😀".repeat(41), "😀".repeat(40)],
    ["x".repeat(39) + "😀😀", "x".repeat(39) + "😀"],
    ["x" + "😀".repeat(60), "x" + "😀".repeat(39)],
    ["x".repeat(39) + " yz", "x".repeat(39)],
    ["\ud83d", "\ufffd"],
    ["👩‍👩‍👧", "👩‍👩‍👧"],
    ["y".repeat(1_048_576), "y".repeat(40)],
  ];
  for (const [name, expected] of rows) strictEqual(cleanName(name), expected);
});

Deno.test("cleanName changes nothing the second time", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 120 }), (name) => {
      const clean = cleanName(name);
      strictEqual(cleanName(clean), clean);
      ok(Array.from(clean).length <= 40);
      ok(!/\p{Cc}|\s\s|^\s|\s$/u.test(clean));
    }),
    { numRuns: 100 },
  );
});

Deno.test("Contacts.merge fills gaps, never overwrites and passes over what is malformed", async () => {
  const { contacts, files } = await open();
  await contacts.set(ALICE, "Alice");
  const names = JSON.parse(
    `{"${ALICE}":"Mallory","${BOB}":" Bob ","${CAROL.toUpperCase()}":"Carol","x":"y",` +
      `"${keyNumber(1)}":7,"${keyNumber(2)}":" ","__proto__":"p","${keyNumber(3)}":null}`,
  );
  strictEqual(await contacts.merge(names), 2);
  deepStrictEqual(contacts.all(), { [ALICE]: "Alice", [BOB]: "Bob", [CAROL]: "Carol" });
  deepStrictEqual((await open(files)).contacts.all(), contacts.all());
  strictEqual(await contacts.merge(names), 0);
});

Deno.test("Contacts is full at 5000 entries; changing and removing still work", async () => {
  const { contacts } = await open();
  const many = Object.fromEntries(
    Array.from({ length: MAX_CONTACTS + 10 }, (_, n) => [keyNumber(n), `n${n}`]),
  );
  strictEqual(await contacts.merge(many), MAX_CONTACTS);
  strictEqual(await contacts.merge({ [ALICE]: "Alice" }), 0);
  await rejects(contacts.set(ALICE, "Alice"), FULL);
  strictEqual(await contacts.set(keyNumber(0), "changed"), "changed");
  await contacts.set(keyNumber(1), "");
  strictEqual(await contacts.set(ALICE, "Alice"), "Alice");
  await rejects(contacts.set(BOB, "Bob"), FULL);
});

Deno.test("Contacts takes a file with too many entries, and changes those", async () => {
  const many = Array.from({ length: MAX_CONTACTS + 2 }, (_, n) => [keyNumber(n), `n${n}`]);
  const text = JSON.stringify(Object.fromEntries(many));
  const { contacts } = await open(new MemoryFiles({ [PATH]: text }));
  strictEqual(await contacts.set(keyNumber(0), "changed"), "changed");
  await contacts.set(keyNumber(1), "");
  await rejects(contacts.set(ALICE, "Alice"), FULL);
  strictEqual(Object.keys(contacts.all()).length, MAX_CONTACTS + 1);
});

Deno.test("Contacts with the longest names still fits into its own file", async () => {
  const { contacts, files } = await open();
  const names = Object.fromEntries(
    Array.from({ length: MAX_CONTACTS }, (_, n) => [keyNumber(n), "😀".repeat(40)]),
  );
  await contacts.merge(names);
  strictEqual(Object.keys((await open(files)).contacts.all()).length, MAX_CONTACTS);
});

Deno.test("Contacts loses no change of those made at a time", async () => {
  const { contacts, files } = await open();
  await Promise.all(Array.from({ length: 50 }, (_, n) => contacts.set(keyNumber(n), `n${n}`)));
  strictEqual(Object.keys(contacts.all()).length, 50);
  deepStrictEqual((await open(files)).contacts.all(), contacts.all());
});

Deno.test("Contacts writes nothing when nothing changes", async () => {
  const { contacts, files } = await open(new MemoryFiles({ [PATH]: `{"${ALICE}":"Alice"}` }));
  files.stepsLeft = 0;
  strictEqual(await contacts.set(ALICE, "Alice"), "Alice");
  strictEqual(await contacts.set(BOB, ""), "");
  strictEqual(await contacts.merge({ [ALICE]: "x" }), 0);
});

Deno.test("Contacts keeps memory and file as they were when any step of writing fails", async () => {
  const files = new MemoryFiles();
  const { contacts, log } = await open(files);
  await contacts.set(ALICE, "Alice");
  const before = files.texts.get(PATH);
  for (let steps = 0; steps < 3; steps++) {
    files.stepsLeft = steps;
    await rejects(contacts.set(BOB, "Bob"), UNAVAILABLE);
    await rejects(contacts.merge({ [BOB]: "Bob" }), UNAVAILABLE);
    deepStrictEqual(contacts.all(), { [ALICE]: "Alice" });
    strictEqual(files.texts.get(PATH), before);
    deepStrictEqual((await open(files)).contacts.all(), { [ALICE]: "Alice" });
    match(log.lines.at(-1) ?? "", /^ERROR .*book\.json cannot be written: no space left/);
  }
  files.stepsLeft = Infinity;
  await contacts.set(BOB, "Bob");
  deepStrictEqual((await open(files)).contacts.all(), { [ALICE]: "Alice", [BOB]: "Bob" });
});
