import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import {
  MAX_IMPORT_FILE_FIELD,
  MAX_IMPORT_GROUP,
  MAX_IMPORT_ID,
  readGroupRecord,
  readHistoryRecord,
} from "../../lib/store/import_record.ts";
import { peerKey } from "./search_fixture.ts";

const ALICE = peerKey(0xabc);

const FULL = {
  peer: ALICE,
  from: ALICE,
  outgoing: false,
  text: "hello",
  timestamp: "2026-09-08T10:00:00.123456789Z",
  id: "8077ca12ee05c806",
  reply_to: "00",
  file_id: "f",
  file_name: "a.txt",
  file_size: 3,
  file_status: "done",
  file_url: "/f",
};

Deno.test("readHistoryRecord keeps every key of history.md 3, in its order, and no other", () => {
  const read = readHistoryRecord({ forwarded: true, ...FULL, reply_to_preview: "x", other: 1 });
  equal(JSON.stringify(read), JSON.stringify(FULL));
});

Deno.test("readHistoryRecord brings keys and times into the form of the store", () => {
  deepEqual(
    readHistoryRecord({
      peer: ALICE.toUpperCase(),
      from: ALICE.toUpperCase(),
      text: "half \ud83d",
      timestamp: "2026-09-08T12:30:00.500+02:30",
    }),
    {
      peer: ALICE,
      from: ALICE,
      outgoing: false,
      text: "half \ufffd",
      timestamp: "2026-09-08T10:00:00.5Z",
    },
  );
});

Deno.test("readHistoryRecord takes null and empty optional fields as absent", () => {
  const { peer, text, timestamp } = FULL;
  const empty = { from: "", id: null, reply_to: "", file_size: 0, file_url: "", outgoing: null };
  deepEqual(readHistoryRecord({ peer, text, timestamp, ...empty }), {
    peer,
    outgoing: false,
    text,
    timestamp,
  });
});

Deno.test("readHistoryRecord and readGroupRecord say what is wrong with an entry", () => {
  const cases: readonly [unknown, RegExp][] = [
    [null, /no object/],
    [[FULL], /no object/],
    ["text", /no object/],
    [{}, /peer/],
    [{ ...FULL, peer: "02" }, /peer/],
    [{ ...FULL, peer: 5 }, /peer/],
    [{ ...FULL, from: "me" }, /from/],
    [{ ...FULL, outgoing: "yes" }, /outgoing/],
    [{ ...FULL, text: undefined }, /text/],
    [{ ...FULL, timestamp: "yesterday" }, /timestamp/],
    [{ ...FULL, timestamp: "0001-01-01T00:00:00Z" }, /timestamp/],
    [{ ...FULL, timestamp: 5 }, /timestamp/],
    [{ ...FULL, id: 5 }, /id/],
    [{ ...FULL, id: "i".repeat(MAX_IMPORT_ID + 1) }, /id is longer/],
    [{ ...FULL, file_name: "n".repeat(MAX_IMPORT_FILE_FIELD + 1) }, /file_name is longer/],
    [{ ...FULL, file_size: -1 }, /file_size/],
    [{ ...FULL, file_size: 1.5 }, /file_size/],
  ];
  for (const [entry, reason] of cases) {
    const read = readHistoryRecord(entry);
    equal(
      typeof read === "string" && reason.test(read),
      true,
      `${reason}: ${JSON.stringify(read)}`,
    );
  }
  const group = { ...FULL, group_id: "g", sender_pk: ALICE };
  for (
    const entry of [
      { ...group, group_id: "" },
      { ...group, group_id: "g".repeat(MAX_IMPORT_GROUP + 1) },
      { ...group, sender_pk: "me" },
    ]
  ) equal(typeof readGroupRecord(entry), "string");
  deepEqual(readGroupRecord(group), {
    group_id: "g",
    sender_pk: ALICE,
    outgoing: false,
    text: "hello",
    timestamp: FULL.timestamp,
  });
});

Deno.test("readHistoryRecord reads what it wrote, and never throws for what JSON can hold", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom(...Object.keys(FULL)), fc.jsonValue()),
      (
        value,
        fields,
      ) => {
        for (const entry of [value, fields, { ...FULL, ...fields }]) {
          const read = readHistoryRecord(entry);
          if (typeof read !== "string") deepEqual(readHistoryRecord(read), read);
          readGroupRecord(entry);
        }
      },
    ),
    { numRuns: 200 },
  );
});
