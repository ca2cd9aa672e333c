import { quoteForLog } from "#kit";
import { CxoFault } from "./fault.ts";
import { CxoFrameDecoder, encodeCxoFrame } from "./frame.ts";
import {
  CXO_PROTOCOL,
  type CxoMessage,
  type CxoMessageType,
  decodeMessage,
  encodeMessage,
  MAX_FIELD_BYTES,
} from "./messages.ts";
import { type KeyHex, MAX_OBJECT_BYTES } from "./object_id.ts";

/** Most requests of ours that one connection leaves unanswered at a time (ours). */
export const MAX_UNANSWERED = 64;
/** Announced length of the largest frame that we take: an Object of the largest size (ours). */
export const MAX_FRAME_TAKEN: number = 8 + 1 + 4 + MAX_OBJECT_BYTES;

/** The same before the handshake: a Syn has 44 bytes, an Err its text (ours). */
export const MAX_HELLO_FRAME: number = MAX_FIELD_BYTES + 64;
/** The same of a stranger that dialled us, or of a peer of which no object was asked (ours). */
export const MAX_SMALL_FRAME = 262_144;

/** Who began the connection: it says Syn. */
export type CxoRole = "dialer" | "acceptor";

/** What a {@link CxoWire} has to know. */
export interface CxoWireOptions {
  /** Ours. */
  readonly role: CxoRole;
  /** Our own, for Syn or Ack. */
  readonly nodeId: KeyHex;
  /** Number of the first message we send; default 1 (cxo.md 4.1). Anything else is for tests. */
  readonly firstSeq?: number;
  /** Whether objects of any size are taken from a peer that dialled; never by default. */
  readonly takesLarge?: () => boolean;
}

/** What a peer did to end a connection. Stable. */
export type CxoWireFault =
  /** A length below that of a message of no fields. */
  | "frame-too-short"
  /** A length above {@link MAX_FRAME_TAKEN}. */
  | "frame-too-large"
  /** An unknown type, fields cut short, or bytes after them. */
  | "undecodable"
  /** Not the message that the handshake asks for, or one of the handshake after it. */
  | "unexpected-message"
  /** A Syn of another protocol version. */
  | "incompatible-version";

/** What a {@link CxoWire} wants done or has to tell. Texts are fit for one log line. */
export type CxoWireEvent =
  /** To be written, before anything else: the Ack, or the Err that refuses a Syn. */
  | { readonly kind: "send"; readonly bytes: Uint8Array }
  /** The handshake is done; this is what the peer calls itself. */
  | { readonly kind: "ready"; readonly nodeId: KeyHex }
  /** The peer answered our Syn with Err. The last event. */
  | { readonly kind: "refused"; readonly text: string }
  /** What the peer said to the request that we numbered `seq`; any type. */
  | { readonly kind: "answer"; readonly seq: number; readonly message: CxoMessage }
  /** A Sub, Unsub, Root, RqObject or RqPreview; `seq` is what an answer to it names. */
  | { readonly kind: "message"; readonly seq: number; readonly message: CxoMessage }
  /** What the machine says to the peer's message `seq`: to be passed to {@link CxoWire.answer}. */
  | { readonly kind: "reply"; readonly seq: number; readonly message: CxoMessage }
  /** The peer broke the protocol: to be closed. The last event. */
  | { readonly kind: "fatal"; readonly code: CxoWireFault; readonly message: string };

/** The handshake is the machine's, and a Go node closes the connection on the others (cxo.md 4.7). */
const NEVER_SENT: ReadonlySet<CxoMessageType> = new Set(["Ping", "Pong", "Syn", "Ack", "RqPeers"]);

/**
 * Refuses to send what only the machine may say, or nobody.
 *
 * @throws {TypeError} for Ping, Pong, Syn, Ack and RqPeers.
 */
export function checkSendable({ type }: CxoMessage): void {
  if (NEVER_SENT.has(type)) throw new TypeError(`Cannot send ${type}: peers close on it`);
}

/** The first number from `seq` on, which wraps at 32 bits, that is neither 0 nor taken (cxo.md 4.1). */
export function freeSeq(seq: number, taken: ReadonlySet<number>): number {
  let free = seq >>> 0;
  // An answer must not fit two requests, nor a push any.
  while (free === 0 || taken.has(free)) free = (free + 1) >>> 0;
  return free;
}

/**
 * The node protocol of one CXO connection (cxo.md 4.1, 4.3, 4.7): handshake, sequence numbers, and which
 * message answers which request.
 *
 * Feed it what arrives, do what it says; it never waits. Deadlines and the order of writes are the
 * connection's matter. Messages count in the order in which these methods are called.
 */
export class CxoWire {
  readonly #role: CxoRole;
  readonly #nodeId: KeyHex;
  readonly #takesLarge: () => boolean;
  readonly #decoder = new CxoFrameDecoder({ limit: MAX_HELLO_FRAME });
  readonly #outstanding = new Set<number>();
  #nextSeq: number;
  #synSeq: number | undefined;
  #ready = false;
  #dead = false;
  #received = 0;
  #events: CxoWireEvent[] = [];

  /** A connection on which nothing was said. */
  constructor({ role, nodeId, firstSeq = 1, takesLarge = () => false }: CxoWireOptions) {
    this.#role = role;
    this.#takesLarge = takesLarge;
    this.#nodeId = nodeId;
    this.#nextSeq = firstSeq;
  }

  /** Whether the handshake is done. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Messages that came, ignored ones included: each is a sign of life. */
  get received(): number {
    return this.#received;
  }

  /**
   * The dialer's Syn; undefined for the acceptor, who waits for one. To be written first.
   *
   * @throws {TypeError} the second time.
   */
  start(): Uint8Array | undefined {
    if (this.#role === "acceptor") return undefined;
    if (this.#synSeq !== undefined) throw new TypeError("Cannot start a CXO connection twice");
    this.#synSeq = this.#number();
    const syn: CxoMessage = { type: "Syn", protocol: CXO_PROTOCOL, nodeId: this.#nodeId };
    return frameOf(this.#synSeq, 0, syn);
  }

  /** Takes bytes as they came, which may be used again afterwards. A dead machine ignores them. */
  push(chunk: Uint8Array): readonly CxoWireEvent[] {
    if (this.#dead) return [];
    for (const found of this.#decoder.push(chunk)) {
      if (found.kind === "fatal") this.#fail(found.code, found.message);
      else this.#read(found.frame);
      if (this.#dead) break;
    }
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /**
   * Numbers a request and waits for its answer, until {@link forget}.
   *
   * @throws {RangeError} with {@link MAX_UNANSWERED} unanswered, or a message that cannot be encoded.
   * @throws {TypeError} for a message that is never sent, see {@link checkSendable}.
   */
  request(message: CxoMessage): { readonly seq: number; readonly bytes: Uint8Array } {
    if (this.#outstanding.size >= MAX_UNANSWERED) {
      throw new RangeError(`Cannot send a request: ${MAX_UNANSWERED} are unanswered`);
    }
    const seq = this.#number();
    const bytes = checkedFrame(seq, 0, message);
    // Of a peer that we chose: a stranger is asked for objects of our own feed, which are small.
    if (message.type === "RqObject" && (this.#role === "dialer" || this.#takesLarge())) {
      this.#decoder.limit = MAX_FRAME_TAKEN;
    }
    this.#outstanding.add(seq);
    return { seq, bytes };
  }

  /** Numbers a message that nobody answers, or whose answer nobody awaits. Throws as {@link request}. */
  notice(message: CxoMessage): Uint8Array {
    return checkedFrame(this.#number(), 0, message);
  }

  /** Numbers the answer to the peer's message `seq`. Throws as {@link request}. */
  answer(seq: number, message: CxoMessage): Uint8Array {
    return checkedFrame(this.#number(), seq, message);
  }

  /**
   * Gives up waiting for an answer. When it comes after all it is ignored, except that a Root looks
   * like any other (cxo.md 11, trap 19).
   */
  forget(seq: number): void {
    this.#outstanding.delete(seq);
  }

  #number(): number {
    const seq = freeSeq(this.#nextSeq, this.#outstanding);
    this.#nextSeq = seq + 1;
    return seq;
  }

  #read({ seq, rseq, body }: { seq: number; rseq: number; body: Uint8Array }): void {
    this.#received++;
    const message = decodeMessage(body);
    if (message instanceof CxoFault) {
      this.#fail("undecodable", `cxo: undecodable message: ${message.message}`);
    } else if (!this.#ready) {
      if (this.#role === "acceptor") this.#readSyn(seq, message);
      else this.#readAck(rseq, message);
    } else if (this.#outstanding.delete(rseq)) {
      this.#events.push({ kind: "answer", seq: rseq, message });
    } else {
      this.#dispatch(seq, message);
    }
  }

  #readSyn(seq: number, message: CxoMessage): void {
    if (message.type !== "Syn") return this.#unexpected(message, "before Syn");
    const answer = (reply: CxoMessage) => {
      this.#events.push({ kind: "send", bytes: frameOf(this.#number(), seq, reply) });
    };
    if (message.protocol !== CXO_PROTOCOL) {
      const text = `incompatible protocol version: ${message.protocol}, want ${CXO_PROTOCOL}`;
      answer({ type: "Err", text });
      return this.#fail("incompatible-version", text);
    }
    answer({ type: "Ack", nodeId: this.#nodeId });
    this.#establish(message.nodeId);
  }

  #readAck(rseq: number, message: CxoMessage): void {
    if (rseq !== this.#synSeq) return this.#unexpected(message, "before the answer to Syn");
    if (message.type === "Ack") return this.#establish(message.nodeId);
    if (message.type !== "Err") return this.#unexpected(message, "in answer to Syn");
    this.#dead = true;
    this.#events.push({ kind: "refused", text: quoteForLog(message.text) });
  }

  #establish(nodeId: KeyHex): void {
    this.#ready = true;
    this.#decoder.limit = MAX_SMALL_FRAME;
    this.#events.push({ kind: "ready", nodeId });
  }

  /** A message that answers nothing (cxo.md 4.7). Late answers and Ping and Pong are ignored. */
  #dispatch(seq: number, message: CxoMessage): void {
    switch (message.type) {
      case "Sub":
      case "Unsub":
      case "Root":
      case "RqObject":
      case "RqPreview":
        this.#events.push({ kind: "message", seq, message });
        break;
      case "RqList":
        this.#reply(seq, "not a public server");
        break;
      case "RqPeers":
        this.#reply(seq, "not in swarm");
        break;
      case "Syn":
      case "Ack":
        this.#unexpected(message, "after the handshake");
    }
  }

  #reply(seq: number, text: string): void {
    this.#events.push({ kind: "reply", seq, message: { type: "Err", text } });
  }

  #unexpected({ type }: CxoMessage, when: string): void {
    this.#fail("unexpected-message", `cxo: ${type} ${when}`);
  }

  #fail(code: CxoWireFault, message: string): void {
    this.#dead = true;
    this.#events.push({ kind: "fatal", code, message: quoteForLog(message) });
  }
}

function checkedFrame(seq: number, rseq: number, message: CxoMessage): Uint8Array {
  checkSendable(message);
  return frameOf(seq, rseq, message);
}

function frameOf(seq: number, rseq: number, message: CxoMessage): Uint8Array {
  return encodeCxoFrame({ seq, rseq, body: encodeMessage(message) });
}
