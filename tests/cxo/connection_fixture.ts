/** Links for the tests of one CXO connection: a fake one worked by hand, and a real XX pair. */
import assert from "node:assert/strict";
import { concat } from "#kit";
import { type PublicKey, SecretKey } from "#crypto";
import {
  CxoFrameDecoder,
  type CxoMessage,
  decodeMessage,
  encodeCxoFrame,
  encodeMessage,
} from "#cxo";
import { Link, type LinkEnd, LinkError, MemoryStream } from "#net";
import type { SecureSession, SessionEvent } from "#session";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { sessionPair, shakeHands } from "#support/session_pair.ts";
import {
  CxoConnection,
  type CxoConnectionOptions,
  type CxoLink,
} from "../../lib/cxo/connection.ts";
import { bytes, named, sound, vectors } from "./vectors.ts";

/** A message with its numbers. */
export interface Spoken {
  readonly seq: number;
  readonly rseq: number;
  readonly message: CxoMessage;
}

/** The frame of a message. */
export function frame(message: CxoMessage, seq: number, rseq = 0): Uint8Array {
  return encodeCxoFrame({ seq, rseq, body: encodeMessage(message) });
}

/** The messages of a stream that is sound. */
export function spoken(stream: Uint8Array): Spoken[] {
  return new CxoFrameDecoder().push(stream).map((event) => {
    assert.ok(event.kind === "frame");
    const { seq, rseq, body } = event.frame;
    return { seq, rseq, message: sound(decodeMessage(body)) };
  });
}

/** Keys of the vectors: the publisher's, and the subscriber's node. */
export const PUBLISHER = SecretKey.parse(vectors.keys.publisher.secret);
export const SUBSCRIBER = SecretKey.parse(vectors.keys.subscriber_node.secret);
/** Node ids of those. */
export const US = SUBSCRIBER.publicKey.hex;
export const THEM = PUBLISHER.publicKey.hex;
/** Some messages. */
export const SUB: CxoMessage = { type: "Sub", feed: THEM };
export const OK: CxoMessage = { type: "Ok" };
export const RQ_OBJECT: CxoMessage = { type: "RqObject", id: "ab".repeat(32) };
export const ROOT = sound(decodeMessage(bytes(named(vectors.messages, "Root").body_hex)));

/** A link whose other end is the test. */
export class FakeLink implements CxoLink {
  readonly peer: PublicKey;
  readonly remoteAddress = "192.0.2.1:8802";
  readonly closed: Promise<LinkEnd>;
  /** What was written, one entry a call. */
  readonly writes: Uint8Array[] = [];
  /** While present, writes wait for it. */
  hold: Promise<void> | undefined;
  readonly #end = Promise.withResolvers<LinkEnd>();
  #onData: ((bytes: Uint8Array) => void | Promise<void>) | undefined;

  constructor(peer = PUBLISHER.publicKey) {
    this.peer = peer;
    this.closed = this.#end.promise;
  }

  /** Messages that were written. */
  get said(): Spoken[] {
    return spoken(concat(...this.writes));
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.writes.push(bytes.slice());
    await this.hold;
  }

  serve(onData: (bytes: Uint8Array) => void | Promise<void>): Promise<LinkEnd> {
    this.#onData = onData;
    return this.closed;
  }

  /** Bytes of the peer, in memory that is used again; resolves when it would read on. */
  async deliver(...frames: Uint8Array[]): Promise<void> {
    const bytes = concat(...frames);
    await this.#onData?.(bytes);
    bytes.fill(0xee);
  }

  close(reason = "closed"): void {
    this.#end.resolve({ code: "closed", message: reason });
  }

  /** The connection breaks. */
  break(): void {
    this.#end.resolve({ code: "eof", message: "EOF" });
  }
}

/** A connection over a fake link, and what it handed on. */
export class Bench {
  readonly clock = new ManualClock();
  readonly link: FakeLink;
  readonly connection: CxoConnection;
  readonly running: Promise<LinkEnd>;
  /** Types of the messages that were dispatched. */
  readonly heard: string[] = [];

  constructor(options: Partial<CxoConnectionOptions> = {}, link = new FakeLink()) {
    this.link = link;
    this.connection = new CxoConnection(link, {
      role: "dialer",
      nodeId: US,
      clock: this.clock,
      onMessage: (message) => void this.heard.push(message.type),
      ...options,
    });
    this.running = this.connection.run();
  }

  /** One after its handshake; its own next number is 2. */
  static async ready(options: Partial<CxoConnectionOptions> = {}): Promise<Bench> {
    const bench = new Bench(options);
    await settle();
    const acceptor = options.role === "acceptor";
    await bench.link.deliver(
      acceptor
        ? frame({ type: "Syn", protocol: 3, nodeId: THEM }, 1)
        : frame({ type: "Ack", nodeId: THEM }, 1, 1),
    );
    assert.equal(await bench.connection.ready, THEM);
    await settle();
    bench.link.writes.length = 0;
    return bench;
  }

  /** Why `ready` was rejected. */
  refusal(): Promise<{ code: string; message: string } | undefined> {
    return this.connection.ready.then(() => undefined, (error) => error);
  }

  /** Closes, and looks for what was left behind. */
  async close(): Promise<LinkEnd> {
    this.connection.close("test is over");
    const end = await this.running;
    assert.ok(this.connection.isClosed);
    assert.equal(this.clock.pending, 0, "timers were left behind");
    return end;
  }
}

/** Two real links with an XX session between them; bytes of each direction, before encryption. */
export class LinkPair {
  readonly clock = new ManualClock();
  readonly subscriber: Link;
  readonly publisher: Link;
  readonly said: Record<"sub>pub" | "pub>sub", Uint8Array[]> = { "sub>pub": [], "pub>sub": [] };

  constructor() {
    const pair = sessionPair({
      pattern: "XX",
      initiator: { local: SUBSCRIBER },
      responder: { local: PUBLISHER },
    });
    const { initiator, responder } = shakeHands(pair);
    const [near, far] = MemoryStream.pair(["192.0.2.2:40000", "192.0.2.1:8802"]);
    const make = (
      stream: MemoryStream,
      session: SecureSession,
      events: readonly SessionEvent[],
    ) => {
      const established = events.find((event) => event.kind === "established");
      assert.ok(established);
      const direction = session === pair.initiator ? "out" as const : "in" as const;
      return new Link({ stream, session, direction, clock: this.clock, established, early: [] });
    };
    this.subscriber = make(near, pair.initiator, initiator);
    this.publisher = make(far, pair.responder, responder);
    this.#tap(this.subscriber, this.said["sub>pub"]);
    this.#tap(this.publisher, this.said["pub>sub"]);
  }

  #tap(link: Link, said: Uint8Array[]): void {
    const write = link.write.bind(link);
    link.write = (bytes) => {
      said.push(bytes.slice());
      return write(bytes);
    };
  }
}

/** A write that fails, as one on a dead link does. */
export function brokenPipe(): Promise<void> {
  return Promise.reject(new LinkError("write-failed", "write: broken pipe"));
}
