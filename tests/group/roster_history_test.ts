import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { mergeFacts } from "../../lib/group/facts.ts";
import type { Mutation } from "../../lib/group/mutation.ts";
import { type GroupCharter, MAX_MEMBERS, Roster } from "../../lib/group/roster.ts";
import {
  ALICE,
  anyCharter,
  anyDecision,
  anyHistory,
  BOB,
  CAROL,
  DAVE,
  ERIN,
  factsAfter,
} from "./decisions.ts";

const EVERYBODY = [ALICE, BOB, CAROL, DAVE, ERIN];

/** All that a roster says, in its order. */
function told(roster: Roster): unknown {
  const { admins, backfill, banned, members, muted, readOnlySince, removedByFlags } = roster;
  return {
    ...{ admins: [...admins], backfill, banned: [...banned], members: [...members] },
    ...{ muted: [...muted], readOnlySince, removedByFlags },
    verdicts: EVERYBODY.map((pk) => [
      ...[roster.isMember(pk), roster.isAdmin(pk), roster.isKnown(pk), roster.mayPost(pk)],
      ...Array.from({ length: 14 }, (_, ts) => roster.refusalOf(pk, BigInt(ts))),
    ]),
  };
}

const shuffled = <T>(items: readonly T[]) =>
  fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });

Deno.test("Roster is the same for every order and repetition of a history", () => {
  const histories = anyHistory.chain((history) =>
    fc.tuple(
      fc.constant(history),
      fc.subarray(history).chain((repeated) => shuffled([...history, ...repeated])),
    )
  );
  fc.assert(fc.property(anyCharter, histories, (charter, [history, other]) => {
    deepStrictEqual(
      told(new Roster(charter, factsAfter(...other))),
      told(new Roster(charter, factsAfter(...history))),
    );
  }));
});

Deno.test("Roster is the same however a history was split among nodes that later tell each other", () => {
  const split = fc.array(fc.tuple(anyDecision, fc.integer({ min: 0, max: 7 })), { maxLength: 40 });
  fc.assert(fc.property(anyCharter, split, (charter, pairs) => {
    const heardBy = (node: number) =>
      factsAfter(...pairs.filter(([, nodes]) => (nodes & node) !== 0).map(([m]) => m));
    // What nobody heard nobody knows.
    const whole = factsAfter(...pairs.filter(([, nodes]) => nodes !== 0).map(([m]) => m));
    const [a, b, c] = [heardBy(1), heardBy(2), heardBy(4)];
    const expected = told(new Roster(charter, whole));
    deepStrictEqual(told(new Roster(charter, mergeFacts(mergeFacts(a, b), c))), expected);
    deepStrictEqual(told(new Roster(charter, mergeFacts(c, mergeFacts(b, a)))), expected);
  }));
});

Deno.test("the owner has a seat and a say whatever was decided, and is in nobody's way", () => {
  fc.assert(fc.property(anyCharter, anyHistory, (charter, history) => {
    const roster = new Roster(charter, factsAfter(...history));
    ok(roster.isMember(ALICE) && roster.isAdmin(ALICE) && roster.isKnown(ALICE));
    ok(!roster.banned.has(ALICE) && !roster.muted.has(ALICE));
    strictEqual(roster.mayPost(ALICE), undefined);
    strictEqual(roster.refusalOf(ALICE, 13n), undefined);
    strictEqual([...roster.members][0], ALICE);
    strictEqual([...roster.admins][0], ALICE);
  }));
});

Deno.test("nobody is banned and a member or an admin at once, and the cap holds", () => {
  fc.assert(fc.property(anyCharter, anyHistory, (charter, history) => {
    const roster = new Roster(charter, factsAfter(...history));
    for (const pk of roster.banned) ok(!roster.isMember(pk) && !roster.isAdmin(pk));
    for (const pk of roster.members) ok(roster.isKnown(pk));
    ok(roster.members.size <= MAX_MEMBERS);
    for (const pk of roster.removedByFlags) {
      ok(charter.members.includes(pk) && !roster.isMember(pk));
    }
  }));
});

/** What somebody has by the effects of groups.md 2.6, applied one after the other. */
interface Standing {
  seat: boolean;
  admin: "promoted" | "demoted" | undefined;
  banned: boolean;
  muted: bigint | undefined;
}

/** The same in the plain way, for decisions that come in the order of their times. */
function inOrder(charter: GroupCharter, history: readonly Mutation[]) {
  const people = new Map(EVERYBODY.map((pk): [string, Standing] => [pk, {
    ...{ seat: charter.members.includes(pk), admin: undefined, banned: false, muted: undefined },
  }]));
  let readOnlySince: bigint | undefined;
  let backfill = true;
  for (const { op, peer, issuedAt } of history) {
    const person = people.get(peer);
    if (op === "read-only") readOnlySince = issuedAt;
    if (op === "read-write") readOnlySince = undefined;
    if (op === "backfill-on" || op === "backfill-off") backfill = op === "backfill-on";
    if (person === undefined || peer === charter.owner) continue;
    if (op === "add" || op === "remove") person.seat = op === "add";
    if (op === "promote") person.admin = "promoted";
    if (op === "demote") person.admin = "demoted";
    if (op === "mute") person.muted = issuedAt;
    if (op === "unmute") person.muted = undefined;
    if (op === "unban") person.banned = false;
    if (op === "ban") {
      const admin = person.admin === "promoted" ? undefined : person.admin;
      Object.assign(person, { seat: false, admin, banned: true });
    }
  }
  return { people, readOnlySince, backfill };
}

Deno.test("Roster agrees with applying the decisions one after the other", () => {
  const inTime = anyHistory.map((history) =>
    history.map((m, index) => ({ ...m, issuedAt: BigInt(index + 1) }))
  );
  fc.assert(
    fc.property(anyCharter, inTime, (charter, history) => {
      const roster = new Roster(charter, factsAfter(...history.toReversed()));
      const expected = inOrder(charter, history);
      strictEqual(roster.readOnlySince, expected.readOnlySince);
      strictEqual(roster.backfill, expected.backfill && charter.kind !== "channel");
      for (const [pk, { admin, banned, muted, seat }] of expected.people) {
        const isOwner = pk === charter.owner;
        const member = isOwner || (seat && !banned);
        const byMembership = charter.governance === "all" && member && admin !== "demoted";
        strictEqual(roster.isMember(pk), member);
        strictEqual(
          roster.isAdmin(pk),
          isOwner || (admin === "promoted" && !banned) || byMembership,
        );
        strictEqual(roster.banned.has(pk), banned);
        strictEqual(roster.muted.get(pk), muted);
      }
    }),
    { numRuns: 500 },
  );
});
