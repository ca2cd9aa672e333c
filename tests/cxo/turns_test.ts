import assert from "node:assert/strict";
import { Turns, UNITS_PER_TURN } from "../../lib/cxo/turns.ts";
import { ManualClock } from "#support/manual_clock.ts";

Deno.test("Turns does what fits into a turn at once, and the rest in turns to come", async () => {
  const clock = new ManualClock();
  const turns = new Turns(clock);
  const share = turns.share();
  let done = 0;
  const job = () => ++done && 1;
  for (let count = 0; count < UNITS_PER_TURN; count++) {
    assert.equal(turns.run(share, job), undefined);
  }
  const later = Array.from({ length: UNITS_PER_TURN + 1 }, () => turns.run(share, job));
  assert.ok(later.every((wait) => wait !== undefined));
  assert.equal(done, UNITS_PER_TURN);
  await clock.advance(0);
  await Promise.all(later);
  assert.equal(done, 2 * UNITS_PER_TURN + 1);
  assert.equal(clock.pending, 0);
});

Deno.test("Turns lets one large job through, then who had least lately", async () => {
  const clock = new ManualClock();
  const turns = new Turns(clock);
  const [greedy, modest] = [turns.share(), turns.share()];
  const order: string[] = [];
  const job = (name: string, units: number) => () => {
    order.push(name);
    return units;
  };
  turns.run(greedy, job("greedy 1", 1_000));
  const waits = [
    turns.run(greedy, job("greedy 2", 1_000)),
    turns.run(modest, job("modest 1", 1)),
    turns.run(modest, job("modest 2", 1)),
  ];
  assert.deepEqual(order, ["greedy 1"]);
  await clock.advance(0);
  await Promise.all(waits);
  assert.deepEqual(order, ["greedy 1", "modest 1", "modest 2", "greedy 2"]);
  await clock.advance(60_000);
  turns.run(greedy, job("greedy 3", 1_000));
  const [first, second] = [
    turns.run(greedy, job("forgotten", 1)),
    turns.run(modest, job("too", 1)),
  ];
  turns.close();
  await Promise.all([first, second]);
  assert.equal(order.includes("too"), false, "nothing is done after the end");
  assert.equal(clock.pending, 0);
});
