import type { PublicKey } from "#crypto";
import { rfc3339, utf8 } from "#kit";
import {
  MAX_OUTBOX_BYTES,
  MAX_OUTBOX_ENTRIES,
  MAX_OUTBOX_EXPIRY_MS,
  MAX_OUTBOX_PER_PEER,
  MIN_OUTBOX_EXPIRY_MS,
  OUTBOX_EXPIRY_MS,
  OUTBOX_RESEND_MS,
} from "./limits.ts";
import type { SendOutcome } from "./outbound.ts";

/** A message that waits for its recipient; `OutboxEntry` of `#store` has this shape. */
export interface QueuedMessage {
  /** Its wire id. */
  readonly id: string;
  /** Recipient, 66 lower-case hex digits. */
  readonly to: string;
  /** As its author wrote it. */
  readonly text: string;
  /** Id of the quoted message. */
  readonly replyTo?: string;
  /** The network that was asked for; `auto` where none was. */
  readonly network?: string;
  /** Nanoseconds since 1970-01-01 UTC, decimal. */
  readonly queuedAt: string;
  /** When it is given up, in the same form. */
  readonly expiresAt: string;
  /** When it was first written to a connection; undefined before. */
  readonly writtenAt?: string;
  /** Written, and no receipt came while the connection lived: it is not written again. */
  readonly unconfirmed?: boolean;
}

/** Where queued messages are kept; `OutboxTable` of `#store` has this shape. */
export interface QueueTable {
  /** Every message, in the order of queueing. */
  list(): readonly QueuedMessage[];
  /** Adds or replaces the message of this id; resolves when it is on disk. */
  put(message: QueuedMessage): Promise<void>;
  /** Removes; resolves when that is on disk. Whether there was one. */
  remove(id: string): Promise<boolean>;
}

/** A message to be queued. */
export interface QueueRequest {
  /** Who is to get it. */
  readonly recipient: PublicKey;
  /** Not empty. */
  readonly text: string;
  /** Id of the quoted message. */
  readonly replyTo?: string;
  /** The network that was asked for: what is dialled for it, and, of direct ones, what it may go over. */
  readonly network?: string | undefined;
  /** Milliseconds until it is given up. */
  readonly expiresInMs?: number;
  /** Its id, when an attempt to send it was made under this id. */
  readonly id?: string;
  /** When that attempt began, if the peer may have got it: nanoseconds since 1970. */
  readonly writtenAt?: bigint | undefined;
}

/** How queueing ended. */
export type QueueOutcome = Extract<SendOutcome, { kind: "queued" | "unqueueable" }>;

/** What comes of queueing where nothing is kept. */
export const NO_OUTBOX: QueueOutcome = {
  kind: "unqueueable",
  code: "no-store",
  message: "queue: the outbox needs --persist",
};

/** Bounds of the outbox. */
export interface OutboxLimits {
  /** {@link MAX_OUTBOX_ENTRIES} */
  readonly entries: number;
  /** {@link MAX_OUTBOX_PER_PEER} */
  readonly perPeer: number;
  /** {@link MAX_OUTBOX_BYTES} */
  readonly bytes: number;
}

/** The bounds that hold unless a test changes them. */
export const OUTBOX_LIMITS: OutboxLimits = {
  entries: MAX_OUTBOX_ENTRIES,
  perPeer: MAX_OUTBOX_PER_PEER,
  bytes: MAX_OUTBOX_BYTES,
};

/** What an outbox holds. */
export interface OutboxLoad {
  readonly entries: number;
  /** For the recipient in question. */
  readonly ofPeer: number;
  /** Of text, UTF-8. */
  readonly bytes: number;
}

/** Why one more message does not fit; undefined when it does. */
export function fullText(load: OutboxLoad, limits: OutboxLimits): string | undefined {
  const { bytes, entries, ofPeer } = load;
  if (entries >= limits.entries) return `queue: the outbox is full: ${entries} messages wait`;
  if (ofPeer >= limits.perPeer) {
    return `queue: the outbox is full for this peer: ${ofPeer} messages wait`;
  }
  if (bytes <= limits.bytes) return undefined;
  return `queue: the outbox is full: more than ${limits.bytes} bytes wait`;
}

/** When a message that is queued now expires, nanoseconds since 1970. */
export function expiryOf(wall: bigint, expiresInMs: number = OUTBOX_EXPIRY_MS): bigint {
  const ms = Math.min(Math.max(expiresInMs, MIN_OUTBOX_EXPIRY_MS), MAX_OUTBOX_EXPIRY_MS);
  return wall + BigInt(Math.round(ms)) * NANOS_PER_MS;
}

const NANOS_PER_MS = 1_000_000n;
const RESEND_NANOS = BigInt(OUTBOX_RESEND_MS) * NANOS_PER_MS;

/**
 * What to do with a message while its recipient is connected. It is written again only while the
 * recipient is sure to know it again; a clock that was set back leaves that open, hence both bounds.
 */
export function nextStep(message: QueuedMessage, wall: bigint): "send" | "expire" | "give-up" {
  if (isExpired(message, wall)) return "expire";
  if (message.unconfirmed === true) return "give-up";
  if (message.writtenAt === undefined) return "send";
  const age = wall - BigInt(message.writtenAt);
  return age <= RESEND_NANOS && age >= -RESEND_NANOS ? "send" : "give-up";
}

/** @throws {SyntaxError} where a time of a message from the disk is no number: later nothing would expect that. */
export function checkTimes({ expiresAt, queuedAt, writtenAt = "0" }: QueuedMessage): void {
  for (const time of [queuedAt, expiresAt, writtenAt]) BigInt(time);
}

/** Whether the time of a message is over. */
export function isExpired({ expiresAt }: QueuedMessage, wall: bigint): boolean {
  return wall >= BigInt(expiresAt);
}

/** Milliseconds until the first of these messages expires; undefined when there is none. */
export function nextExpiryMs(messages: Iterable<QueuedMessage>, wall: bigint): number | undefined {
  let first: bigint | undefined;
  for (const { expiresAt } of messages) {
    const at = BigInt(expiresAt);
    if (first === undefined || at < first) first = at;
  }
  return first === undefined ? undefined : Number((first - wall) / NANOS_PER_MS) + 1;
}

/** Where a queued message stands: see `GET /outbox`. */
export type QueuedState = "waiting" | "sending" | "unconfirmed";

/** A queued message as `GET /outbox` shows it, ready for JSON. */
export interface ListedMessage {
  /** Its wire id. */
  readonly id: string;
  /** Recipient, 66 lower-case hex digits. */
  readonly to: string;
  /** As its author wrote it. */
  readonly text: string;
  /** Id of the quoted message. */
  readonly reply_to?: string;
  /** RFC 3339. */
  readonly queued_at: string;
  /** RFC 3339. */
  readonly expires_at: string;
  /** How far it has come. */
  readonly state: QueuedState;
}

/** {@link ListedMessage} of a message. */
export function listed(message: QueuedMessage, state: QueuedState): ListedMessage {
  const { expiresAt, id, queuedAt, replyTo, text, to } = message;
  return {
    id,
    to,
    text,
    ...(replyTo !== undefined && { reply_to: replyTo }),
    queued_at: rfc3339(BigInt(queuedAt)),
    expires_at: rfc3339(BigInt(expiresAt)),
    state,
  };
}

/** Bytes that a message counts for. */
export function sizeOf({ text }: Pick<QueuedMessage, "text">): number {
  return utf8(text).length;
}
