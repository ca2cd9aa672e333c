import assert from "node:assert/strict";
import fc from "fast-check";
import { formatRfc3339, parseRfc3339 } from "#kit";

const RUNS = { numRuns: 300 };
const nanos = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

Deno.test("parseRfc3339 is the inverse of formatRfc3339 for every 64-bit time", () => {
  fc.assert(fc.property(nanos, (time) => assert.equal(parseRfc3339(formatRfc3339(time)), time)));
  for (const time of [-(2n ** 63n), -1n, 0n, 1n, 2n ** 63n - 1n]) {
    assert.equal(parseRfc3339(formatRfc3339(time)), time);
  }
});

Deno.test("parseRfc3339 reads whole seconds in any zone as the platform does", () => {
  const zones = fc.record({
    sign: fc.constantFrom("+", "-"),
    hours: fc.nat(23),
    minutes: fc.nat(59),
  });
  const two = (number: number) => String(number).padStart(2, "0");
  fc.assert(
    fc.property(
      fc.integer({ min: -9e9, max: 9e9 }),
      zones,
      (seconds, { sign, hours, minutes }) => {
        const local = new Date(seconds * 1000).toISOString().slice(0, 19);
        const text = `${local}${sign}${two(hours)}:${two(minutes)}`;
        assert.equal(parseRfc3339(text), BigInt(Date.parse(text)) * 1_000_000n);
      },
    ),
    RUNS,
  );
});

Deno.test("parseRfc3339 cuts a fraction after nine digits and takes shorter ones", () => {
  const whole = parseRfc3339("2026-09-08T10:00:00Z") ?? 0n;
  const cases: [string, bigint][] = [
    [".1", 100_000_000n],
    [".000000001", 1n],
    [".0000000019", 1n],
    [`.${"9".repeat(400)}`, 999_999_999n],
  ];
  for (const [fraction, added] of cases) {
    assert.equal(parseRfc3339(`2026-09-08T10:00:00${fraction}Z`), whole + added);
  }
});

Deno.test("parseRfc3339 refuses what is no time and what 64 bits cannot hold", () => {
  for (
    const wrong of [
      "",
      "2026-09-08",
      "2026-09-08T10:00:00",
      "2026-00-08T10:00:00Z",
      "2026-13-08T10:00:00Z",
      "2026-04-31T10:00:00Z",
      "2026-02-29T10:00:00Z",
      "2026-09-00T10:00:00Z",
      "2026-09-08T24:00:00Z",
      "2026-09-08T10:60:00Z",
      "2026-09-08T10:00:60Z",
      "2026-09-08T10:00:00.Z",
      "2026-09-08T10:00:00+24:00",
      "2026-09-08T10:00:00+00:60",
      "0001-01-01T00:00:00Z",
      "0070-01-01T00:00:00Z",
      "1677-09-21T00:12:43.145224191Z",
      "2262-04-11T23:47:16.854775808Z",
      "9999-01-01T00:00:00Z",
      " 2026-09-08T10:00:00Z",
      "2026-09-08T10:00:00Z\n",
      "٢٠٢٦-09-08T10:00:00Z",
    ]
  ) assert.equal(parseRfc3339(wrong), undefined, wrong);
  assert.equal(parseRfc3339("2024-02-29T00:00:00Z"), 1_709_164_800_000_000_000n);
  assert.equal(parseRfc3339("1677-09-21T00:12:43.145224192Z"), -(2n ** 63n));
});
