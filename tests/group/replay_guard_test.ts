import { strictEqual } from "node:assert/strict";
import { parseRfc3339 } from "#kit";
import { addsTo, type Facts, factsOf, mergeFacts, NO_FACTS } from "../../lib/group/facts.ts";
import type { MutationOp } from "../../lib/group/mutation.ts";
import {
  freshness,
  MAX_SKEW_NANOS,
  watermarkKey,
  watermarks,
} from "../../lib/group/replay_guard.ts";
import { ZERO_TIME } from "../../lib/group/wire_json.ts";
import vectors from "../vectors/groups.json" with { type: "json" };
import { BOB, decision, keyOf } from "./decisions.ts";

const guard = vectors.replay_guard;
const NO_TIME = "mutation has no issue time";
const FUTURE = "mutation is dated too far in the future";
const OLDER = "mutation is older than the last one applied for this target";

function nanos(text: string): bigint {
  const time = parseRfc3339(text);
  if (time === undefined) throw new RangeError(`No time: ${text}`);
  return time;
}

function reasonOf(verdict: string): string {
  if (verdict.startsWith("apply")) return "apply";
  return verdict.includes("future") ? FUTURE : OLDER;
}

Deno.test("freshness and watermarks agree with the vectors of the replay guard", () => {
  const now = nanos(guard.now);
  strictEqual(MAX_SKEW_NANOS, BigInt(guard.max_future_skew_seconds) * 1_000_000_000n);
  let facts: Facts = NO_FACTS;
  for (const { in: { issued_at, family, op, target }, verdict, watermark_after } of guard.steps) {
    const m = decision(op as MutationOp, keyOf(target), nanos(issued_at));
    const key = watermarkKey(m);
    strictEqual(key, `${family}:${keyOf(target)}`);
    const fresh = freshness(m.issuedAt, { now, watermark: watermarks(facts).get(key) });
    strictEqual(fresh, reasonOf(verdict), verdict);
    // Of what is not dated ahead, facts take in just what the guard lets pass here.
    strictEqual(fresh === FUTURE || addsTo(facts, m) === (fresh === "apply"), true);
    if (fresh === "apply") facts = mergeFacts(facts, factsOf(m));
    const after = watermarks(facts).get(key);
    strictEqual(after, watermark_after === null ? undefined : nanos(watermark_after));
  }
});

Deno.test("freshness has the bounds and the texts of groups.md 2.7", () => {
  const now = 1_000_000_000_000_000_000n;
  const none = { now, watermark: undefined };
  strictEqual(freshness(ZERO_TIME, none), NO_TIME);
  strictEqual(freshness(ZERO_TIME, { now, watermark: 1n }), NO_TIME);
  strictEqual(freshness(now + 300_000_000_000n, none), "apply");
  strictEqual(freshness(now + 300_000_000_001n, none), FUTURE);
  strictEqual(freshness(now + 300_000_000_001n, { now, watermark: now * 2n }), FUTURE);
  strictEqual(freshness(now, { now, watermark: now }), OLDER);
  strictEqual(freshness(now, { now, watermark: now + 1n }), OLDER);
  strictEqual(freshness(now, { now, watermark: now - 1n }), "apply");
  // An unknown target accepts any past.
  strictEqual(freshness(1n, none), "apply");
  strictEqual(freshness(-1n, none), "apply");
});

Deno.test("watermarkKey gives each family its own key, and the group one of mod", () => {
  for (
    const [op, letter] of [
      ["add", "r"],
      ["remove", "r"],
      ["promote", "a"],
      ["demote", "a"],
      ["ban", "m"],
      ["unban", "m"],
      ["mute", "m"],
      ["unmute", "m"],
    ] as const
  ) {
    strictEqual(watermarkKey(decision(op, BOB, 1)), `${letter}:${BOB}`);
  }
  for (const op of ["read-only", "read-write", "backfill-on", "backfill-off"] as const) {
    strictEqual(watermarkKey(decision(op, "", 1)), "m:group");
  }
});
