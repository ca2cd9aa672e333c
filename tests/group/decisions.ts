/** Decisions of admins for tests: unsigned, since facts and rosters do not look at signatures. */
import fc from "fast-check";
import { type Facts, factsOf, mergeFacts, MUTATION_OPS, NO_FACTS } from "../../lib/group/facts.ts";
import { familyOf, type Mutation, type MutationOp } from "../../lib/group/mutation.ts";
import type { GroupCharter } from "../../lib/group/roster.ts";
import vectors from "../vectors/groups.json" with { type: "json" };

/** Of all groups here. */
export const GROUP_ID = vectors.group_id;
/** The people of the vectors. */
export const [ALICE, BOB, CAROL, DAVE, ERIN, FRANK] = [
  "alice",
  "bob",
  "carol",
  "dave",
  "erin",
  "frank",
]
  .map(keyOf) as [string, string, string, string, string, string];

/** A key by the name it has in the vectors. */
export function keyOf(name: string): string {
  const found = vectors.identities.find((identity) => identity.name === name);
  if (found === undefined) throw new RangeError(`No identity ${name}`);
  return found.pk_hex;
}

/** The key with this number. */
export function keyNumber(number: number): string {
  return `02${number.toString(16).padStart(64, "0")}`;
}

/** Alice's decision, unless somebody else is named. */
export function decision(
  op: MutationOp,
  peer: string,
  issuedAt: number | bigint,
  issuer: string = ALICE,
): Mutation {
  const signature = new Uint8Array(65).fill(1);
  const at = BigInt(issuedAt);
  return {
    ...{
      family: familyOf(op),
      groupId: GROUP_ID,
      op,
      peer,
      parentSeq: 0n,
      issuedAt: at,
      issuer,
      signature,
    },
  };
}

/** What all these decisions say together. */
export function factsAfter(...history: readonly Mutation[]): Facts {
  return history.reduce<Facts>((facts, m) => mergeFacts(facts, factsOf(m)), NO_FACTS);
}

/** A public group of Alice, whose flags list Alice, Bob and Carol. */
export function charter(changes: Partial<GroupCharter> = {}): GroupCharter {
  return {
    id: GROUP_ID,
    owner: ALICE,
    mode: "public",
    kind: "public",
    members: [ALICE, BOB, CAROL],
    governance: "owner",
    ...changes,
  };
}

const GROUP_OPS: readonly MutationOp[] = ["read-only", "read-write", "backfill-on", "backfill-off"];

/** Any decision of few admins about few people within few nanoseconds, so that they often meet. */
export const anyDecision: fc.Arbitrary<Mutation> = fc.record({
  op: fc.constantFrom(...MUTATION_OPS),
  peer: fc.constantFrom(ALICE, BOB, CAROL, DAVE),
  issuedAt: fc.integer({ min: 1, max: 12 }),
  issuer: fc.constantFrom(ALICE, BOB, CAROL),
}).map(({ op, peer, issuedAt, issuer }) =>
  decision(op, GROUP_OPS.includes(op) ? "" : peer, issuedAt, issuer)
);

/** Many of them. */
export const anyHistory: fc.Arbitrary<Mutation[]> = fc.array(anyDecision, { maxLength: 40 });

/** Groups of every kind. */
export const anyCharter: fc.Arbitrary<GroupCharter> = fc.record({
  kind: fc.constantFrom("public", "private", "channel"),
  governance: fc.constantFrom("owner", "all"),
  members: fc.subarray([BOB, ALICE, CAROL, ERIN]),
}).map(({ kind, governance, members }) =>
  charter({ kind, governance, members, mode: kind === "private" ? "private" : "public" })
);
