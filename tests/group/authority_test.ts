/** On whom it depends what holds (groups.md 2.6; ours). */
import assert from "node:assert/strict";
import fc from "fast-check";
import { settle } from "../../lib/group/authority.ts";
import { type Facts, factsOf, mergeFacts, MUTATION_OPS, NO_FACTS } from "../../lib/group/facts.ts";
import { isGroupOp, type Mutation } from "../../lib/group/mutation.ts";
import type { GroupCharter } from "../../lib/group/roster.ts";
import { ALICE, BOB, CAROL, DAVE, decision, ERIN, GROUP_ID } from "./decisions.ts";

const PEOPLE = [ALICE, BOB, CAROL, DAVE, ERIN];
const CHARTER: GroupCharter = {
  id: GROUP_ID,
  owner: ALICE,
  mode: "public",
  kind: "public",
  governance: "owner",
  members: PEOPLE,
};

const anyDecision: fc.Arbitrary<Mutation> = fc.record({
  // Often what most depends on.
  op: fc.constantFrom(...MUTATION_OPS, ...["promote", "demote", "promote"] as const),
  peer: fc.constantFrom(...PEOPLE),
  at: fc.integer({ min: 1, max: 20 }),
  issuer: fc.constantFrom(...PEOPLE),
}).map(({ at, issuer, op, peer }) => decision(op, isGroupOp(op) ? "" : peer, at, issuer));

function saidIn(history: readonly Mutation[]): Map<string, Facts> {
  const said = new Map<string, Facts>();
  for (const each of history) {
    said.set(each.issuer, mergeFacts(said.get(each.issuer) ?? NO_FACTS, factsOf(each)));
  }
  return said;
}

Deno.test("what holds depends on nobody but those that settle names", () => {
  let others = 0;
  fc.assert(
    fc.property(fc.array(anyDecision, { maxLength: 16 }), anyDecision, (history, late) => {
      const before = settle(CHARTER, saidIn(history));
      if (before.heard.has(late.issuer)) return;
      others++;
      const after = settle(CHARTER, saidIn([...history, late]));
      assert.deepEqual(after, before);
    }),
    { numRuns: 3_000 },
  );
  assert.ok(others > 500, `${others} of them were said by somebody else`);
});

Deno.test("it depends also on whoever was an admin before a resignation was found to be void", () => {
  const history = [
    decision("promote", CAROL, 1),
    decision("demote", BOB, 2, BOB),
    decision("promote", BOB, 3),
    decision("promote", DAVE, 5, CAROL),
    decision("demote", DAVE, 6, BOB),
  ];
  const before = settle(CHARTER, saidIn(history));
  assert.deepEqual([...before.roster.admins].sort(), [ALICE, BOB, CAROL].sort());
  const late = decision("demote", BOB, 7, DAVE);
  const after = settle(CHARTER, saidIn([...history, late]));
  assert.notDeepEqual([...after.roster.admins], [...before.roster.admins]);
  assert.ok(before.heard.has(DAVE));
});
