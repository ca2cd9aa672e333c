import assert from "node:assert/strict";
import fc from "fast-check";
import { RateLimiter } from "#net";
import { ManualClock } from "#support/manual_clock.ts";

const RATE = { perSecond: 2, burst: 3 };

function takes(limiter: RateLimiter, key: string, times: number): number {
  let allowed = 0;
  for (let turn = 0; turn < times; turn++) if (limiter.take(key, RATE)) allowed++;
  return allowed;
}

Deno.test("RateLimiter allows the burst at once, then the sustained rate", async () => {
  const clock = new ManualClock();
  const limiter = new RateLimiter({ clock, capacity: 10 });
  assert.equal(takes(limiter, "a", 10), 3);
  assert.equal(takes(limiter, "b", 10), 3, "keys are independent");
  await clock.advance(499);
  assert.equal(takes(limiter, "a", 10), 0);
  await clock.advance(1);
  assert.equal(takes(limiter, "a", 10), 1);
  await clock.advance(60_000);
  assert.equal(takes(limiter, "a", 10), 3, "a pause earns no more than the burst");
});

Deno.test("RateLimiter never allows more than burst + rate × time", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 12 }),
      async (waits) => {
        const clock = new ManualClock();
        const limiter = new RateLimiter({ clock, capacity: 10 });
        let allowed = takes(limiter, "a", 5);
        for (const wait of waits) {
          await clock.advance(wait);
          allowed += takes(limiter, "a", 5);
        }
        assert.ok(allowed <= RATE.burst + RATE.perSecond * clock.now() / 1_000 + 1e-9);
      },
    ),
    { numRuns: 20 },
  );
});

Deno.test("RateLimiter remembers a bounded number of keys and forgets the quietest", () => {
  const limiter = new RateLimiter({ clock: new ManualClock(), capacity: 100 });
  takes(limiter, "busy", 3);
  for (let key = 0; key < 5_000; key++) {
    limiter.take(`k${key}`, RATE);
    assert.equal(takes(limiter, "busy", 1), 0, "a key in use is not forgotten");
    assert.ok(limiter.size <= 100);
  }
});
