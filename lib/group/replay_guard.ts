import type { Facts, Register } from "./facts.ts";
import type { Mutation, MutationFamily } from "./mutation.ts";
import { ZERO_TIME } from "./wire_json.ts";

/** How far ahead of this node's clock a decision may be dated, nanoseconds: 5 minutes (groups.md 2.7). */
export const MAX_SKEW_NANOS = 300_000_000_000n;

/** Family -> its letter in watermark keys. */
const LETTERS: Readonly<Record<MutationFamily, string>> = { roster: "r", admin: "a", mod: "m" };

/** Kind of a register -> the same letter. */
const LETTER_OF_REGISTER: Readonly<Record<string, string>> = {
  roster: "r",
  admin: "a",
  ban: "m",
  mute: "m",
  eviction: "m",
};

/**
 * Whether a decision issued at that time is to be applied, or the text why not (groups.md 2.7).
 * All times are nanoseconds since 1970.
 */
export function freshness(
  issuedAt: bigint,
  { now, watermark }: { now: bigint; watermark: bigint | undefined },
): "apply" | string {
  if (issuedAt === ZERO_TIME) return "mutation has no issue time";
  if (issuedAt > now + MAX_SKEW_NANOS) return "mutation is dated too far in the future";
  if (watermark !== undefined && issuedAt <= watermark) {
    return "mutation is older than the last one applied for this target";
  }
  return "apply";
}

/** `<family>:<target>` of groups.md 2.7: `r:<pk>`, `a:<pk>`, `m:<pk>` or `m:group`. */
export function watermarkKey(m: Pick<Mutation, "family" | "peer">): string {
  return `${LETTERS[m.family]}:${m.peer === "" ? "group" : m.peer}`;
}

/**
 * Watermark key -> when the newest decision about that target was issued: `mutation_seen` of the
 * record. As facts only grow, so do these.
 */
export function watermarks(facts: Facts): Map<string, bigint> {
  const newest = new Map<string, bigint>();
  for (const [register, { issuedAt }] of facts) {
    const key = watermarkKeyOf(register);
    const known = newest.get(key);
    if (known === undefined || issuedAt > known) newest.set(key, issuedAt);
  }
  return newest;
}

function watermarkKeyOf(register: Register): string {
  const [kind = "", peer] = register.split(":");
  return peer === undefined ? "m:group" : `${LETTER_OF_REGISTER[kind]}:${peer}`;
}
