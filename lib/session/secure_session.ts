import { CodedError, NO_BYTES, type Random } from "#kit";
import type { PublicKey, SecretKey } from "#crypto";
import {
  encodeNoiseFrame,
  HandshakeState,
  HybridExchange,
  NoiseFrameDecoder,
  type Role,
  SKYWIRE_SUITE,
  TransportState,
  XK,
  XX,
} from "#noise";

/** What a session wants done or has to tell, in order. */
export type SessionEvent =
  /** Wire bytes to write. */
  | { readonly kind: "send"; readonly bytes: Uint8Array }
  /**
   * The handshake is done. `downgraded`: we offered ML-KEM and the peer answered nothing. For the
   * initiator this means only that message 3 is on its way: a refusal shows as end of stream.
   */
  | {
    readonly kind: "established";
    readonly peer: PublicKey;
    readonly postQuantum: boolean;
    readonly downgraded: boolean;
  }
  /** Decrypted bytes of the stream, never none; cuts carry no meaning. Views of the pushed chunk. */
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  /** The session is dead; texts of noise.md 3.4, 4, 5, 6. Comes once, last. */
  | { readonly kind: "fatal"; readonly code: string; readonly message: string };

/** What a session starts from. */
export interface SessionOptions {
  /** Whether we dialled (`initiator`) or accepted (`responder`). */
  readonly role: Role;
  /** XK for tcp-direct links, XX for CXO feeds. */
  readonly pattern: "XK" | "XX";
  /** Our static key: the identity. */
  readonly local: SecretKey;
  /** The key the peer must have. The XK initiator needs it; elsewhere a learned key is compared. */
  readonly remote?: PublicKey;
  /** Source of the ephemeral key and of the ML-KEM offer or answer. */
  readonly random: Random;
  /** Refuse a session without ML-KEM (`SKYWIRE_REQUIRE_PQ`); default false. */
  readonly requirePostQuantum?: boolean;
  /** Take part in ML-KEM: offer as initiator, answer as responder; default true. */
  readonly offerPostQuantum?: boolean;
}

/** A session was used at a time when it cannot be. */
export class SessionError extends CodedError {}

/** The text of noise.md 4, item 6. */
const POST_QUANTUM_REQUIRED =
  "post-quantum required (SKYWIRE_REQUIRE_PQ) but the session negotiated classical-only — refusing the handshake";

const PATTERNS = { XK, XX };

/**
 * A secure byte stream over any byte stream: handshake, then records (noise.md 3 to 6).
 *
 * Feed it what arrives, write what it says; it never waits. Deadlines, the end of the stream and
 * whom to admit are the link's matter.
 */
export class SecureSession {
  readonly #options: SessionOptions;
  readonly #decoder = new NoiseFrameDecoder();
  readonly #hybrid: HybridExchange;
  readonly #handshake: HandshakeState;
  #transport: TransportState | undefined;
  #events: SessionEvent[] = [];
  #dead = false;

  /**
   * A session before its first byte; `start` gives the first message.
   *
   * @throws {TypeError} when an XK initiator is told no `remote`.
   */
  constructor(options: SessionOptions) {
    const { role, local, random, remote } = options;
    const pattern = PATTERNS[options.pattern];
    const known = pattern.preMessages.some((owner) => owner !== role);
    this.#options = options;
    this.#hybrid = new HybridExchange(random);
    this.#handshake = new HandshakeState({
      pattern,
      suite: SKYWIRE_SUITE,
      role,
      local,
      remote: known ? remote : undefined,
      random,
    });
  }

  /** Whether the handshake is done and nothing failed since: {@link seal} works. */
  get established(): boolean {
    return this.#transport !== undefined;
  }

  /** Whether a `fatal` event came. */
  get dead(): boolean {
    return this.#dead;
  }

  /** Bytes of a frame that is not complete. More than none at end of stream: it was cut. */
  get pending(): number {
    return this.#decoder.pending;
  }

  /** The initiator's message 1; nothing for the responder. Call it once, first. */
  start(): readonly SessionEvent[] {
    if (this.#options.role === "initiator") {
      this.#sendHandshake(this.#takesPart ? this.#hybrid.offer() : NO_BYTES);
    }
    return this.#takeEvents();
  }

  /**
   * Takes bytes as they came. A dead session ignores them.
   *
   * Records are decrypted where they lie, so the chunk is overwritten, and the bytes of `data` events
   * are valid for as long as its owner leaves it alone.
   */
  push(chunk: Uint8Array): readonly SessionEvent[] {
    if (this.#dead) return [];
    this.#decoder.push(chunk);
    for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
      if (!frame.ok) this.#fail(frame);
      else if (this.#transport !== undefined) this.#readRecord(this.#transport, frame.bytes, chunk);
      else this.#readHandshake(frame.bytes);
      if (this.#dead) break;
    }
    return this.#takeEvents();
  }

  /**
   * All records of one write as wire bytes; none for no bytes.
   *
   * @throws {SessionError} `not-established` before the handshake is done and after a failure.
   * @throws {NonceExhaustedError} after 2^64 - 2 records.
   */
  seal(plaintext: Uint8Array): Uint8Array {
    return this.#open().seal(plaintext);
  }

  /** One record of no plaintext, 26 bytes: a sign of life that peers skip. Throws as {@link seal}. */
  sealEmpty(): Uint8Array {
    return this.#open().sealEmpty();
  }

  get #takesPart(): boolean {
    return this.#options.offerPostQuantum ?? true;
  }

  #open(): TransportState {
    if (this.#transport === undefined) {
      const why = this.#dead ? "has failed" : "is not established";
      throw new SessionError("not-established", `Cannot seal: the session ${why}`);
    }
    return this.#transport;
  }

  #readRecord(transport: TransportState, body: Uint8Array, chunk: Uint8Array): void {
    const opened = transport.open(body);
    if (!opened.ok) return this.#fail(opened);
    if (opened.bytes.length === 0) return;
    // A record that was cut between chunks lies in the decoder's buffer, which is used again at once.
    const lent = opened.bytes.buffer === chunk.buffer;
    this.#events.push({ kind: "data", bytes: lent ? opened.bytes : opened.bytes.slice() });
  }

  #readHandshake(message: Uint8Array): void {
    const read = this.#handshake.readMessage(message);
    if (!read.ok) return this.#fail(read);
    const stranger = this.#unexpectedPeer();
    if (stranger !== undefined) return this.#fail(stranger);
    if (this.#handshake.turn === "done") return this.#establish();
    if (this.#options.role === "responder") {
      return this.#sendHandshake(this.#takesPart ? this.#hybrid.answer(read.bytes) : NO_BYTES);
    }
    this.#hybrid.accept(read.bytes);
    if (this.#lacksPostQuantum) return this.#refuseClassical();
    this.#sendHandshake(NO_BYTES);
    this.#establish();
  }

  #sendHandshake(payload: Uint8Array): void {
    const bytes = encodeNoiseFrame(this.#handshake.writeMessage(payload));
    this.#events.push({ kind: "send", bytes });
  }

  #establish(): void {
    if (this.#lacksPostQuantum) return this.#refuseClassical();
    const peer = this.#handshake.remoteStatic;
    if (peer === undefined) throw new Error("Cannot establish: the pattern shows no static key");
    const keys = this.#hybrid.rekey(this.#handshake.transportKeys(), this.#handshake.hash);
    this.#transport = new TransportState(keys);
    const { agreed, offered } = this.#hybrid;
    this.#events.push({
      kind: "established",
      peer,
      postQuantum: agreed,
      downgraded: offered && !agreed,
    });
  }

  get #lacksPostQuantum(): boolean {
    return this.#options.requirePostQuantum === true && !this.#hybrid.agreed;
  }

  #refuseClassical(): void {
    this.#fail({ code: "post-quantum-required", message: POST_QUANTUM_REQUIRED });
  }

  /** Why the learned static key is not the pinned one; before anything more is said to it. */
  #unexpectedPeer(): { code: string; message: string } | undefined {
    const pinned = this.#options.remote;
    const learned = this.#handshake.remoteStatic;
    if (pinned === undefined || learned === undefined || learned.equals(pinned)) return undefined;
    return {
      code: "unexpected-peer",
      message: `handshake: peer has key ${learned}, not the pinned ${pinned}`,
    };
  }

  /** Drops the keys: nothing is sealed or opened after a failure. */
  #fail({ code, message }: { code: string; message: string }): void {
    this.#dead = true;
    this.#transport = undefined;
    this.#events.push({ kind: "fatal", code, message });
  }

  #takeEvents(): readonly SessionEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
