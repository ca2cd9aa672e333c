import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  addsTo,
  type Fact,
  factsOf,
  hasRoomFor,
  isNewer,
  MAX_REGISTERS,
  mergeFacts,
  NO_FACTS,
  type Register,
} from "../../lib/group/facts.ts";
import { mutationDigest, type MutationOp } from "../../lib/group/mutation.ts";
import { watermarks } from "../../lib/group/replay_guard.ts";
import {
  ALICE,
  anyDecision,
  anyHistory,
  BOB,
  CAROL,
  decision,
  factsAfter,
  keyNumber,
} from "./decisions.ts";

Deno.test("factsOf puts each operation into its own register, and a ban into two", () => {
  const registers = (op: MutationOp, peer: string) => [...factsOf(decision(op, peer, 1)).keys()];
  for (const op of ["add", "remove"] as const) {
    deepStrictEqual(registers(op, BOB), [`roster:${BOB}`]);
  }
  for (const op of ["promote", "demote"] as const) {
    deepStrictEqual(registers(op, BOB), [`admin:${BOB}`]);
  }
  for (const op of ["mute", "unmute"] as const) {
    deepStrictEqual(registers(op, BOB), [`mute:${BOB}`]);
  }
  for (const op of ["read-only", "read-write"] as const) {
    deepStrictEqual(registers(op, ""), ["read-only"]);
  }
  for (const op of ["backfill-on", "backfill-off"] as const) {
    deepStrictEqual(registers(op, ""), ["backfill"]);
  }
  deepStrictEqual(registers("unban", BOB), [`ban:${BOB}`]);
  deepStrictEqual(registers("ban", BOB), [`ban:${BOB}`, `eviction:${BOB}`]);
});

Deno.test("factsOf keeps what, when and who, and the digest of the decision", () => {
  const mute = decision("mute", BOB, 7n, CAROL);
  deepStrictEqual(factsOf(mute).get(`mute:${BOB}`), {
    ...{ op: "mute", issuedAt: 7n, issuer: CAROL, digest: mutationDigest(mute) },
  });
});

Deno.test("mergeFacts is commutative, associative and idempotent", () => {
  fc.assert(fc.property(anyHistory, anyHistory, anyHistory, (...histories) => {
    const [a = NO_FACTS, b = NO_FACTS, c = NO_FACTS] = histories.map((history) =>
      factsAfter(...history)
    );
    deepStrictEqual(mergeFacts(a, b), mergeFacts(b, a));
    deepStrictEqual(mergeFacts(a, mergeFacts(b, c)), mergeFacts(mergeFacts(a, b), c));
    strictEqual(mergeFacts(a, a), a);
    const joined = mergeFacts(a, b);
    strictEqual(mergeFacts(joined, a), joined);
    strictEqual(mergeFacts(joined, b), joined);
    strictEqual(mergeFacts(NO_FACTS, a).size, a.size);
  }));
});

Deno.test("mergeFacts changes neither side", () => {
  const a = factsAfter(decision("add", BOB, 1));
  const b = factsAfter(decision("remove", BOB, 2));
  mergeFacts(a, b);
  strictEqual(a.get(`roster:${BOB}`)?.op, "add");
  strictEqual(b.get(`roster:${BOB}`)?.op, "remove");
});

Deno.test("the later decision wins, by one nanosecond, whatever it is and whoever made it", () => {
  const facts = factsAfter(decision("add", BOB, 2, CAROL), decision("remove", BOB, 1, ALICE));
  strictEqual(facts.get(`roster:${BOB}`)?.op, "add");
});

Deno.test("at the same nanosecond the restrictive decision wins", () => {
  for (
    const [strict, mild, register, peer] of [
      ["remove", "add", `roster:${BOB}`, BOB],
      ["demote", "promote", `admin:${BOB}`, BOB],
      ["ban", "unban", `ban:${BOB}`, BOB],
      ["mute", "unmute", `mute:${BOB}`, BOB],
      ["read-only", "read-write", "read-only", ""],
      ["backfill-off", "backfill-on", "backfill", ""],
    ] as const
  ) {
    for (const issuer of [ALICE, BOB, CAROL]) {
      const history = [decision(strict, peer, 5, issuer), decision(mild, peer, 5, ALICE)];
      for (const order of [history, history.toReversed()]) {
        strictEqual(factsAfter(...order).get(register)?.op, strict);
      }
    }
  }
});

Deno.test("between equal decisions of two admins at the same nanosecond the larger digest wins", () => {
  const [a, b] = [decision("add", BOB, 5, ALICE), decision("add", BOB, 5, CAROL)];
  const larger = mutationDigest(a) > mutationDigest(b) ? a : b;
  strictEqual(factsAfter(a, b).get(`roster:${BOB}`)?.issuer, larger.issuer);
  strictEqual(factsAfter(b, a).get(`roster:${BOB}`)?.issuer, larger.issuer);
});

Deno.test("isNewer is a strict total order of the facts of one register", () => {
  const fact: fc.Arbitrary<Fact> = anyDecision.map((m) => factsOf(m).values().next().value as Fact);
  fc.assert(fc.property(fact, fact, fact, (a, b, c) => {
    ok(isNewer(a, undefined));
    strictEqual(isNewer(a, a), false);
    if (a.digest !== b.digest) ok(isNewer(a, b) !== isNewer(b, a));
    if (isNewer(a, b) && isNewer(b, c)) ok(isNewer(a, c));
  }));
});

Deno.test("addsTo tells whether a decision changes anything", () => {
  const facts = factsAfter(decision("remove", BOB, 5));
  ok(addsTo(NO_FACTS, decision("remove", BOB, 5)));
  ok(!addsTo(facts, decision("remove", BOB, 5)));
  ok(!addsTo(facts, decision("add", BOB, 5)));
  ok(!addsTo(facts, decision("add", BOB, 4)));
  ok(addsTo(facts, decision("add", BOB, 6)));
  ok(addsTo(facts, decision("add", CAROL, 1)));
});

Deno.test("a ban older than an unban still marks the eviction", () => {
  const facts = factsAfter(decision("unban", BOB, 9));
  ok(addsTo(facts, decision("ban", BOB, 5)));
  const after = mergeFacts(facts, factsOf(decision("ban", BOB, 5)));
  strictEqual(after.get(`ban:${BOB}`)?.op, "unban");
  strictEqual(after.get(`eviction:${BOB}`)?.issuedAt, 5n);
});

Deno.test("hasRoomFor refuses new registers beyond the bound, never news of known ones", () => {
  const full = new Map<Register, Fact>();
  const fact = factsOf(decision("add", BOB, 1)).values().next().value as Fact;
  for (let number = 0; full.size < MAX_REGISTERS - 1; number++) {
    full.set(`roster:${keyNumber(number)}`, fact);
  }
  ok(hasRoomFor(full, decision("add", BOB, 1)));
  ok(!hasRoomFor(full, decision("ban", BOB, 1)));
  full.set(`roster:${BOB}`, fact);
  ok(!hasRoomFor(full, decision("mute", BOB, 1)));
  ok(hasRoomFor(full, decision("remove", BOB, 2)));
  full.set("read-only", fact);
  ok(hasRoomFor(full, decision("remove", BOB, 2)), "even where there are too many already");
});

Deno.test("watermarks only grow, and are the newest decision of any kind about a target", () => {
  fc.assert(fc.property(anyHistory, anyDecision, (history, next) => {
    const before = watermarks(factsAfter(...history));
    const after = watermarks(factsAfter(...history, next));
    for (const [key, at] of before) ok((after.get(key) ?? 0n) >= at);
    const newest = new Map<string, bigint>();
    for (const m of [...history, next]) {
      const letter = { roster: "r", admin: "a", mod: "m" }[m.family];
      const key = `${letter}:${m.peer === "" ? "group" : m.peer}`;
      const known = newest.get(key) ?? 0n;
      newest.set(key, m.issuedAt > known ? m.issuedAt : known);
    }
    deepStrictEqual(after, newest);
  }));
});
