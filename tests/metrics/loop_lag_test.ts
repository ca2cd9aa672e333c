import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Clock } from "#kit";
import { LAG_INTERVAL_MS, LAG_SAMPLES, LoopLag } from "#metrics";
import { ManualClock } from "#support/manual_clock.ts";

/** A clock whose timers come late, as they do while something else keeps the loop busy. */
function lateClock(): { clock: ManualClock; seen: Clock; lateness: { ms: number } } {
  const clock = new ManualClock();
  const lateness = { ms: 0 };
  const seen: Clock = {
    now: () => clock.now(),
    wall: () => clock.wall(),
    after: (ms, action) => clock.after(ms + lateness.ms, action),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
  return { clock, seen, lateness };
}

Deno.test("LoopLag says 0 before it has looked and while timers come in time", async () => {
  const clock = new ManualClock();
  const lag = new LoopLag(clock);
  deepStrictEqual(lag.seconds, { max: 0, average: 0 });
  await clock.advance(10 * LAG_INTERVAL_MS);
  deepStrictEqual(lag.seconds, { max: 0, average: 0 });
  lag.close();
});

Deno.test("LoopLag tells the longest lag and the mean of a minute, and forgets them after it", async () => {
  const { clock, seen, lateness } = lateClock();
  lateness.ms = 300;
  const lag = new LoopLag(seen);
  lateness.ms = 100;
  await clock.advance(1_300);
  deepStrictEqual(lag.seconds, { max: 0.3, average: 0.3 });
  lateness.ms = 0;
  await clock.advance(1_100);
  deepStrictEqual(lag.seconds, { max: 0.3, average: 0.2 });
  await clock.advance((LAG_SAMPLES - 2) * LAG_INTERVAL_MS);
  deepStrictEqual(lag.seconds, { max: 0.3, average: 0.4 / LAG_SAMPLES });
  await clock.advance(LAG_INTERVAL_MS);
  deepStrictEqual(lag.seconds, { max: 0.1, average: 0.1 / LAG_SAMPLES });
  await clock.advance(LAG_INTERVAL_MS);
  deepStrictEqual(lag.seconds, { max: 0, average: 0 });
  lag.close();
});

Deno.test("LoopLag has one timer, and none after close", async () => {
  const clock = new ManualClock();
  const lag = new LoopLag(clock);
  await clock.advance(5 * LAG_INTERVAL_MS);
  strictEqual(clock.pending, 1);
  lag.close();
  strictEqual(clock.pending, 0);
});
