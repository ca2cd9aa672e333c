/**
 * Direct messages: what a frame can be, receipts, connections by key, sending and receiving.
 *
 * Above `#session` (frames) and `#net` (links, of which it knows only the shape), beside `#events`,
 * to which it publishes. Decisions are pure functions (`inbound.ts`, `outbound.ts`); `Receiver` and
 * `Sender` carry them out; {@link DirectChat} holds them together. It never accepts, dials only through
 * what is handed in ({@link MeshPort}), never reads a clock of its own, never touches a disk: what keeps messages is handed in (`ChatStore`,
 * `QueueTable`). {@link Outbox} holds messages for peers that are away. Format: `docs/spec/messages.md`.
 *
 * @example
 * ```ts
 * import { systemRandom, utf8, utf8Text } from "#kit";
 * import { classify, encodeAck, encodeMessage, newMessageId } from "#chat";
 *
 * const id = newMessageId(systemRandom);
 * const found = classify(encodeMessage({ id, body: "hello", ack: true }));
 * console.assert(found.kind === "message" && found.body === "hello" && found.ack);
 * console.assert(utf8Text(encodeAck("00ff")) === '{"type":"chat-ack","id":"00ff"}');
 * console.assert(classify(utf8('{"type":"note"}')).kind === "text");
 * ```
 *
 * @module
 */
export { type ChatLink, type LinkNetwork, type MeshNetwork, networkOf } from "./chat_link.ts";
export type { ChatStore, Stored } from "./chat_store.ts";
export { type ChatCounters, noTraffic } from "./counters.ts";
export { DirectChat, type DirectChatOptions } from "./direct_chat.ts";
export {
  type Classified,
  classify,
  encodeAck,
  encodeDelete,
  encodeMessage,
  encodeRead,
  type OutgoingMessage,
} from "./envelope.ts";
export * from "./limits.ts";
export type { LinkState } from "./link_state.ts";
export type { MeshPort } from "./mesh_port.ts";
export * from "./mesh_limits.ts";
export { newMessageId } from "./message_id.ts";
export { Outbox } from "./outbox.ts";
export type {
  ListedMessage,
  OutboxLimits,
  QueuedMessage,
  QueuedState,
  QueueOutcome,
  QueueRequest,
  QueueTable,
} from "./outbox_plan.ts";
export type { EventStream } from "./outlet.ts";
export { effectiveWait, noConnectionText, type SendOutcome, type SendRequest } from "./outbound.ts";
