import type { SecretKey } from "#crypto";
import {
  type CxoFault,
  CxoFrameDecoder,
  type CxoMessage,
  decodeMessage,
  encodeCxoFrame,
  encodeMessage,
} from "#cxo";
import { systemRandom } from "#kit";
import type { ByteStream, Network, StreamListener } from "#net";
import { SecureSession } from "#session";

/** Bytes before the body of a frame, which a Go node writes in a write of their own. */
const HEADER_BYTES = 12;

/** A message with its numbers. */
export interface Heard {
  readonly seq: number;
  readonly rseq: number;
  readonly message: CxoMessage;
}

/** How one line is opened. */
export interface FeedLineOptions {
  readonly secret: SecretKey;
  /** What it calls itself in Syn or Ack; its key unless a test lies. */
  readonly nodeId?: string;
  /** Offers or answers ML-KEM, as new Go nodes do. */
  readonly postQuantum?: boolean;
}

/**
 * One CXO connection by hand: noise XX, frames and messages of lib's codecs, and nothing of lib's node,
 * connection or wire. It has no manners: it says what the test says, and reads as long as the test wants.
 */
export class FeedLine {
  readonly stream: ByteStream;
  readonly session: SecureSession;
  /** Everything that came, in order. */
  readonly heard: Heard[] = [];
  /** Bodies that could not be decoded. */
  readonly faults: CxoFault[] = [];
  /** Resolves when it ended, from whichever side. */
  readonly closed: Promise<void>;
  /** Whether it ended. */
  isClosed = false;
  /** Told about every message that answers nothing, in order. */
  onMessage: (heard: Heard) => void = () => {};
  /** Told about every message, before it is handed on. */
  onHeard: () => void = () => {};
  /** Header and body in one write, unlike a Go node. */
  joined = false;
  readonly #decoder = new CxoFrameDecoder();
  readonly #asked = new Map<number, (answer: CxoMessage | "closed") => void>();
  readonly #end = Promise.withResolvers<void>();
  #writing: Promise<void> = Promise.resolve();
  #reading: Promise<void> | undefined;
  #paused: PromiseWithResolvers<void> | undefined;
  #lastSeq = 0;

  private constructor(stream: ByteStream, session: SecureSession) {
    this.stream = stream;
    this.session = session;
    this.closed = this.#end.promise;
  }

  /** Connects and shakes hands; says nothing yet. */
  static async dial(
    network: Network,
    { port, ...options }: FeedLineOptions & { readonly port: number },
  ): Promise<FeedLine> {
    const stream = await network.connect("127.0.0.1", port, new AbortController().signal);
    return await FeedLine.#shakeHands(stream, { role: "initiator", ...options });
  }

  /** Shakes hands with whoever connected; says nothing yet. */
  static accept(stream: ByteStream, options: FeedLineOptions): Promise<FeedLine> {
    return FeedLine.#shakeHands(stream, { role: "responder", ...options });
  }

  /** Key of the other end, proven by noise. */
  get peer(): string {
    return this.#peer;
  }
  #peer = "";

  /** Number of the message that was sent last. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Sends a message; its number. Never throws for a dead line. */
  send(message: CxoMessage, rseq = 0): number {
    const seq = ++this.#lastSeq;
    this.sendFrame(encodeCxoFrame({ seq, rseq, body: encodeMessage(message) }));
    return seq;
  }

  /** Sends a body, whatever it is, in a frame that is sound; its number. */
  sendBody(body: Uint8Array, rseq = 0): number {
    const seq = ++this.#lastSeq;
    this.sendFrame(encodeCxoFrame({ seq, rseq, body }));
    return seq;
  }

  /** Sends the bytes of a frame as a Go node does: header and body apart. */
  sendFrame(bytes: Uint8Array): void {
    if (this.joined) return this.sendBytes(bytes);
    this.sendBytes(bytes.subarray(0, HEADER_BYTES));
    this.sendBytes(bytes.subarray(HEADER_BYTES));
  }

  /** Sends plain bytes inside of noise, cut as they are. */
  sendBytes(bytes: Uint8Array): void {
    const plain = bytes.slice();
    this.#writing = this.#writing.then(async () => {
      if (this.isClosed) return;
      await this.stream.write(this.session.seal(plain)).catch(() => this.close());
    });
  }

  /** Resolves when everything sent so far was taken by the network. */
  get written(): Promise<void> {
    return this.#writing;
  }

  /** Sends a request and waits for its answer, without a limit. */
  ask(message: CxoMessage): Promise<CxoMessage | "closed"> {
    if (this.isClosed) return Promise.resolve("closed");
    const { promise, resolve } = Promise.withResolvers<CxoMessage | "closed">();
    this.#asked.set(this.send(message), resolve);
    return promise;
  }

  /** Messages of a type that came. */
  all<T extends CxoMessage["type"]>(type: T): Extract<CxoMessage, { type: T }>[] {
    return this.heard.map(({ message }) => message)
      .filter((message): message is Extract<CxoMessage, { type: T }> => message.type === type);
  }

  /** Reads no more until {@link resume}. */
  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  /** Reads on. */
  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Hangs up. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.resume();
    this.stream.close();
    for (const resolve of this.#asked.values()) resolve("closed");
    this.#end.resolve();
  }

  /** Hangs up, and waits until nothing of it runs. */
  async end(): Promise<void> {
    this.close();
    await Promise.all([this.#writing, this.#reading]);
  }

  static async #shakeHands(
    stream: ByteStream,
    { role, secret, postQuantum = true }: FeedLineOptions & { role: "initiator" | "responder" },
  ): Promise<FeedLine> {
    const session = new SecureSession({
      ...{ role, pattern: "XX", local: secret, random: systemRandom },
      offerPostQuantum: postQuantum,
    });
    const line = new FeedLine(stream, session);
    await line.#take(session.start());
    const buffer = new Uint8Array(65_536);
    while (!session.established && !line.isClosed) await line.#readOnce(buffer);
    line.#reading = line.#readAll(buffer);
    return line;
  }

  async #readAll(buffer: Uint8Array): Promise<void> {
    // Whoever opened it gets to say what is to happen with messages first.
    await Promise.resolve();
    while (!this.isClosed) {
      await this.#paused?.promise;
      await this.#readOnce(buffer);
    }
  }

  async #readOnce(buffer: Uint8Array): Promise<void> {
    const count = await this.stream.read(buffer).catch(() => null);
    if (count === null) return this.close();
    await this.#take(this.session.push(buffer.slice(0, count)));
  }

  async #take(events: ReturnType<SecureSession["push"]>): Promise<void> {
    for (const event of events) {
      if (event.kind === "send") await this.stream.write(event.bytes).catch(() => this.close());
      if (event.kind === "established") this.#peer = event.peer.hex;
      if (event.kind === "fatal") this.close();
      if (event.kind === "data") {
        for (const found of this.#decoder.push(event.bytes)) this.#hear(found);
      }
    }
  }

  #hear(found: ReturnType<CxoFrameDecoder["push"]>[number]): void {
    if (found.kind === "fatal" || this.isClosed) return this.close();
    const { seq, rseq, body } = found.frame;
    const message = decodeMessage(body);
    if (!("type" in message)) return void this.faults.push(message);
    this.heard.push({ seq, rseq, message });
    this.onHeard();
    const asked = this.#asked.get(rseq);
    if (asked === undefined) return this.onMessage({ seq, rseq, message });
    this.#asked.delete(rseq);
    asked(message);
  }
}

/** Listens and shakes hands with everybody; what becomes of the lines is the test's matter. */
export class FeedDoor {
  readonly lines: FeedLine[] = [];
  readonly #listener: StreamListener;
  readonly #accepting: Promise<void>;
  readonly #shaking = new Set<Promise<void>>();
  #open = true;

  /** `onLine` is called before anything is read from the line. */
  constructor(
    network: Network,
    options: FeedLineOptions & { readonly port: number; onLine: (line: FeedLine) => void },
  ) {
    this.#listener = network.listen("", options.port);
    this.#accepting = this.#acceptAll(options);
  }

  /** Takes nobody any more and hangs up on everybody. */
  async close(): Promise<void> {
    this.#open = false;
    this.#listener.close();
    await this.#accepting;
    await Promise.all(this.#shaking);
    await Promise.all(this.lines.map((line) => line.end()));
  }

  async #acceptAll(
    { onLine, ...options }: FeedLineOptions & { onLine: (line: FeedLine) => void },
  ): Promise<void> {
    for (;;) {
      const stream = await this.#listener.accept().catch(() => undefined);
      if (stream === undefined) return;
      const shaking = FeedLine.accept(stream, options).then((line) => {
        this.lines.push(line);
        if (this.#open) onLine(line);
        else line.close();
      }, () => stream.close());
      this.#shaking.add(shaking);
      void shaking.then(() => this.#shaking.delete(shaking));
    }
  }
}
