/**
 * Messages that outlive the process: history with its limits, the durable events of `/events`, queued
 * messages, journals of replicated feeds; on Deno KV, with a twin in memory.
 *
 * Above `#kit` and `#events`; `#chat` appends, `#http` reads, `#app` opens and closes; it knows none
 * of them. It never sends anything, never stops a message that it cannot keep, and never touches a
 * file that is not its own. Formats: `docs/spec/history.md`; keys: `docs/KEYSPACE.md`.
 *
 * @example
 * ```ts
 * import { silentLog, systemClock } from "#kit";
 * import { MemoryHistory, openHistory } from "#store";
 *
 * const folder = await Deno.makeTempDir();
 * const options = { clock: systemClock, log: silentLog, self: `02${"11".repeat(32)}` };
 * const history = await openHistory({ ...options, path: `${folder}/history.db` });
 * const { seq, refusal, committed } = history.append({
 *   direction: "in",
 *   id: "8077ca12ee05c806",
 *   network: "tcp-direct",
 *   sender: `03${"22".repeat(32)}`,
 *   text: "hello",
 *   length: 5,
 *   channel: "dm",
 *   wall: systemClock.wall(),
 * });
 * console.assert(seq === 1 && refusal === undefined && await committed);
 * console.assert((await history.recent(10))[0]?.text === "hello");
 * await history.close();
 * await Deno.remove(folder, { recursive: true });
 *
 * const twin = new MemoryHistory(options);
 * await twin.close();
 * ```
 *
 * @module
 */
export { ARCHIVE_LIMITS, type ArchiveLimits } from "./archive_limits.ts";
export { MAX_EVENTS_PER_BLOCK } from "./event_blocks.ts";
export type {
  Appended,
  GroupSummary,
  History,
  ImportReport,
  Refusal,
  SearchHit,
  StoreFigures,
} from "./history.ts";
export {
  type Journal,
  type JournalContents,
  MAX_JOURNAL_ENTRY_BYTES,
  MAX_JOURNAL_STATE_BYTES,
} from "./journal.ts";
export { ARCHIVE_SWEEP_MS, KvHistory } from "./kv_history.ts";
export { MemoryHistory, type MemoryHistoryOptions } from "./memory_history.ts";
export { MemoryOutbox } from "./memory_outbox.ts";
export { openHistory, type OpenHistoryOptions } from "./open_history.ts";
export type { OutboxEntry, OutboxTable } from "./outbox_table.ts";
export { DEFAULT_HISTORY_LIMITS, type HistoryLimits, sweepInterval } from "./policy.ts";
export type { GroupRecord, HistoryRecord } from "./record.ts";
export { StoreError } from "./store_error.ts";
export { LOCK_WAIT_MS } from "./store_lock.ts";
export { OPEN_WAIT_MS, STORE_FORMAT } from "./store_opening.ts";
export { parseStoreWhitelist } from "./whitelist.ts";
