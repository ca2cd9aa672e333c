import type { PublicKey } from "#crypto";
import { type Clock, CodedError, errorText, quoteForLog, type Timer } from "#kit";
import { type LinkEnd, type Rate, RateLimiter } from "#net";
import { Deadlines } from "./deadlines.ts";
import type { CxoMessage } from "./messages.ts";
import type { KeyHex } from "./object_id.ts";
import { type Encode, Outgoing, QUEUE_FULL_LIMIT_MS } from "./outgoing.ts";
import { type CxoOutcome, type CxoRequestOptions, PendingRequests } from "./pending_requests.ts";
import { checkSendable, type CxoRole, CxoWire, type CxoWireEvent } from "./wire.ts";

/** Time for Syn and its answer in milliseconds (cxo.md 2.4). */
export const HELLO_LIMIT_MS = 59_000;
/** Silence of the peer in milliseconds that ends a connection (cxo.md 2.4). */
export const IDLE_CLOSE_MS = 90_000;
/** Silence of either side in milliseconds after which we probe; also how often we look (cxo.md 2.4). */
export const PROBE_MS = 30_000;

/** RqList and RqPeers that one peer may ask; with more the connection ends (ours). */
const REPLY_RATE: Rate = { perSecond: 1, burst: 30 };

/** What a connection needs of a link: `Link` of `#net`, or anything shaped like it. */
export interface CxoLink {
  /** Proven by the handshake. */
  readonly peer: PublicKey;
  /** `ip:port` of the other end. */
  readonly remoteAddress: string;
  /** Resolves once, with the reason why the link ended. */
  readonly closed: Promise<LinkEnd>;
  /** Resolves when the system took all bytes; rejects when the link is dead. */
  write(bytes: Uint8Array): Promise<void>;
  /** Reads until the end, once; awaits what the callback returns before it reads on. */
  serve(onData: (bytes: Uint8Array) => void | Promise<void>): Promise<LinkEnd>;
  /** Ends the link; the reason becomes its {@link LinkEnd}. */
  close(reason?: string): void;
}

/**
 * Takes a Sub, Unsub, Root, RqObject or RqPreview; `seq` is what an answer to it names. While a promise
 * it returned is pending nothing more is read from the peer: it must not wait for an answer of that peer,
 * but may wait for {@link CxoConnection.roomy}. What it throws ends the connection and comes out of `run`.
 */
export type CxoMessageHandler = (
  message: CxoMessage,
  seq: number,
  connection: CxoConnection,
) => void | Promise<void>;

/** What a {@link CxoConnection} needs beside its link. */
export interface CxoConnectionOptions {
  /** `dialer` when we opened the connection. */
  readonly role: CxoRole;
  /** Our own: the public key of our side of the link. */
  readonly nodeId: KeyHex;
  /** For every limit. */
  readonly clock: Clock;
  /** Called for one message at a time, in order, once the handshake is done. */
  readonly onMessage: CxoMessageHandler;
  /** Whether objects of any size are taken from a peer that dialled us; by default small ones. */
  readonly takesLarge?: () => boolean;
}

/** Why a connection did not become ready. Stable. */
export type CxoConnectionFailure =
  /** The peer answered Syn with Err: its text. */
  | "refused"
  /** No Syn, or no answer to ours, in {@link HELLO_LIMIT_MS}. */
  | "timeout"
  /** The link ended: its reason. */
  | "closed"
  /** The peer said something else than the handshake asks for. */
  | "protocol"
  /** The peer calls itself by another key than the one it has proven. */
  | "wrong-node-id";

/** A connection that never became ready. The text is fit for a log line. */
export class CxoConnectionError extends CodedError {
  /** Which it is. */
  declare readonly code: CxoConnectionFailure;

  /** An error of one of the codes. */
  constructor(code: CxoConnectionFailure, message: string) {
    super(code, message);
  }
}

/**
 * One CXO connection (cxo.md 2.4, 4): drives a {@link CxoWire} over a link, with limits on every wait,
 * joined writes, back-pressure both ways, and signs of life. It owns the link.
 */
export class CxoConnection {
  /** The peer's key, proven by the link: also its node id, once {@link ready} resolved. */
  readonly peer: KeyHex;
  /** `dialer` when we opened it. */
  readonly role: CxoRole;
  /** `ip:port` of the other end. */
  readonly remoteAddress: string;
  /** When it was made, on the clock of durations. */
  readonly openedAt: number;
  /**
   * Resolves with the peer's node id after the handshake; rejects with {@link CxoConnectionError}. Nobody
   * has to look at it.
   */
  readonly ready: Promise<KeyHex>;
  readonly #link: CxoLink;
  readonly #options: CxoConnectionOptions;
  readonly #wire: CxoWire;
  readonly #deadlines: Deadlines;
  readonly #replies: RateLimiter;
  readonly #outgoing: Outgoing;
  readonly #hello = Promise.withResolvers<KeyHex>();
  readonly #requests: PendingRequests;
  #helloLimit: Timer | undefined;
  #running = false;
  #closed = false;
  #fault: string | undefined;
  /** Whether a handler keeps us from reading: the peer's silence means nothing then. */
  #paused = false;
  #heardAt: number;
  #spokeAt: number;

  /** Over a link whose handshake is done. Nothing happens before {@link run}. */
  constructor(link: CxoLink, options: CxoConnectionOptions) {
    const { clock, role, nodeId, takesLarge } = options;
    this.peer = link.peer.hex;
    this.role = role;
    this.remoteAddress = link.remoteAddress;
    this.openedAt = this.#heardAt = this.#spokeAt = clock.now();
    this.ready = this.#hello.promise;
    this.ready.catch(() => {});
    this.#link = link;
    this.#options = options;
    this.#wire = new CxoWire({ role, nodeId, ...(takesLarge && { takesLarge }) });
    this.#deadlines = new Deadlines(clock);
    this.#replies = new RateLimiter({ clock, capacity: 1 });
    this.#requests = new PendingRequests(this.#wire, this.#deadlines);
    this.#outgoing = new Outgoing({
      write: (bytes) => link.write(bytes),
      after: (ms, action) => this.#deadlines.after(ms, action),
      onFailure: (error) => this.close(errorText(error)),
    });
    link.closed.then(({ message }) => this.#finish(message));
  }

  /** Whether nothing can be sent any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** What the peer did against the protocol, which ended the connection; undefined when it did nothing. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Present while more than half of the outgoing queue is used; resolves with the end at the latest. */
  get roomy(): Promise<void> | undefined {
    return this.#outgoing.roomy;
  }

  /**
   * Speaks with the peer until the link ends. To be called once.
   *
   * @throws what the message handler throws, after closing the link.
   * @throws {TypeError} the second time.
   */
  async run(): Promise<LinkEnd> {
    if (this.#running) throw new TypeError("Cannot run a CXO connection twice");
    this.#running = true;
    this.#helloLimit = this.#deadlines.after(HELLO_LIMIT_MS, () => {
      const awaited = this.#options.role === "dialer" ? "no answer to Syn" : "no Syn";
      this.#fail("timeout", `cxo: ${awaited} in ${HELLO_LIMIT_MS / 1_000} s`);
    });
    const syn = this.#wire.start();
    if (syn !== undefined) this.#outgoing.push(() => syn);
    try {
      return await this.#link.serve((bytes) => this.#onData(bytes));
    } finally {
      this.close();
    }
  }

  /**
   * Asks the peer something. Resolves with its answer, of whatever type; `timeout` when none came in time
   * or the caller gave up, `closed` when the connection ended. Never rejects.
   *
   * @throws {RangeError} with `MAX_UNANSWERED` unanswered ones.
   * @throws {TypeError} before {@link ready}, or for a message that is never sent.
   */
  request(message: CxoMessage, options: CxoRequestOptions = {}): Promise<CxoOutcome> {
    this.#check(message);
    if (this.#closed) return Promise.resolve("closed");
    return this.#requests.ask(message, options, (encode) => this.#send(encode));
  }

  /**
   * Says something that nobody answers. Once the connection is closed: nothing happens.
   *
   * @throws {TypeError} before {@link ready}, or for a message that is never sent.
   */
  notify(message: CxoMessage): void {
    this.#check(message);
    this.#send(() => this.#wire.notice(message));
  }

  /** Answers the peer's message `seq`. Throws as {@link notify}. */
  answer(seq: number, message: CxoMessage): void {
    this.#check(message);
    this.#send(() => this.#wire.answer(seq, message));
  }

  /** Resolves when nothing waits to be written any more, the time is up or the connection closed. */
  drain(limitMs: number): Promise<void> {
    const written = this.#outgoing.written;
    if (written === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const limit = this.#deadlines.after(limitMs, resolve);
      written.then(() => {
        limit.cancel();
        resolve();
      });
    });
  }

  /** Ends the connection; what waits to be written is lost. Again: nothing happens. */
  close(reason = "closed"): void {
    this.#finish(reason);
    this.#link.close(reason);
  }

  #check(message: CxoMessage): void {
    checkSendable(message);
    if (this.#wire.ready || this.#closed) return;
    throw new TypeError(`Cannot send ${message.type}: the CXO connection is not ready`);
  }

  #send(encode: Encode): void {
    if (this.#closed) return;
    this.#spokeAt = this.#options.clock.now();
    this.#outgoing.push(encode);
  }

  #onData(bytes: Uint8Array): Promise<void> | undefined {
    const before = this.#wire.received;
    const events = this.#wire.push(bytes);
    if (this.#wire.received > before) this.#heardAt = this.#options.clock.now();
    const busy = this.#handleFrom(0, events);
    if (busy === undefined) return undefined;
    this.#paused = true;
    return busy.finally(() => {
      this.#paused = false;
      this.#heardAt = this.#options.clock.now();
    });
  }

  /** In order. Only what may make us wait itself waits for the one before: answers pass on at once. */
  #handleFrom(first: number, events: readonly CxoWireEvent[]): Promise<void> | undefined {
    let busy: Promise<void> | undefined;
    for (let index = first; index < events.length && !this.#closed; index++) {
      const event = events[index];
      if (event === undefined) break;
      const mayWait = event.kind === "message" || event.kind === "reply";
      if (mayWait && busy !== undefined) return busy.then(() => this.#handleFrom(index, events));
      busy = this.#handle(event) ?? busy;
    }
    return busy;
  }

  #handle(event: CxoWireEvent): Promise<void> | undefined {
    switch (event.kind) {
      case "send":
        this.#outgoing.push(() => event.bytes);
        return undefined;
      case "ready":
        this.#identify(event.nodeId);
        return undefined;
      case "answer":
        this.#requests.answer(event.seq, event.message);
        return undefined;
      case "message":
        return this.#options.onMessage(event.message, event.seq, this) ?? undefined;
      case "reply":
        this.answer(event.seq, event.message);
        // A probe every 30 s is what peers need these questions for.
        if (this.#replies.take("", REPLY_RATE)) return this.roomy;
        this.#fail("protocol", "cxo: questions without end");
        return undefined;
      case "refused":
        this.#fail("refused", event.text);
        return undefined;
      case "fatal":
        return this.#breakOff(event);
    }
  }

  /** Which key the peer has must be what it calls itself (cxo.md 2.1): allowlists compare node ids. */
  #identify(nodeId: KeyHex): void {
    if (nodeId !== this.peer) {
      const text = `cxo: peer with key ${this.peer} calls itself ${nodeId}`;
      return this.#fail("wrong-node-id", text);
    }
    this.#helloLimit?.cancel();
    this.#watch();
    this.#hello.resolve(nodeId);
  }

  #breakOff(
    { code, message }: Extract<CxoWireEvent, { kind: "fatal" }>,
  ): Promise<void> | undefined {
    // The peer is told why its version is refused, in the only message that it gets from us.
    if (code === "incompatible-version") {
      this.#fault = message;
      this.#hello.reject(new CxoConnectionError("protocol", message));
      return this.drain(QUEUE_FULL_LIMIT_MS).then(() => this.close(message));
    }
    this.#fail("protocol", message);
    return undefined;
  }

  /** Looks for silence every {@link PROBE_MS}. */
  #watch(): void {
    this.#deadlines.after(PROBE_MS, () => {
      const now = this.#options.clock.now();
      if (this.#paused) this.#heardAt = now;
      const silence = now - this.#heardAt;
      if (silence >= IDLE_CLOSE_MS) return this.close(`cxo: idle for ${IDLE_CLOSE_MS / 1_000} s`);
      const quiet = Math.max(silence, now - this.#spokeAt) >= PROBE_MS;
      // What waits to be written is as good as a probe.
      if (quiet && this.#outgoing.written === undefined) this.notify({ type: "RqList" });
      this.#watch();
    });
  }

  #fail(code: CxoConnectionFailure, message: string): void {
    if (code !== "refused") this.#fault ??= message;
    this.#hello.reject(new CxoConnectionError(code, message));
    this.close(message);
  }

  #finish(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#deadlines.stop();
    this.#outgoing.stop();
    this.#requests.close();
    this.#hello.reject(new CxoConnectionError("closed", quoteForLog(reason)));
  }
}
