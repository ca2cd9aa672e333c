import { type Log, quoteForLog } from "#kit";
import type { Refusal } from "./history.ts";

const NANOS_PER_MINUTE = 60_000_000_000n;

/** Lines that one minute may have, so that a flood of keys cannot flood the log. Ours. */
export const MAX_REFUSAL_LINES_PER_MINUTE = 256;

/** Counts and logs refused appends: a line a peer, reason and minute (history.md 5). */
export class RefusalLog {
  readonly #log: Log;
  readonly #counts: Record<Refusal, number> = {
    "peer PK is empty": 0,
    "message exceeds max size": 0,
    "peer not in whitelist": 0,
    "per-peer rate limit exceeded": 0,
    "total storage cap reached": 0,
  };
  readonly #told = new Set<string>();
  #minute = -1n;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Refused so far. */
  get counts(): Readonly<Record<Refusal, number>> {
    return { ...this.#counts };
  }

  /**
   * Counts it, and logs it unless this peer had the same line in this minute; with a group, for the
   * messages of this author there.
   */
  refused(
    peer: string,
    { refusal, wall, group }: { refusal: Refusal; wall: bigint; group?: string },
  ): void {
    this.#counts[refusal]++;
    const minute = wall / NANOS_PER_MINUTE;
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#told.clear();
    }
    const entry = `${peer} ${refusal} ${group ?? ""}`;
    if (this.#told.has(entry) || this.#told.size >= MAX_REFUSAL_LINES_PER_MINUTE) return;
    this.#told.add(entry);
    const who = quoteForLog(peer);
    if (group === undefined) this.#log.warn(`skychat/dm: history append ${who}: ${refusal}`);
    else {
      const where = quoteForLog(group);
      this.#log.warn(`skychat/group: history append ${where} ${who}: ${refusal}`);
    }
  }
}
