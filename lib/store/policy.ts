import { utf8 } from "#kit";
import type { Refusal } from "./history.ts";
import { MinuteRate } from "./minute_rate.ts";
import type { GroupRecord } from "./record.ts";
import { StoreError } from "./store_error.ts";

/** Limits of stored history (history.md 5); 0 means none everywhere. */
export interface HistoryLimits {
  /** UTF-8 bytes of one text. */
  readonly maxMessageBytes: number;
  /** Messages of one peer in one UTC minute, both directions together. */
  readonly perPeerRatePerMinute: number;
  /** Records of one peer; the oldest makes room. */
  readonly perPeerCap: number;
  /** Bytes of all live records; new ones are refused at it. */
  readonly totalCapBytes: number;
  /** Age in milliseconds at which records disappear. */
  readonly ttlMs: number;
  /** Records of one group; the oldest makes room. Ours. */
  readonly groupCap: number;
  /** Messages of one author in one group in one UTC minute, as the author dates them. Ours. */
  readonly groupRatePerMinute: number;
}

/**
 * The defaults of history.md 5: 4,096 bytes, 20 a minute, 500 a peer, 10 MiB, 30 days; and ours for
 * groups: 5,000 records, 60 a minute.
 */
export const DEFAULT_HISTORY_LIMITS: HistoryLimits = {
  maxMessageBytes: 4_096,
  perPeerRatePerMinute: 20,
  perPeerCap: 500,
  totalCapBytes: 10_485_760,
  ttlMs: 2_592_000_000,
  groupCap: 5_000,
  groupRatePerMinute: 60,
};

/** Bytes that a conversation counts beside its records (history.md 5). */
export const PEER_OVERHEAD_BYTES = 64;

/**
 * Bytes that a record counts beside its value: its two keys (conversation, time) as they are stored,
 * rounded up. Ours; the specification says "key + value".
 */
export const RECORD_KEY_BYTES = 32;

/**
 * Most bytes of a text where `maxMessageBytes` is 0, ours: a record and its neighbours must fit into
 * one commit of 819,200 bytes. No frame carries more than 65,536.
 */
export const MAX_TEXT_BYTES = 262_144;

/**
 * Checks limits before anything is opened (history.md 2).
 *
 * @throws {StoreError} `invalid-limits`, with the text of the first violation
 */
export function validateLimits(
  limits: HistoryLimits,
  whitelist: ReadonlySet<string> | undefined,
): void {
  const named: readonly (readonly [string, number])[] = [
    ["MaxMessageSize", limits.maxMessageBytes],
    ["PerPeerRatePerMin", limits.perPeerRatePerMinute],
    ["PerPeerCap", limits.perPeerCap],
    ["TotalCapBytes", limits.totalCapBytes],
    ["TTL", limits.ttlMs],
    ["GroupCap", limits.groupCap],
    ["GroupRatePerMin", limits.groupRatePerMinute],
  ];
  for (const [name, value] of named) {
    // NaN is no limit either.
    if (!(value >= 0)) throw invalid(`${name} must be >= 0`);
  }
  if (whitelist?.size === 0) throw invalid("WhitelistOnly is set but Whitelist is empty");
}

function invalid(text: string): StoreError {
  return new StoreError("invalid-limits", `invalid limits: ${text}`);
}

/** What the checks look at. */
export interface Candidate {
  /** 66 lower-case hex digits; anything else counts as no key at all. */
  readonly peer: string;
  readonly text: string;
  /** When, nanoseconds since 1970. */
  readonly wall: bigint;
  /** Bytes of all live records now. */
  readonly storedBytes: number;
}

/** What the checks of a message of a group look at. */
export interface GroupCandidate extends Pick<Candidate, "text" | "storedBytes"> {
  readonly group: string;
  /** Its author, 66 lower-case hex digits; anything else counts as no key at all. */
  readonly sender: string;
  /** Whether this node wrote it: then no whitelist is asked. */
  readonly outgoing: boolean;
  /**
   * When it was written, nanoseconds since 1970, as its author says: what was missed comes all at once. An
   * author may choose the minute, but only the newest records stay.
   */
  readonly written: bigint;
}

/** What the checks look at in a record of a group. */
export function groupCandidate(
  { group_id: group, sender_pk: sender, outgoing, text }: GroupRecord,
  now: Pick<GroupCandidate, "written" | "storedBytes">,
): GroupCandidate {
  return { group, sender, outgoing, text, ...now };
}

/** Decides what is stored, in the order of history.md 5. Knows the counts of a minute, nothing else. */
export class HistoryPolicy {
  readonly limits: HistoryLimits;
  readonly #whitelist: ReadonlySet<string> | undefined;
  readonly #peerRate: MinuteRate;
  readonly #groupRate: MinuteRate;

  constructor(limits: HistoryLimits, whitelist?: ReadonlySet<string>) {
    this.limits = limits;
    this.#whitelist = whitelist;
    this.#peerRate = new MinuteRate(limits.perPeerRatePerMinute);
    this.#groupRate = new MinuteRate(limits.groupRatePerMinute);
  }

  /** Why this message is not kept; undefined when it is. An admitted message uses up its rate. */
  decide(candidate: Candidate): Refusal | undefined {
    const refusal = this.#beforeRate(candidate);
    if (refusal !== undefined) return refusal;
    const hasRate = this.#peerRate.take(candidate.peer, candidate.wall);
    return hasRate ? this.#total(candidate) : "per-peer rate limit exceeded";
  }

  /** The same for a message of a group: the peer is its author, with a rate for each group. */
  decideGroup(
    { group, sender, outgoing, written, ...candidate }: GroupCandidate,
  ): Refusal | undefined {
    const { text } = candidate;
    const refusal = this.#beforeRate({ peer: sender, text, isOwn: outgoing });
    if (refusal !== undefined) return refusal;
    // A key has a fixed length, so no two pairs are one name.
    const hasRate = this.#groupRate.take(`${sender} ${group}`, written);
    return hasRate ? this.#total(candidate) : "per-peer rate limit exceeded";
  }

  /** The same for an imported record: no rate (history.md 7.1), and no peer for one of a group. */
  decideImported(
    { peer, text, storedBytes }: Pick<Candidate, "text" | "storedBytes"> & {
      readonly peer: string | undefined;
    },
  ): Refusal | undefined {
    const refusal = peer === undefined ? this.#size(text) : this.#beforeRate({ peer, text });
    return refusal ?? this.#total({ storedBytes });
  }

  /**
   * Whether anything that concerns this peer may be on disk, 66 lower-case hex digits. Where it may
   * not, the message is left out of the archive of `/events` too, whatever else speaks against it.
   */
  mayKeep(peer: string): boolean {
    return this.#whitelist?.has(peer) ?? true;
  }

  /** The time at and before which records are expired; undefined when they never are. */
  expiry(wall: bigint): bigint | undefined {
    const { ttlMs } = this.limits;
    return ttlMs === 0 ? undefined : wall - BigInt(Math.round(ttlMs)) * 1_000_000n;
  }

  #beforeRate(
    { peer, text, isOwn = false }: Pick<Candidate, "peer" | "text"> & { readonly isOwn?: boolean },
  ): Refusal | undefined {
    if (!/^[0-9a-f]{66}$/.test(peer)) return "peer PK is empty";
    const refusal = this.#size(text);
    if (refusal !== undefined) return refusal;
    return isOwn || this.mayKeep(peer) ? undefined : "peer not in whitelist";
  }

  #size(text: string): Refusal | undefined {
    const most = Math.min(this.limits.maxMessageBytes || MAX_TEXT_BYTES, MAX_TEXT_BYTES);
    return longerThan(text, most) ? "message exceeds max size" : undefined;
  }

  #total({ storedBytes }: Pick<Candidate, "storedBytes">): Refusal | undefined {
    const most = this.limits.totalCapBytes;
    return most > 0 && storedBytes >= most ? "total storage cap reached" : undefined;
  }
}

/** Whether a text has more UTF-8 bytes; encodes only where its length leaves that open. */
function longerThan(text: string, most: number): boolean {
  if (text.length > most) return true;
  return 3 * text.length > most && utf8(text).length > most;
}

/** Milliseconds between two sweeps: min(10 minutes, ttl / 10), at least one minute (history.md 6). */
export function sweepInterval(ttlMs: number): number {
  return Math.max(60_000, Math.min(600_000, ttlMs / 10));
}
