/**
 * Conversations over replicated feeds: direct messages (`--cxo`).
 *
 * Above `#cxo`, which replicates trees of bytes, and `#events`; beside `#chat`, which it sees as a
 * {@link MessageSink} only. It decides what a leaf of a feed means as a message and keeps each from being
 * shown twice; it knows nothing of objects, Roots and links. Formats: `docs/spec/cxo.md` section 7.
 *
 * @module
 */
export * from "./direct_feeds.ts";
export { FEED_CAP, type PublishOutcome } from "./feed_outbox.ts";
export { MAX_FEED_TEXT_BYTES } from "./feed_inbox.ts";
export type { MessageSink } from "./message_sink.ts";
