import type { DirectChat } from "#chat";
import { type Clock, errorText, type Log } from "#kit";
import type { KvHistory } from "#store";
import type { HistoryConfig } from "./config.ts";

const DAY_MS = 86_400_000;
const MIB = 1_048_576;

/** What opening the store came to, and the log line about it (cli.md 2.2, lines 3 and 3'). */
export interface OpenedHistory {
  /** Undefined when the node runs without one. */
  readonly history: KvHistory | undefined;
  /** Says so; later than the opening itself, because the lines have an order. */
  tell(log: Log): void;
}

/**
 * Opens the store of `--persist`. A failure is not fatal: the node then runs without history
 * (history.md 2).
 */
export async function openStoredHistory(
  config: HistoryConfig | undefined,
  node: {
    readonly self: string;
    readonly ownFeed?: string;
    readonly clock: Clock;
    readonly log: Log;
  },
): Promise<OpenedHistory> {
  if (config === undefined) return { history: undefined, tell() {} };
  // A node that keeps nothing has none of this code in memory.
  const { openHistory, StoreError } = await import("#store");
  try {
    // NaN is no number of messages either.
    if (!(config.seed >= 0)) {
      throw new StoreError("invalid-limits", "invalid limits: Seed must be >= 0");
    }
    const history = await openHistory({
      ...node,
      path: config.path,
      whitelistPath: config.whitelistPath || undefined,
      limits: {
        maxMessageBytes: config.maxSize,
        perPeerRatePerMinute: config.perPeerRate,
        perPeerCap: config.perPeerCap,
        totalCapBytes: config.totalCapMib * MIB,
        ttlMs: config.ttlDays * DAY_MS,
        groupCap: config.groupCap,
        groupRatePerMinute: config.groupRate,
      },
    });
    return { history, tell: (log) => log.info(openedText(config)) };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const text = `Failed to open history store: ${errorText(error)} — continuing in ephemeral mode`;
    return { history: undefined, tell: (log) => log.warn(text) };
  }
}

function openedText(config: HistoryConfig): string {
  return `Persistence enabled: db=${config.path} cap=${config.totalCapMib}MB ` +
    `per-peer=${config.perPeerCap} ttl=${config.ttlDays}d whitelist=${config.whitelistPath !== ""}`;
}

/** Archived events that are looked through for messages that may be repeated. */
const REMEMBERED_EVENTS = 5_000;
/** Archived events read at a time. */
const PAGE = 500;

/**
 * Tells chat which messages arrived lately, before a restart: a peer that missed its receipt sends
 * them again, and they must not be shown twice (messages.md 6.1).
 */
export async function rememberArrivals(
  history: KvHistory,
  chat: DirectChat,
  { clock, windowMs }: { clock: Clock; windowMs: number },
): Promise<void> {
  const { events } = history;
  const now = Number(clock.wall() / 1_000_000n);
  for (let after = Math.max(0, events.newest - REMEMBERED_EVENTS);;) {
    const page = await events.read(after, PAGE);
    for (const { line } of page) {
      const { dir, from, id, text, ts, channel } = JSON.parse(line);
      const ageMs = now - Date.parse(ts);
      if (dir !== "in" || channel !== "dm" || ageMs > windowMs) continue;
      chat.remember(from, { id, body: text, ageMs: Math.max(0, ageMs) });
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}
