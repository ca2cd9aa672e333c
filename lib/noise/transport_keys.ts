import type { Pattern, Role } from "./patterns.ts";
import type { SplitOrder } from "./suite.ts";
import type { SplitKeys } from "./symmetric_state.ts";

/** The keys of one side, 32 bytes each. */
export interface TransportKeys {
  /** Seals what this side writes. */
  readonly send: Uint8Array;
  /** Opens what the peer wrote. */
  readonly receive: Uint8Array;
}

/**
 * Gives each split key its direction; the deviation is explained at {@link SplitOrder}
 * (noise.md 3.5).
 */
export function assignKeys(
  split: SplitKeys,
  context: { pattern: Pattern; role: Role; order: SplitOrder },
): TransportKeys {
  const { pattern, role, order } = context;
  const lastWriter = pattern.messages.at(-1)?.from;
  const sendsWithFirst = order === "initiator-first" ? role === "initiator" : role !== lastWriter;
  return sendsWithFirst
    ? { send: split.first, receive: split.second }
    : { send: split.second, receive: split.first };
}
