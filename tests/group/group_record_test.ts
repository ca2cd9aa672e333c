import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { utf8 } from "#kit";
import { MUTATION_OPS, NO_FACTS } from "../../lib/group/facts.ts";
import {
  charterOf,
  decodeGroupRecord,
  encodeGroupRecord,
  GROUP_STATUSES,
  type GroupRecordFile,
} from "../../lib/group/group_record.ts";
import { RecordError } from "../../lib/group/record_reader.ts";
import {
  ALICE,
  anyHistory,
  BOB,
  CAROL,
  DAVE,
  decision,
  factsAfter,
  GROUP_ID,
} from "./decisions.ts";
import { recordOf, SECOND } from "./records.ts";

const text = (record: GroupRecordFile) => encodeGroupRecord(record);
const documentOf = (record: GroupRecordFile) => JSON.parse(text(record)) as Record<string, unknown>;

Deno.test("encodeGroupRecord writes every key of groups.md 1.4 in its order and form", () => {
  const at = (nanos: number) => SECOND + BigInt(nanos);
  const facts = factsAfter(
    ...[decision("add", DAVE, at(1)), decision("promote", CAROL, at(2))],
    ...[
      decision("remove", BOB, at(3)),
      decision("ban", BOB, at(4)),
      decision("mute", DAVE, at(500)),
    ],
    ...[decision("read-only", "", at(6)), decision("backfill-off", "", at(7_000_000))],
  );
  const sealed = Uint8Array.of(1, 2, 3);
  const largest = 2n ** 64n - 1n;
  const record = recordOf({
    facts,
    kind: "private",
    mode: "private",
    lastMessageAt: at(123_456_789),
    addresses: new Map([[DAVE, "dave.example:8802"], [BOB, "[::1]:8802"]]),
    keyRing: {
      current: { epoch: largest, sealed, issuedAt: at(8) },
      retired: [{ epoch: largest - 1n, sealed: Uint8Array.of(255), issuedAt: undefined }],
    },
  });
  const written = text(record);
  const time = (fraction: string) => `2026-09-21T14:15:00${fraction}Z`;
  deepStrictEqual(Object.entries(JSON.parse(written.replaceAll(/\d{20}/g, '"$&"'))), [
    ["id", GROUP_ID],
    ["name", "ops"],
    ["owner_pk", ALICE],
    ["admins", [ALICE, CAROL]],
    ["port", 8870],
    ["mode", "private"],
    ["kind", "private"],
    ["banned", [BOB]],
    ["muted", [DAVE]],
    ["muted_since", { [DAVE]: time(".0000005") }],
    ["read_only", true],
    ["peer_backfill_disabled", true],
    ["read_only_since", time(".000000006")],
    ["aes_key_sealed", "AQID"],
    ["key_epoch", "18446744073709551615"],
    ["key_issued_at", time(".000000008")],
    ["key_ring", [
      { epoch: "18446744073709551614", key_sealed: "/w==", added_at: "0001-01-01T00:00:00Z" },
    ]],
    ["members", [ALICE, CAROL, DAVE]],
    ["role", "owner"],
    ["mutation_seen", {
      [`a:${CAROL}`]: time(".000000002"),
      [`m:${BOB}`]: time(".000000004"),
      [`m:${DAVE}`]: time(".0000005"),
      "m:group": time(".007"),
      [`r:${BOB}`]: time(".000000003"),
      [`r:${DAVE}`]: time(".000000001"),
    }],
    ["status", "active"],
    ["created_at", time("")],
    ["joined_at", time("")],
    ["last_message_at", time(".123456789")],
    ["peer_addrs", { [DAVE]: "dave.example:8802", [BOB]: "[::1]:8802" }],
    ["base_members", [ALICE, BOB, CAROL]],
    ["governance", "owner"],
    ["facts", documentOf(record)["facts"]],
    ["governance_seq", { roster: 0, admin: 0, mod: 0, keys: 0 }],
  ]);
  // A ban stands in two registers and is one decision.
  strictEqual((documentOf(record)["facts"] as unknown[]).length, 7);
  ok(written.endsWith("}\n"));
});

Deno.test("encodeGroupRecord leaves out what upstream leaves out, and writes zero times", () => {
  const document = documentOf(recordOf({}));
  deepStrictEqual(Object.keys(document), [
    ...["id", "name", "owner_pk", "admins", "port", "mode", "kind", "read_only_since"],
    ...["key_issued_at", "members", "role", "status", "created_at", "joined_at"],
    ...["last_message_at", "peer_addrs", "base_members", "governance", "facts"],
    ...["governance_seq"],
  ]);
  for (const key of ["read_only_since", "key_issued_at", "last_message_at"]) {
    strictEqual(document[key], "0001-01-01T00:00:00Z");
  }
});

const nanos = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const key = fc.record({
  epoch: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  sealed: fc.uint8Array({ minLength: 1, maxLength: 60 }),
  issuedAt: fc.option(nanos, { nil: undefined }),
}).map((made) => ({ ...made }));
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const anyRecord: fc.Arbitrary<GroupRecordFile> = fc.record({
  id: fc.string({ unit: "grapheme", minLength: 1 }),
  name: fc.string({ unit: "grapheme" }),
  owner: fc.constantFrom(ALICE, BOB),
  port: fc.integer({ min: 0, max: 65_535 }),
  mode: fc.constantFrom("public", "private"),
  kind: fc.constantFrom("public", "private", "channel"),
  governance: fc.constantFrom("owner", "all"),
  role: fc.constantFrom("owner", "member"),
  status: fc.constantFrom(...GROUP_STATUSES),
  baseMembers: fc.subarray([ALICE, BOB, CAROL, DAVE]),
  facts: fc.tuple(anyHistory, nanos).map(([history, start]) =>
    factsAfter(...history.map((m) => ({ ...m, issuedAt: start / 2n + m.issuedAt })))
  ),
  addresses: fc.uniqueArray(fc.constantFrom(ALICE, BOB, CAROL)).map((keys) =>
    new Map(keys.map((pk) => [pk, "example.net:8802"]))
  ),
  createdAt: nanos,
  joinedAt: nanos,
  lastMessageAt: fc.option(nanos, { nil: undefined }),
  governanceSeq: fc.record({ roster: count, admin: count, mod: count, keys: count })
    .map((seq) => ({ ...seq })),
}).map((record) => ({ ...record })).chain((record) =>
  fc.oneof(
    fc.constant(record),
    fc.record({ current: key, retired: fc.array(key, { maxLength: 3 }) })
      .map((keyRing) => ({ ...record, keyRing: { ...keyRing } })),
    fc.record({
      current: fc.constant(undefined),
      retired: fc.array(key, { minLength: 1, maxLength: 3 }),
    })
      .map((keyRing) => ({ ...record, keyRing: { ...keyRing } })),
  )
);

Deno.test("decodeGroupRecord gives back what was encoded, and encoding is one text per record", () => {
  fc.assert(fc.property(anyRecord, (record) => {
    const again = decodeGroupRecord(text(record));
    deepStrictEqual(again, record);
    strictEqual(text(again), text(record));
  }));
});

Deno.test("encodeGroupRecord does not tell in which order the facts came", () => {
  fc.assert(fc.property(anyHistory, (history) => {
    const sameTimes = history.map((m) => ({ ...m, issuedAt: SECOND + m.issuedAt }));
    strictEqual(
      text(recordOf({ facts: factsAfter(...sameTimes.toReversed()) })),
      text(recordOf({ facts: factsAfter(...sameTimes) })),
    );
  }));
});

Deno.test("decodeGroupRecord takes every operation and every status", () => {
  for (const op of MUTATION_OPS) {
    const peer = /read|backfill/.test(op) ? "" : BOB;
    const record = recordOf({ facts: factsAfter(decision(op, peer, SECOND)) });
    deepStrictEqual(decodeGroupRecord(text(record)).facts, record.facts);
  }
  for (const status of GROUP_STATUSES) {
    strictEqual(decodeGroupRecord(text(recordOf({ status }))).status, status);
  }
});

Deno.test("decodeGroupRecord joins facts in any order and does not lose an eviction", () => {
  const record = recordOf({
    facts: factsAfter(decision("ban", BOB, SECOND), decision("unban", BOB, SECOND + 1n)),
  });
  const document = documentOf(record);
  const facts = (document["facts"] as unknown[]).toReversed();
  const again = decodeGroupRecord(JSON.stringify({ ...document, facts: [...facts, ...facts] }));
  deepStrictEqual(again.facts, record.facts);
});

Deno.test("decodeGroupRecord does not believe what follows from the facts", () => {
  const record = recordOf({ facts: factsAfter(decision("ban", BOB, SECOND)) });
  const forged = {
    ...documentOf(record),
    banned: [],
    members: [BOB],
    admins: [BOB],
    mutation_seen: {},
  };
  deepStrictEqual(decodeGroupRecord(JSON.stringify(forged)), record);
  deepStrictEqual(charterOf(record), {
    ...{ id: GROUP_ID, owner: ALICE, mode: "public", kind: "public", governance: "owner" },
    members: [ALICE, BOB, CAROL],
  });
});

Deno.test("decodeGroupRecord refuses every beginning of a record", () => {
  const whole = text(recordOf({ facts: factsAfter(decision("ban", BOB, SECOND)) })).trimEnd();
  for (let length = 0; length < whole.length; length++) {
    throws(() => decodeGroupRecord(whole.slice(0, length)), RecordError);
  }
});

Deno.test("decodeGroupRecord refuses a record of which one field is missing or malformed", () => {
  const fact = {
    op: "ban",
    peer_pk: BOB,
    issued_at: "2026-01-01T00:00:00Z",
    issuer_pk: ALICE,
    digest: "ab".repeat(32),
  };
  const good = { ...documentOf(recordOf({})), facts: [fact] };
  decodeGroupRecord(JSON.stringify(good));
  const optional = [
    "admins",
    "members",
    "read_only_since",
    "key_issued_at",
    "last_message_at",
  ];
  const ignored = ["admins", "members", "read_only_since", "key_issued_at"];
  const listed = ["peer_addrs", "base_members", "port"];
  for (const name of Object.keys(good)) {
    const { [name as keyof typeof good]: _, ...rest } = good;
    if (![...optional, ...listed].includes(name)) {
      throws(() => decodeGroupRecord(JSON.stringify(rest)), RecordError, name);
    }
    if (ignored.includes(name)) continue;
    const secret = "s3cret";
    for (const bad of [secret, 1.5, -1, true, [secret], [[]], { x: secret }, 1e300]) {
      if (typeof bad === "string" && ["id", "name"].includes(name)) continue;
      // What has issued nothing may leave out its numbers.
      if (name === "governance_seq" && typeof bad === "object" && !Array.isArray(bad)) continue;
      const changed = JSON.stringify({ ...good, [name]: bad });
      throws(
        () => decodeGroupRecord(changed),
        (error: unknown) =>
          error instanceof RecordError && error.code === "group-record-invalid" &&
          !error.message.includes(secret),
        `${name}: ${JSON.stringify(bad)}`,
      );
    }
  }
  for (
    const bad of [
      ...[{ op: "kick" }, { op: "constructor" }, { op: "__proto__" }, { op: 1 }],
      ...[{ peer_pk: "" }, { peer_pk: BOB.toUpperCase() }, { peer_pk: "04" + BOB.slice(2) }],
      ...[{ peer_pk: `${BOB}:x` }, { issuer_pk: "" }, { digest: "AB".repeat(32) }, {
        digest: "ab",
      }],
      ...[{ issued_at: "0001-01-01T00:00:00Z" }, { issued_at: "yesterday" }, { issued_at: 7 }],
    ]
  ) {
    const changed = JSON.stringify({ ...good, facts: [{ ...fact, ...bad }] });
    throws(() => decodeGroupRecord(changed), /^RecordError: facts\[0\]\./, JSON.stringify(bad));
  }
});

Deno.test("decodeGroupRecord refuses keys and sealed bytes that cannot be", () => {
  const good = documentOf(recordOf({}));
  const read = (changes: string) =>
    decodeGroupRecord(`${JSON.stringify(good).slice(0, -1)},${changes}}`);
  strictEqual(
    read('"key_epoch":18446744073709551615,"aes_key_sealed":"AQ=="').keyRing?.current?.epoch,
    2n ** 64n - 1n,
  );
  for (
    const changes of [
      '"key_epoch":18446744073709551616,"aes_key_sealed":"AQ=="',
      '"key_epoch":-1,"aes_key_sealed":"AQ=="',
      '"key_epoch":1e3,"aes_key_sealed":"AQ=="',
      '"key_epoch":"1","aes_key_sealed":"AQ=="',
      '"aes_key_sealed":"A"',
      '"aes_key_sealed":"@@@@"',
      '"aes_key_sealed":["AQ=="]',
      '"key_ring":{}',
      '"key_ring":[1]',
      '"key_ring":[{"epoch":1}]',
      '"key_ring":[{"epoch":1,"key_sealed":"AQ==","added_at":"soon"}]',
      '"peer_addrs":{"bob":"x:1"}',
      `"peer_addrs":{"${BOB}":7}`,
      '"base_members":["bob"]',
      '"governance_seq":{"roster":1.5}',
    ]
  ) throws(() => read(changes), RecordError, changes);
  // A key of a legacy file in plain text is not looked at.
  strictEqual(read('"aes_key":"AQ=="').keyRing, undefined);
});

Deno.test("decodeGroupRecord refuses what is no record at all", () => {
  const texts = [
    "",
    " ",
    "null",
    "7",
    "[]",
    '"x"',
    "{}",
    "{]",
    "[".repeat(200_000),
    '{"a":'.repeat(200_000),
  ];
  for (const bad of texts) throws(() => decodeGroupRecord(bad), RecordError);
  fc.assert(fc.property(fc.json(), (json) => throws(() => decodeGroupRecord(json), RecordError)));
});

Deno.test("a record of a visor, which has no facts, is not taken for one without bans", () => {
  const { facts: _, ...visor } = documentOf(recordOf({ facts: NO_FACTS }));
  throws(() => decodeGroupRecord(JSON.stringify(visor)), /facts is missing/);
  strictEqual(utf8(text(recordOf({}))).length < 2_000, true);
});
