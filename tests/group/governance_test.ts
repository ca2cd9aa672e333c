/** What records say together, whatever order they come in (groups.md 2.6 to 2.8; ours). */
import assert from "node:assert/strict";
import fc from "fast-check";
import { secretOf } from "#support/feed_node.ts";
import { FIRST_PORT, GROUP_ID, type GroupNode, holds, keyOf } from "#support/group_scene.ts";
import { ManualClock } from "#support/manual_clock.ts";
import type { SaidFact } from "../../lib/group/facts.ts";
import { Governance } from "../../lib/group/governance.ts";
import { decodeGroupRecord, encodeGroupRecord } from "../../lib/group/group_record.ts";
import { type Mutation, type MutationOp, signMutation } from "../../lib/group/mutation.ts";
import { recordOf } from "./records.ts";

/** People of the random histories: the founder, two that may become admins, and one more. */
const PORTS = [FIRST_PORT, FIRST_PORT + 1, FIRST_PORT + 2, FIRST_PORT + 3];
const GROUP_OPS: readonly MutationOp[] = ["read-only", "read-write", "backfill-on", "backfill-off"];
const PEER_OPS: readonly MutationOp[] = [
  ...["add", "remove", "promote", "demote", "ban", "unban", "mute", "unmute"] as const,
  // Often, since most depends on them.
  ...["promote", "demote", "promote"] as const,
];
const START = new ManualClock().wall();

/** A record of whoever has a port, so many nanoseconds after the beginning. */
function sign(issuer: number, op: MutationOp, peer: number, at: number): Mutation {
  return signMutation(secretOf(issuer), {
    groupId: GROUP_ID,
    op,
    peer: GROUP_OPS.includes(op) ? "" : keyOf(peer),
    issuedAt: START + BigInt(at),
  });
}

const anyRecord: fc.Arbitrary<Mutation> = fc.record({
  op: fc.constantFrom(...PEER_OPS, ...GROUP_OPS),
  issuer: fc.constantFrom(...PORTS.slice(0, 3)),
  peer: fc.constantFrom(...PORTS),
  at: fc.integer({ min: 1, max: 9 }),
}).map(({ at, issuer, op, peer }) => sign(issuer, op, peer, at));

/**
 * Whether somebody whom another puts out may want to put out an admin: that counts or not by what a node knew
 * first, so nodes may differ (groups.md 13, "Revenge counts for nothing").
 */
function hasRevenge(history: readonly Mutation[]): boolean {
  const putOut = new Set(
    history.filter(({ issuer, op, peer }) => ["demote", "ban"].includes(op) && issuer !== peer)
      .map(({ peer }) => peer),
  );
  return history.some(({ issuer, op, peer }) =>
    putOut.has(issuer) && peer !== issuer && ["remove", "demote", "ban", "mute"].includes(op)
  );
}

/** A history, and the same in another order and cut into other updates. */
const anyTwo = fc.array(anyRecord, { minLength: 1, maxLength: 24 }).map((records) =>
  records.filter((record, index) => !hasRevenge([...records.slice(0, index), record]))
).filter((history) => history.length > 0 && !hasRevenge(history)).chain((history) =>
  fc.record({
    history: fc.constant(history),
    other: fc.shuffledSubarray([...history, ...history], {
      minLength: history.length * 2,
      maxLength: history.length * 2,
    }),
    cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 50 }),
  })
);

function governanceOf(
  facts: Iterable<SaidFact> = [],
  onApplied: (mutation: Mutation) => void = () => {},
): Governance {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  return new Governance({
    charter: {
      id: GROUP_ID,
      owner: keyOf(FIRST_PORT),
      mode: "public",
      kind: "public",
      members: PORTS.map(keyOf),
      governance: "owner",
    },
    clock: { wall: () => START + 100n },
    ...{ facts, log, onApplied },
  });
}

/** What a restart finds of it. */
function kept({ beside, facts }: Governance): readonly SaidFact[] {
  const record = decodeGroupRecord(encodeGroupRecord(recordOf({ beside, facts })));
  return [...record.facts, ...record.beside ?? []];
}

function rosterOf({ roster }: Governance): Record<string, unknown> {
  return holds({ roster } as GroupNode);
}

Deno.test("of two that demote each other the one that was promoted first stays, whatever dates they use", () => {
  const [x, y] = [FIRST_PORT + 1, FIRST_PORT + 2];
  for (const at of [1, 3, 9]) {
    const governance = governanceOf();
    governance.takeAll([
      sign(FIRST_PORT, "promote", x, 2),
      sign(FIRST_PORT, "promote", y, 4),
      sign(x, "demote", y, 7),
      sign(y, "demote", x, at),
      sign(y, "ban", x, at),
      sign(y, "mute", FIRST_PORT + 3, at),
    ]);
    const { roster } = governance;
    assert.deepEqual([x, y].map((port) => roster.isAdmin(keyOf(port))), [true, false], `${at}`);
    assert.equal(roster.banned.size + roster.muted.size, 0);
  }
});

Deno.test("records that come in any order, any number of times, in any updates, say the same", () => {
  fc.assert(
    fc.property(anyTwo, ({ cuts, history, other }) => {
      const [one, two] = [governanceOf(), governanceOf()];
      one.takeAll(history);
      let at = 0;
      for (let turn = 0; at < other.length; turn++) {
        const size = cuts[turn % cuts.length] ?? 1;
        two.takeAll(other.slice(at, at + size));
        at += size;
      }
      assert.deepEqual(rosterOf(two), rosterOf(one));
      assert.deepEqual([...two.facts].sort(), [...one.facts].sort());
      for (const pk of PORTS.map(keyOf)) {
        assert.equal(two.roster.isAdmin(pk), one.roster.isAdmin(pk));
      }
      assert.ok(one.roster.isAdmin(keyOf(FIRST_PORT)) && one.roster.isMember(keyOf(FIRST_PORT)));
    }),
    { numRuns: 100 },
  );
});

Deno.test("whoever takes the seat of the admin that promoted it is an admin after a restart too", () => {
  const [x, y] = [FIRST_PORT + 1, FIRST_PORT + 2];
  const governance = governanceOf();
  governance.takeAll([
    sign(FIRST_PORT, "promote", x, 1),
    sign(x, "promote", y, 2),
    sign(y, "promote", y, 2),
    sign(y, "demote", x, 3),
  ]);
  const again = governanceOf(kept(governance));
  for (const { roster } of [governance, again]) {
    assert.deepEqual([x, y].map((port) => roster.isAdmin(keyOf(port))), [false, true]);
  }
});

Deno.test("after a restart the records that come again say the same as before it", () => {
  fc.assert(
    fc.property(anyTwo, ({ cuts: [cut = 1], history, other }) => {
      const one = governanceOf();
      one.takeAll(history);
      const before = governanceOf();
      before.takeAll(other.slice(0, cut * 4));
      const after = governanceOf(kept(before));
      assert.deepEqual(rosterOf(after), rosterOf(before));
      after.takeAll(other);
      assert.deepEqual(rosterOf(after), rosterOf(one));
    }),
    { numRuns: 100 },
  );
});

Deno.test("whoever gave its office back and got it again decides again, and what it said between counts", () => {
  const [x, y] = [FIRST_PORT + 1, FIRST_PORT + 2];
  const governance = governanceOf();
  const records = [
    sign(FIRST_PORT, "promote", x, 1),
    sign(x, "mute", y, 2),
    sign(x, "demote", x, 3),
    sign(x, "ban", FIRST_PORT + 3, 4),
  ];
  governance.takeAll(records);
  assert.ok(!governance.roster.isAdmin(keyOf(x)));
  assert.ok(governance.roster.muted.has(keyOf(y)), "said before it gave it back");
  assert.equal(governance.roster.banned.size, 0, "said after it");
  governance.takeAll([sign(FIRST_PORT, "promote", x, 5), sign(x, "unmute", y, 6)]);
  assert.ok(governance.roster.isAdmin(keyOf(x)));
  assert.equal(governance.roster.muted.size, 0);
  assert.ok(governance.roster.banned.has(keyOf(FIRST_PORT + 3)));
});

Deno.test("a restart does not bring back a ban that its admin lifted, when a newer word falls away", () => {
  const [x, y] = [FIRST_PORT + 1, FIRST_PORT + 2];
  for (let round = 0; round < 8; round++) {
    const governance = governanceOf();
    governance.takeAll([
      sign(FIRST_PORT, "promote", x, 1),
      sign(FIRST_PORT, "ban", y, 2 + round),
      sign(FIRST_PORT, "unban", y, 20),
      sign(x, "ban", y, 19),
      sign(x, "unban", y, 21),
    ]);
    const again = governanceOf(kept(governance));
    again.take(sign(FIRST_PORT, "demote", x, 30));
    assert.equal(again.roster.banned.size, 0);
    assert.ok(!again.roster.isMember(keyOf(y)), "but it has no seat");
  }
});

Deno.test("records of people whom nobody listed wait, so many of them, and count only for whoever gets an office", () => {
  const told: string[] = [];
  const governance = governanceOf([], ({ op, peer }) => told.push(`${op} ${peer}`));
  const [one, other] = [30_001, 30_002];
  for (let at = 1; at <= 80; at++) {
    assert.equal(governance.take(sign(one, "mute", 20_000 + at, at)).kind, "waiting");
  }
  assert.equal(governance.waiting, 64);
  for (let at = 0; at < 300; at++) governance.take(sign(40_000 + at, "ban", FIRST_PORT + 1, 1));
  assert.equal(governance.waiting, 256);
  for (let at = 1; at <= 9; at++) governance.take(sign(other, "mute", 21_000 + at, at));
  assert.equal(governance.waiting, 256);
  assert.deepEqual([told, governance.facts.size, [...governance.beside]], [[], 0, []]);
  // A seat makes it known, which is no office.
  governance.take(sign(FIRST_PORT, "add", other, 10));
  assert.deepEqual([governance.roster.muted.size, governance.waiting], [0, 256]);
  governance.take(sign(FIRST_PORT, "promote", other, 11));
  assert.equal(governance.roster.muted.size, 9);
  assert.equal(governance.waiting, 247);
  assert.equal(governance.roster.banned.size, 0);
  assert.equal(told.length, 11);
});

Deno.test("whoever brings records of invented people without end pushes out only what it brought itself", () => {
  const governance = governanceOf();
  const [late, ports] = [30_001, Array.from({ length: 60 }, (_, n) => 20_000 + n)];
  const honest = ports.map((port, at) => sign(late, "mute", port, at + 1));
  // The attacker brings them too, so that they might go with what it brings.
  governance.takeAll(honest, "attacker");
  governance.takeAll(honest, "honest");
  for (let at = 0; at < 1_000; at++) {
    governance.takeAll([sign(40_000 + at, "ban", FIRST_PORT + 1, 1)], "attacker");
  }
  assert.equal(governance.waiting, 256);
  governance.takeAll([sign(FIRST_PORT, "add", late, 70), sign(FIRST_PORT, "promote", late, 71)]);
  assert.deepEqual([...governance.roster.muted.keys()].sort(), ports.map(keyOf).sort());
});

Deno.test("of members that are no admins only so many records wait", () => {
  const governance = governanceOf();
  for (let at = 1; at <= 100; at++) governance.take(sign(FIRST_PORT + 1, "mute", 20_000 + at, at));
  assert.equal(governance.waiting, 64);
  for (let at = 1; at <= 5; at++) governance.take(sign(FIRST_PORT + 2, "mute", 20_000 + at, at));
  assert.equal(governance.waiting, 69);
  assert.equal(governance.roster.muted.size, 0);
  governance.take(sign(FIRST_PORT, "promote", FIRST_PORT + 1, 50));
  assert.equal(governance.roster.muted.size, 64);
});

Deno.test("an admin is told of once what counts once, and of what counts later when it does", () => {
  const told: string[] = [];
  const governance = governanceOf([], ({ op }) => told.push(op));
  const [x, y] = [FIRST_PORT + 1, FIRST_PORT + 2];
  assert.equal(governance.take(sign(x, "mute", y, 5)).kind, "waiting");
  assert.equal(governance.take(sign(x, "mute", y, 5)).kind, "known");
  assert.deepEqual(told, []);
  assert.equal(governance.take(sign(FIRST_PORT, "promote", x, 6)).kind, "applied");
  assert.deepEqual(told.toSorted(), ["mute", "promote"]);
  assert.equal(governance.take(sign(FIRST_PORT, "mute", y, 5)).kind === "refused", false);
  assert.equal(governance.take(sign(FIRST_PORT, "unmute", y, 4)).kind, "known");
  assert.equal(told.length, 2, "the same once more is no news, and neither is what is older");
  governance.take(sign(FIRST_PORT, "demote", x, 7));
  assert.ok(governance.roster.muted.has(keyOf(y)), "the founder said so too");
});
