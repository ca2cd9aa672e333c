import assert from "node:assert/strict";
import fc from "fast-check";
import { DEFAULT_HISTORY_LIMITS, StoreError, sweepInterval } from "#store";
import { HistoryPolicy, MAX_TEXT_BYTES, validateLimits } from "../../lib/store/policy.ts";
import { RefusalLog } from "../../lib/store/refusal_log.ts";
import { keptLog, peerNumber } from "#support/stored_messages.ts";

const ANN = peerNumber(1);
const MINUTE = 60_000_000_000n;

Deno.test("validateLimits names each violation with the text of the specification", () => {
  const violations: [object, string][] = [
    [{ maxMessageBytes: -1 }, "MaxMessageSize must be >= 0"],
    [{ perPeerRatePerMinute: -1 }, "PerPeerRatePerMin must be >= 0"],
    [{ perPeerCap: -1 }, "PerPeerCap must be >= 0"],
    [{ totalCapBytes: -1 }, "TotalCapBytes must be >= 0"],
    [{ ttlMs: -1 }, "TTL must be >= 0"],
    [{ groupCap: -1 }, "GroupCap must be >= 0"],
    [{ groupRatePerMinute: -1 }, "GroupRatePerMin must be >= 0"],
    [{ ttlMs: NaN }, "TTL must be >= 0"],
  ];
  for (const [wrong, text] of violations) {
    assert.throws(
      () => validateLimits({ ...DEFAULT_HISTORY_LIMITS, ...wrong }, undefined),
      (error: unknown) =>
        error instanceof StoreError && error.code === "invalid-limits" &&
        error.message === `invalid limits: ${text}`,
    );
  }
  assert.throws(() => validateLimits(DEFAULT_HISTORY_LIMITS, new Set()), {
    message: "invalid limits: WhitelistOnly is set but Whitelist is empty",
  });
  validateLimits(DEFAULT_HISTORY_LIMITS, new Set([ANN]));
});

Deno.test("HistoryPolicy admits exactly the rate in every UTC minute, whatever the order", () => {
  const limits = { ...DEFAULT_HISTORY_LIMITS, perPeerRatePerMinute: 3 };
  const second = fc.integer({ min: 0, max: 179 });
  fc.assert(
    fc.property(fc.array(fc.tuple(second, fc.integer({ min: 1, max: 3 })), { maxLength: 60 }), (
      messages,
    ) => {
      const policy = new HistoryPolicy(limits);
      const sorted = messages.toSorted(([a], [b]) => a - b);
      const used = new Map<string, number>();
      for (const [at, number] of sorted) {
        const minute = `${number} ${Math.floor(at / 60)}`;
        const before = used.get(minute) ?? 0;
        const refusal = policy.decide({
          peer: peerNumber(number),
          text: "x",
          wall: 1_000n * MINUTE + BigInt(at) * 1_000_000_000n,
          storedBytes: 0,
        });
        assert.equal(refusal, before < 3 ? undefined : "per-peer rate limit exceeded");
        if (refusal === undefined) used.set(minute, before + 1);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("HistoryPolicy measures texts as UTF-8 does", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), fc.integer({ min: 1, max: 60 }), (
      text,
      most,
    ) => {
      const policy = new HistoryPolicy({ ...DEFAULT_HISTORY_LIMITS, maxMessageBytes: most });
      const bytes = new TextEncoder().encode(text).length;
      const refusal = policy.decide({ peer: ANN, text, wall: 0n, storedBytes: 0 });
      assert.equal(refusal, bytes > most ? "message exceeds max size" : undefined);
    }),
    { numRuns: 200 },
  );
});

Deno.test("HistoryPolicy has a last bound for texts where the size has none", () => {
  const limits = { ...DEFAULT_HISTORY_LIMITS, maxMessageBytes: 0 };
  const decide = (text: string) =>
    new HistoryPolicy(limits).decide({ peer: ANN, text, wall: 0n, storedBytes: 0 });
  assert.equal(decide("x".repeat(MAX_TEXT_BYTES)), undefined);
  assert.equal(decide("x".repeat(MAX_TEXT_BYTES + 1)), "message exceeds max size");
});

Deno.test("HistoryPolicy takes only 66 hex digits for a peer", () => {
  const policy = new HistoryPolicy(DEFAULT_HISTORY_LIMITS);
  for (const peer of ["", "02ab", ANN.slice(1), `${ANN}0`, ANN.replace("3", "g"), "é".repeat(66)]) {
    const refusal = policy.decide({ peer, text: "x", wall: 0n, storedBytes: 0 });
    assert.equal(refusal, "peer PK is empty");
    assert.equal(policy.decideImported({ peer, text: "x", storedBytes: 0 }), "peer PK is empty");
  }
});

Deno.test("HistoryPolicy remembers the minute of a bounded number of peers", () => {
  const policy = new HistoryPolicy({ ...DEFAULT_HISTORY_LIMITS, perPeerRatePerMinute: 1 });
  const decide = (number: number, wall: bigint) =>
    policy.decide({ peer: peerNumber(number), text: "x", wall, storedBytes: 0 });
  for (let number = 0; number < 3_000; number++) assert.equal(decide(number, 0n), undefined);
  // Nobody was forgotten within the minute.
  assert.equal(decide(0, 1n), "per-peer rate limit exceeded");
  assert.equal(decide(0, MINUTE), undefined);
});

Deno.test("HistoryPolicy.decideImported skips the rate, and the peer of a group", () => {
  const limits = { ...DEFAULT_HISTORY_LIMITS, perPeerRatePerMinute: 1, totalCapBytes: 9 };
  const policy = new HistoryPolicy(limits, new Set([ANN]));
  for (let again = 0; again < 5; again++) {
    assert.equal(policy.decideImported({ peer: ANN, text: "x", storedBytes: 8 }), undefined);
  }
  const imported = (peer: string | undefined) =>
    policy.decideImported({ peer, text: "x", storedBytes: 9 });
  assert.equal(imported(peerNumber(2)), "peer not in whitelist");
  assert.equal(imported(undefined), "total storage cap reached");
});

Deno.test("sweepInterval is a tenth of the age, between 1 and 10 minutes", () => {
  assert.deepEqual([60_000, 1_800_000, 30 * 86_400_000].map(sweepInterval), [
    60_000,
    180_000,
    600_000,
  ]);
});

Deno.test("RefusalLog writes a line a peer, reason and minute, and not for ever", () => {
  const log = keptLog();
  const refusals = new RefusalLog(log);
  const refused = (number: number, wall: bigint) =>
    refusals.refused(peerNumber(number), { refusal: "peer not in whitelist", wall });
  for (let again = 0; again < 3; again++) refused(1, 5n);
  refusals.refused(peerNumber(1), { refusal: "message exceeds max size", wall: 5n });
  refused(1, MINUTE);
  assert.equal(log.lines.length, 3);
  for (let number = 0; number < 1_000; number++) refused(number, 2n * MINUTE);
  assert.equal(log.lines.length, 3 + 256);
});
