import type { PublicKey } from "#crypto";
import type { MessageEvent, StatusEvent } from "#events";
import { quoteForLog } from "#kit";
import type { LinkNetwork } from "./chat_link.ts";
import { type Classified, classify, encodeAck } from "./envelope.ts";
import { MAX_ECHOED_ID } from "./limits.ts";

/** What one payload makes us do, in this order (messages.md 6). */
export type InboundEffect =
  /**
   * Write this payload on the connection that the message came on; with `repeated`, not before the
   * message that it repeats may be acknowledged.
   */
  | { readonly kind: "reply"; readonly payload: Uint8Array; readonly repeated: boolean }
  /** Surface a delivery status. */
  | { readonly kind: "status"; readonly event: StatusEvent }
  /** Release whoever waits for the receipt of this message. */
  | { readonly kind: "release"; readonly id: string }
  /** Remove the stored message with this id, if the peer wrote it; then surface the status. */
  | { readonly kind: "forget"; readonly event: StatusEvent }
  /** Count, acknowledge if asked to, store and surface a message. */
  | {
    readonly kind: "message";
    readonly event: MessageEvent;
    /** The payload that acknowledges it. */
    readonly receipt: Uint8Array | undefined;
  }
  | { readonly kind: "log"; readonly level: "debug" | "info"; readonly text: string };

/** What the decision depends on besides the payload. */
export interface InboundFacts {
  /** The key proven by the handshake; nothing inside a payload can change it. */
  readonly peer: PublicKey;
  /** What the connection goes over. */
  readonly network: LinkNetwork;
  isBlocked(): boolean;
  /** Whether the user has yet to accept this peer (http-api.md 4.12). */
  isUnapproved(): boolean;
  /** Whether the same message arrived lately; remembers it. */
  seenBefore(message: { readonly id: string; readonly body: string }): boolean;
  /** A new local event id. */
  mintId(): string;
  /** Time of a new message, nanoseconds since 1970-01-01 UTC; never the same for the same text. */
  timeOf(text: string): bigint;
}

const NOTHING: readonly InboundEffect[] = [];

/** Decides what a payload makes us do. Never throws for what a peer sends, never waits. */
export function decideInbound(payload: Uint8Array, facts: InboundFacts): readonly InboundEffect[] {
  if (facts.isBlocked()) return NOTHING;
  const found = classify(payload);
  switch (found.kind) {
    case "text":
      return found.length === 0 ? NOTHING : [messageEffect(found, facts)];
    case "message":
      return onMessage(found, facts);
    case "receipt":
      return onReceipt(found, facts);
    case "delete":
      return onDelete(found, facts);
    case "pair-control":
      return [logEffect("debug", `skychat: ${found.type} from ${facts.peer.hex} ignored`)];
    case "file-request": {
      const id = quoteForLog(found.fileId);
      const text = `skychat: file-request ${id} from ${facts.peer.hex} — not held locally`;
      return [logEffect("info", text)];
    }
  }
}

type Found<Kind extends Classified["kind"]> = Extract<Classified, { kind: Kind }>;

function onMessage(found: Found<"message">, facts: InboundFacts): readonly InboundEffect[] {
  const repeated = found.body !== "" && facts.seenBefore(found);
  if (found.body !== "" && !repeated) return [messageEffect(found, facts)];
  const receipt = receiptOf(found);
  return receipt === undefined ? NOTHING : [{ kind: "reply", payload: receipt, repeated }];
}

/** What acknowledges a message, if its sender asked for that and its id may be echoed. */
function receiptOf({ ack, id }: Found<"message">): Uint8Array | undefined {
  return ack && id !== "" && id.length <= MAX_ECHOED_ID ? encodeAck(id) : undefined;
}

function onReceipt(found: Found<"receipt">, facts: InboundFacts): readonly InboundEffect[] {
  const { id, status } = found;
  if (id === "") return NOTHING;
  const surfaced: InboundEffect = { kind: "status", event: { id, peer: facts.peer.hex, status } };
  // Released first: a queued message becomes an event only now, and its status comes after it.
  return status === "received" ? [{ kind: "release", id }, surfaced] : [surfaced];
}

function onDelete(found: Found<"delete">, facts: InboundFacts): readonly InboundEffect[] {
  const { id } = found;
  if (id === "") return NOTHING;
  return [{ kind: "forget", event: { id, peer: facts.peer.hex, status: "deleted" } }];
}

function messageEffect(
  found: Found<"text"> | Found<"message">,
  facts: InboundFacts,
): Extract<InboundEffect, { kind: "message" }> {
  const wrapped = found.kind === "message" ? found : undefined;
  const replyTo = wrapped?.replyTo ?? "";
  const text = found.kind === "message" ? found.body : found.text;
  return {
    kind: "message",
    receipt: wrapped && receiptOf(wrapped),
    event: {
      direction: "in",
      ...(wrapped?.id ? { id: wrapped.id } : { id: facts.mintId(), localId: true }),
      network: facts.network,
      sender: facts.peer.hex,
      text,
      length: found.kind === "text" ? found.length : utf8Length(text),
      ...(replyTo !== "" && { replyTo }),
      ...(facts.isUnapproved() && { request: true }),
      channel: "dm",
      wall: facts.timeOf(text),
    },
  };
}

function logEffect(level: "debug" | "info", text: string): InboundEffect {
  return { kind: "log", level, text };
}

/** Bytes of a text in UTF-8, where half a surrogate pair takes three as U+FFFD does. */
function utf8Length(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A pair is two units and four bytes; every other unit from U+0800 up is three bytes.
    const second = unit >= 0xd800 && unit <= 0xdbff ? text.charCodeAt(index + 1) : 0;
    if (second >= 0xdc00 && second <= 0xdfff) index++;
    length += unit < 0x800 ? 1 : 2;
  }
  return length;
}
