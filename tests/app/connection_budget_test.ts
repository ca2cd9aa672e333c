import assert from "node:assert/strict";
import { MAX_CONNECTIONS } from "#http";
import { DEFAULT_ACCEPT_LIMITS } from "#net";
import * as fc from "fast-check";
import {
  connectionBudget,
  ENOUGH_DESCRIPTORS,
  MIN_CONNECTIONS,
  RESERVED_DESCRIPTORS,
} from "../../lib/app/connection_budget.ts";
import { freeDescriptors } from "../../lib/app/free_descriptors.ts";

Deno.test("connectionBudget gives links 60 % of what the reserve leaves, each its cap at most", () => {
  assert.deepEqual(connectionBudget(1_000), { links: 561, control: 375 });
  assert.deepEqual(connectionBudget(1_500), { links: 924, control: MAX_CONNECTIONS });
  const most = { links: DEFAULT_ACCEPT_LIMITS.connections, control: MAX_CONNECTIONS };
  assert.deepEqual(connectionBudget(ENOUGH_DESCRIPTORS), most);
  assert.deepEqual(connectionBudget(ENOUGH_DESCRIPTORS - 1), { ...most, links: most.links - 1 });
  assert.deepEqual(connectionBudget(1_000_000), most);
  assert.deepEqual(connectionBudget(undefined), most);
});

Deno.test("connectionBudget leaves the reserve whenever there is one", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4_000 }), (descriptors) => {
    const { links, control } = connectionBudget(descriptors);
    assert.ok(links >= MIN_CONNECTIONS && control >= MIN_CONNECTIONS);
    const least = RESERVED_DESCRIPTORS + 4 * MIN_CONNECTIONS;
    if (descriptors >= least) assert.ok(links + control <= descriptors - RESERVED_DESCRIPTORS);
  }));
});

Deno.test("freeDescriptors counts no further than asked and leaves nothing open", () => {
  assert.equal(freeDescriptors(20), 20);
});
