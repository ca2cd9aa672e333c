import assert from "node:assert/strict";
import { Backoff, formatDuration, parseDuration, rfc3339, systemClock } from "#kit";
import { ManualClock, settle } from "#support/manual_clock.ts";

Deno.test("parseDuration reads what the command line promises and nothing else", () => {
  const table: [string, number | undefined][] = [
    ["300ms", 300],
    ["8s", 8_000],
    ["1m30s", 90_000],
    ["24h", 86_400_000],
    ["1.5s", 1_500],
    ["0", 0],
    ["0s", 0],
    ["8", undefined],
    ["", undefined],
    ["s", undefined],
    ["-1s", undefined],
    ["1s ", undefined],
    ["1d", undefined],
    ["9".repeat(400) + "h", undefined],
  ];
  for (const [text, expected] of table) assert.equal(parseDuration(text), expected, text);
});

Deno.test("formatDuration writes what parseDuration reads", () => {
  for (const ms of [0, 5, 999, 1_000, 1_500, 60_000, 90_000, 3_600_000, 5_025_250]) {
    assert.equal(parseDuration(formatDuration(ms)), ms, formatDuration(ms));
  }
  assert.equal(formatDuration(2_000), "2s");
  assert.equal(formatDuration(60_000), "1m0s");
});

Deno.test("rfc3339 prints nanoseconds without trailing zeros", () => {
  const base = 1_789_000_001n * 1_000_000_000n;
  assert.equal(rfc3339(base), "2026-09-10T00:26:41Z");
  assert.equal(rfc3339(base + 500_000_000n), "2026-09-10T00:26:41.5Z");
  assert.equal(rfc3339(base + 123_456_789n), "2026-09-10T00:26:41.123456789Z");
});

Deno.test("Backoff doubles from the first wait to the longest and starts over", () => {
  const backoff = new Backoff({ first: 1_000, most: 60_000 });
  const waits = Array.from({ length: 8 }, () => backoff.next());
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  backoff.reset();
  assert.equal(backoff.next(), 1_000);
});

Deno.test("Clock.sleep ends at once when its signal aborts and leaves no timer", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const slept = clock.sleep(60_000, stop.signal);
  assert.equal(clock.pending, 1);
  stop.abort();
  await slept;
  assert.equal(clock.pending, 0);
  await clock.sleep(60_000, stop.signal);
});

Deno.test("systemClock.after 0 fires once what is ready has been handled, and before any timer", async () => {
  const order: string[] = [];
  const fired = Promise.withResolvers<void>();
  // Long enough that a busy machine does not find both due at once.
  systemClock.after(50, fired.resolve);
  systemClock.after(0, () => order.push("cancelled")).cancel();
  systemClock.after(0, () => order.push("after 0"));
  let ready = Promise.resolve();
  for (let turn = 0; turn < 20; turn++) ready = ready.then(() => {});
  void ready.then(() => order.push("ready"));
  await fired.promise;
  assert.deepEqual(order, ["ready", "after 0"]);
});

Deno.test("systemClock.wall follows the system when that is corrected or has slept", () => {
  const real = Date.now;
  const before = systemClock.wall();
  try {
    Date.now = () => real() + 3_600_000;
    assert.ok(systemClock.wall() - before >= 3_599_000_000_000n);
    Date.now = () => real() - 3_600_000;
    assert.ok(systemClock.wall() - before <= -3_599_000_000_000n);
  } finally {
    Date.now = real;
  }
  const drift = systemClock.wall() - before;
  assert.ok(drift > -100_000_000n && drift < 60_000_000_000n, `${drift}`);
});

Deno.test("systemClock.wall does not go back while the system does not", () => {
  let last = systemClock.wall();
  for (let reading = 0; reading < 1_000; reading++) {
    const next = systemClock.wall();
    assert.ok(next >= last);
    last = next;
  }
});

Deno.test("systemClock.wall is in nanoseconds of this century and now never goes back", () => {
  const before = systemClock.now();
  assert.ok(systemClock.wall() > 1_700_000_000n * 1_000_000_000n);
  assert.ok(systemClock.now() >= before);
});

Deno.test("systemClock.after waits long where the runtime's own timer would fire at once", async () => {
  let fired = false;
  const timer = systemClock.after(2 ** 40, () => fired = true);
  await settle();
  await systemClock.sleep(5);
  assert.equal(fired, false);
  timer.cancel();
});
