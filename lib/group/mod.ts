/**
 * Conversations over replicated feeds: direct messages (`--cxo`) and federated groups (`--cxo-group`).
 *
 * Above `#cxo`, which replicates trees of bytes, and `#events`; beside `#chat`, which it sees as a
 * {@link MessageSink} only. It decides what a leaf of a feed means, who may say it, and keeps each message from
 * being shown twice; it knows nothing of objects, Roots and frames. Formats: `docs/spec/cxo.md` section 7 and
 * `docs/spec/groups.md`.
 *
 * Direct messages: {@link DirectFeeds}, of an outbox and inboxes. A group: {@link GroupSession}, which puts
 * together links to members (`member_links.ts`), the own feed (`group_feed.ts`), what comes in
 * (`group_inbox.ts`, `message_intake.ts`), who may do what (`governance.ts`, `authority.ts`, `roster.ts`, `facts.ts`), the
 * commands of this node's user (`governance_desk.ts`), what goes out (`group_publisher.ts`), keys
 * (`group_keys.ts`) and the folder (`group_folder.ts`). The records themselves, without any of that:
 * `message_leaf.ts`, `mutation.ts`, `key_rotation.ts`, `invite.ts`.
 *
 * @module
 */
export * from "./direct_feeds.ts";
export { FEED_CAP, type PublishOutcome } from "./feed_outbox.ts";
export { MAX_FEED_TEXT_BYTES } from "./feed_inbox.ts";
export * from "./message_sink.ts";
export { type Fact, type Facts, MUTATION_OPS, type Register } from "./facts.ts";
export * from "./key_rotation.ts";
export type { MemberAction } from "./governance_desk.ts";
export * from "./group_commands.ts";
export * from "./group_error.ts";
export { groupFolderName } from "./group_folder.ts";
export * from "./group_id.ts";
export type { GroupState, GroupStatusEntry, NodeCounts } from "./group_info.ts";
export type { GroupSessionOptions } from "./group_parts.ts";
export { type GroupSent, MAX_GROUP_TEXT_BYTES } from "./group_publisher.ts";
export { GROUP_STATUSES, type GroupStatus } from "./group_record.ts";
export * from "./group_session.ts";
export type { GroupTerms } from "./group_setup.ts";
export * from "./invite.ts";
export type { GroupKey } from "./key_ring.ts";
export * from "./leaf_fault.ts";
export type { MemberState } from "./member_link.ts";
export * from "./message_body.ts";
export * from "./message_leaf.ts";
export * from "./message_path.ts";
export * from "./mutation.ts";
export { type GroupCharter, Roster } from "./roster.ts";
