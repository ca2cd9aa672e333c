/**
 * One hub for everything a local consumer may see: messages and delivery statuses, their JSON, the
 * replay rings, the bounded queues in front of slow readers.
 *
 * Above `#kit`; `#chat` publishes here and `#http` reads; neither knows the other. It never waits for
 * a reader, never opens a stream itself and never stores anything longer than its rings: what outlives the
 * process comes from an {@link EventArchive} that it is given. Formats:
 * `docs/spec/http-api.md` sections 5.3, 5.4 and 6, `docs/spec/messages.md` section 3.4,
 * `docs/spec/groups.md` sections 2.3 and 6.3.
 *
 * @example
 * ```ts
 * import { systemClock } from "#kit";
 * import { EventHub } from "#events";
 *
 * const hub = new EventHub({ clock: systemClock });
 * const reader = hub.subscribeLegacy();
 * hub.publishStatus({ id: "8077ca12ee05c806", peer: "02c6…", status: "received" });
 * const [line] = await reader.next();
 * console.assert(line?.startsWith('{"channel":"dm-status"'));
 * hub.close();
 * ```
 *
 * @module
 */
export {
  ARCHIVE_PAGE_CHARACTERS,
  ARCHIVE_PAGE_EVENTS,
  type ArchivedEvent,
  type EventArchive,
} from "./archive.ts";
export {
  type Authorship,
  type Channel,
  type GroupDelete,
  isAhead,
  isWrittenBy,
  type JournalNote,
  MAX_AHEAD_NANOS,
  type MessageEvent,
  parseChannels,
  type StatusEvent,
} from "./event.ts";
export {
  gapLine,
  groupDeleteLine,
  legacyMessageLine,
  resumableSeqOf,
  seedLine,
  type SeedSource,
  statusLine,
  structuredMessageLine,
} from "./event_json.ts";
export { ARCHIVE_READS, KEPT_ARCHIVE_PAGES } from "./archive_pages.ts";
export { EVENT_PAUSE_MS } from "./event_log.ts";
export type { EventFilter } from "./event_walk.ts";
export type { Forgotten, ForgottenDirect, ForgottenGroup } from "./forgotten.ts";
export { EventHub, type EventHubOptions, LEGACY_QUEUE, LEGACY_RING } from "./hub.ts";
export { MAX_QUEUED_CHARACTERS } from "./newest_lines.ts";
export type { RingLimits } from "./replay_ring.ts";
export {
  cutToBytes,
  type FileBody,
  MAX_FORWARD_FROM,
  unwrapBody,
  unwrapGroupBody,
  type VisibleBody,
} from "./structured_body.ts";
export {
  SHARED_PAGES,
  STRUCTURED_QUEUE,
  STRUCTURED_RING,
  type StructuredFilter,
} from "./structured_stream.ts";
export type { Subscription } from "./subscription.ts";
