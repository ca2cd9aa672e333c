/** The traffic counters of `/status` (messages.md 9), under the names they have there. */
export interface ChatCounters {
  /** Messages with text that arrived; repetitions, receipts and control frames not included. */
  readonly inbound_msg_count: number;
  /** Messages written without error. */
  readonly outbound_msg_count: number;
  /** Read loops that ended, for any reason. */
  readonly inbound_drop_count: number;
  /** Sends that gave up. */
  readonly outbound_fail_count: number;
  /** Sends that another connection, open before or dialled for it, took after a write had failed. */
  readonly outbound_retry_count: number;
  /** Sends that went over another network than the one asked for; always 0 without a visor. */
  readonly outbound_fallback_count: number;
  /** Time of the last counted inbound message, nanoseconds since 1970; undefined before the first. */
  readonly last_rx: bigint | undefined;
  /** Time of the last counted outbound message. */
  readonly last_send: bigint | undefined;
}

/** The same counters while they are counted. */
export type LiveCounters = { -readonly [Name in keyof ChatCounters]: ChatCounters[Name] };

/** Counters of a node that exchanged nothing yet. */
export function noTraffic(): ChatCounters {
  return {
    inbound_msg_count: 0,
    outbound_msg_count: 0,
    inbound_drop_count: 0,
    outbound_fail_count: 0,
    outbound_retry_count: 0,
    outbound_fallback_count: 0,
    last_rx: undefined,
    last_send: undefined,
  };
}
