/** What has to go when a feed of a group is too large (groups.md 4.7). */
import assert from "node:assert/strict";
import { LeafBudget } from "../../lib/group/leaf_budget.ts";

const LIMITS = { leavesPerSender: 100, bytesPerSender: 1_000, leaves: 300, bytes: 2_500 };
const OWN = "own";

function budget(options: { isStranger?: (author: string) => boolean } = {}): LeafBudget {
  return new LeafBudget({ own: OWN, limits: LIMITS, ...options });
}

/** Adds leaves of an author, and takes out what has to go after each; how many are left. */
function fill(
  budget: LeafBudget,
  author: string,
  { count, bytes = 1 }: { count: number; bytes?: number },
): number {
  for (let index = 0; index < count; index++) {
    budget.add(`msgs/${author}/${index + 1}/1`, bytes);
    for (const path of budget.excess()) budget.remove(path);
  }
  return left(budget, author);
}

function left(budget: LeafBudget, author: string): number {
  return [...budget.paths()].filter((path) => path.split("/")[1] === author).length;
}

Deno.test("a sender above its share of leaves or bytes loses its oldest, nobody else anything", () => {
  const own = budget();
  assert.equal(fill(own, "b", { count: 50 }), 50);
  const kept = fill(own, "a", { count: 250 });
  assert.ok(kept <= 100 && kept > 80, `${kept}`);
  assert.ok([...own.paths()].includes("msgs/a/250/1"));
  assert.equal(left(own, "b"), 50);
  const bytes = fill(own, "c", { count: 100, bytes: 100 });
  assert.ok(bytes <= 10 && bytes > 5, `${bytes}`);
});

Deno.test("a feed that has too many bytes loses those of whoever has most bytes, not most leaves", () => {
  const own = budget();
  fill(own, "many", { count: 90, bytes: 1 });
  for (const author of ["a", "b", "c"]) fill(own, author, { count: 9, bytes: 100 });
  assert.equal(left(own, "many"), 90);
  assert.ok(["a", "b", "c"].some((author) => left(own, author) < 9));
});

Deno.test("a feed that has too many leaves loses those of whoever has most", () => {
  const own = budget();
  fill(own, "few", { count: 5 });
  for (const author of ["a", "b", "c", "d"]) fill(own, author, { count: 90 });
  assert.equal(left(own, "few"), 5);
});

Deno.test("strangers have one share together, and push out no member's copies", () => {
  const own = budget({ isStranger: (author) => author.startsWith("stranger") });
  fill(own, "member", { count: 60 });
  for (let index = 0; index < 1_000; index++) fill(own, `stranger${index}`, { count: 1 });
  assert.equal(left(own, "member"), 60);
  const strangers = [...own.paths()].filter((path) => path.includes("stranger")).length;
  assert.ok(strangers <= 100 && strangers > 80, `${strangers}`);
});

Deno.test("own messages go last, and records of governance never", () => {
  const own = budget();
  for (let index = 0; index < 50; index++) own.add(`roster/${index}`, 10);
  assert.equal(fill(own, OWN, { count: 200 }), 200);
  fill(own, "a", { count: 100 });
  assert.equal(left(own, OWN), 200);
  assert.ok(left(own, "a") < 100);
  fill(own, OWN, { count: 400 });
  assert.equal([...own.paths()].filter((path) => path.startsWith("roster/")).length, 50);
  assert.ok(left(own, OWN) <= 250);
});
