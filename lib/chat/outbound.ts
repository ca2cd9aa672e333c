import type { PublicKey } from "#crypto";
import { CodedError, utf8 } from "#kit";
import { encodeFrame } from "#session";
import type { LinkNetwork } from "./chat_link.ts";
import { encodeMessage } from "./envelope.ts";
import { MAX_WAIT, MIN_WAIT } from "./limits.ts";

/** A message to be sent, as its author asks for it (http-api.md 4.1). */
export interface SendRequest {
  /** The peer, which must be connected or reachable through a visor unless the message may be queued. */
  readonly recipient: PublicKey;
  /** Not empty; what it becomes must fit into one frame. */
  readonly text: string;
  /** Wait for the receipt: milliseconds above 0, clamped to {@link MIN_WAIT} … {@link MAX_WAIT}. */
  readonly waitMs?: number;
  /** Ask for the receipt without waiting; ignored when `waitMs` is above 0. */
  readonly receipts?: boolean;
  /** Id of the quoted message. */
  readonly replyTo?: string;
  /**
   * What to dial over where there is no connection: `skynet` (the default), `dmsg`, `auto`. With `tcp-direct`
   * or `cxo` only tcp-direct connections are used and nothing is dialled. Without a visor it colours error texts.
   */
  readonly network?: string;
  /**
   * Keep the message for a peer that cannot be reached now: milliseconds, clamped to
   * 1 s … 30 days. The message is wrapped, whatever else is asked for.
   */
  readonly queueForMs?: number;
}

/** How a send ended. Times in milliseconds, ids as in messages.md 3.3. */
export type SendOutcome =
  | { readonly kind: "sent"; readonly id: string; readonly network: LinkNetwork }
  | { readonly kind: "receipt-asked"; readonly id: string }
  | { readonly kind: "acked"; readonly id: string; readonly ms: number }
  | { readonly kind: "timeout"; readonly id: string; readonly ms: number }
  /** `expires` is in nanoseconds since 1970. */
  | { readonly kind: "queued"; readonly id: string; readonly expires: bigint }
  | {
    readonly kind: "unqueueable";
    readonly code: "no-store" | "full" | "too-large";
    readonly message: string;
  }
  | {
    readonly kind: "failed";
    readonly code: "empty" | "too-large" | "no-connection" | "write-failed";
    /** The text of the specification (messages.md 7). */
    readonly message: string;
  };

/** What to write for a request, or why not to. */
export type OutboundPlan =
  | {
    readonly kind: "send";
    /** Travels with the message unless that is `bare`. */
    readonly id: string;
    /** Whether the text goes out as it is, so that the peer learns no id. */
    readonly bare: boolean;
    readonly frame: Uint8Array;
    /** The text without halves of surrogate pairs, which UTF-8 cannot carry. */
    readonly text: string;
    /** Bytes of the text. */
    readonly length: number;
    readonly replyTo: string;
    /** `wait`: block for the receipt; `watch`: notice its absence; `none`: do not ask for it. */
    readonly receipt: "wait" | "watch" | "none";
    /** Effective wait in milliseconds. */
    readonly waitMs: number;
  }
  | Extract<SendOutcome, { kind: "failed" }>;

/**
 * Turns a request into the frame to write (messages.md 3.2): bare text, unless a receipt, a
 * quotation or a possible second attempt needs an id. `mintId` gives the id, which is only local for bare text.
 */
export function planSend(request: SendRequest, mintId: () => string): OutboundPlan {
  const text = request.text.toWellFormed();
  if (text === "") return { kind: "failed", code: "empty", message: "skychat/dm: empty message" };
  const waitMs = effectiveWait(request.waitMs ?? 0);
  const receipt = waitMs > 0 ? "wait" : request.receipts ? "watch" : "none";
  const replyTo = request.replyTo?.toWellFormed() ?? "";
  const id = mintId();
  const body = utf8(text);
  const bare = receipt === "none" && replyTo === "" && request.queueForMs === undefined;
  const payload = bare ? body : encodeMessage({ id, body: text, ack: receipt !== "none", replyTo });
  try {
    const frame = encodeFrame(payload);
    return { kind: "send", id, bare, frame, text, length: body.length, replyTo, receipt, waitMs };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { kind: "failed", code: "too-large", message: error.message };
  }
}

/** Milliseconds really waited for; 0 when nobody asked to wait (messages.md 4.4). */
export function effectiveWait(waitMs: number): number {
  return waitMs > 0 ? Math.min(Math.max(waitMs, MIN_WAIT), MAX_WAIT) : 0;
}

const UNAVAILABLE = "skychat/dm: no transport configured (dial unavailable)";

/** The cause where nothing can be dialled, as `/link` says it (http-api.md 4.18). */
export const NO_LINK_TEXT = "no live tcp-direct connection";

/**
 * The answer when there is no connection to a peer: the deployed text, then the cause (messages.md 7).
 *
 * @param dialled why dialling did not help; undefined where nothing can be dialled
 */
export function noConnectionText(
  recipient: PublicKey,
  network: string | undefined,
  dialled: string = `${UNAVAILABLE}: ${NO_LINK_TEXT}`,
): string {
  return `dial ${shortKey(recipient)} over ${network || "skynet"}: ${dialled}`;
}

/** The answer when every connection to a peer failed while it was written to (messages.md 7). */
export function writeFailedText(reason: string, dialled: string = UNAVAILABLE): string {
  return `redial after write ${reason}: ${dialled}`;
}

/**
 * Why a peer that was dialled is out of reach: what the networks said, and what is said where nothing can be
 * dialled, by which clients tell that the peer is away (messages.md 7).
 */
export function awayText(reason: string): string {
  return `${reason}; over tcp-direct: no transport configured (${NO_LINK_TEXT})`;
}

/** The log line when no receipt came in time: the deployed text, then what we did (messages.md 4.4). */
export function noReceiptText(recipient: PublicKey, seconds: number): string {
  return `skychat/dm: no receipt from ${shortKey(recipient)} within ${seconds}s` +
    " — dropped stale conn; next send will redial (closed)";
}

/** The first 8 hex digits, by which log lines and error texts name a key. */
export function shortKey(key: PublicKey): string {
  return key.hex.slice(0, 8);
}
