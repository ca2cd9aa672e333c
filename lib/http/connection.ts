import { type Clock, concat, errorText, type Log, quoteForLog } from "#kit";
import type { BodyRule } from "./admission.ts";
import type { ControlApp } from "./app.ts";
import { arrivalOf, asRequest } from "./arrival.ts";
import { type HeldBody, readBody } from "./body_reader.ts";
import type { ByteBudget } from "./byte_budget.ts";
import {
  BODY_DEADLINE_MS,
  HEAD_DEADLINE_MS,
  IDLE_LIMIT_MS,
  IMPORT_DEADLINE_MS,
  LINGER_BYTES,
  LINGER_MS,
  READ_BUFFER_BYTES,
  REPLY_STALL_MS,
  STREAM_STALL_MS,
} from "./limits.ts";
import type { ControlSocket } from "./listener.ts";
import { textReply } from "./replies.ts";
import { type RequestFault, requestFault, type RequestHead } from "./request_head.ts";
import { RequestParser } from "./request_parser.ts";
import {
  CONTINUE,
  encodeChunk,
  encodeHead,
  type Framing,
  framingOf,
  LAST_CHUNK,
} from "./response_writer.ts";
import { type ByteSource, StreamReply } from "./stream_reply.ts";
import { writeSource } from "./stream_writer.ts";

/** What every connection of one server shares. */
export interface ConnectionContext {
  /** Admits and answers requests; rejects only through a mistake of ours. */
  app: ControlApp;
  /** Memory for request bodies, shared so that all of them together are bounded. */
  bodies: ByteBudget;
  clock: Clock;
  log: Log;
}

/**
 * What a connection is doing: `idle` is between requests, `gate` while its password is looked at,
 * `linger` after our last byte.
 */
export type Phase = "idle" | "linger" | "head" | "gate" | "body" | "busy" | "reply" | "stream";

/** Methods that the Fetch standard keeps out of a Request; nothing here serves them. */
const UNSERVED = new Set(["CONNECT", "TRACE", "TRACK"]);

/**
 * One client: requests in, answers out, in order, one at a time. Nothing is read while a request is
 * being answered, so a client that sends ahead is held back by TCP and costs no memory.
 *
 * Deadlines are checked from outside: the server calls {@link expire} when {@link due} has passed.
 */
export class Connection {
  readonly #socket: ControlSocket;
  readonly #context: ConnectionContext;
  readonly #parser = new RequestParser();
  readonly #buffer = new Uint8Array(READ_BUFFER_BYTES);
  #phase: Phase = "head";
  #since: number;
  #due: number;
  #ending = false;
  #closed = false;
  #stream: ByteSource | undefined;

  constructor(socket: ControlSocket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#since = context.clock.now();
    this.#due = this.#since + HEAD_DEADLINE_MS;
  }

  /** What it is doing now. */
  get phase(): Phase {
    return this.#phase;
  }

  /** Since when, in milliseconds of the clock. */
  get since(): number {
    return this.#since;
  }

  /** When {@link expire} is to be called, in milliseconds of the clock. */
  get due(): number {
    return this.#due;
  }

  /** Serves until either side has enough. Never rejects. */
  async run(): Promise<void> {
    try {
      while (await this.#exchange());
    } catch (thrown) {
      if (!this.#closed) {
        this.#context.log.debug(`control connection ended: ${quoteForLog(errorText(thrown))}`);
      }
    } finally {
      this.close();
    }
  }

  /** Ends a connection that let its time pass; says 408 where a request had begun. */
  expire(): void {
    const begun = this.#phase === "body" || this.#phase === "head" && this.#parser.buffered > 0;
    if (!begun) return this.close();
    this.#ending = true;
    this.#enter("linger", LINGER_MS);
    // The loop is waiting for the client, so nobody else writes; a full socket ends with `linger`.
    this.#encodeFault(requestFault(408, "request timeout"))
      .then((bytes) => this.#socket.write(bytes))
      .catch(() => {})
      .finally(() => this.close());
  }

  /** Begins to end: what is being answered is finished, streams are ended cleanly, the rest closed. */
  drain(): void {
    this.#ending = true;
    if (this.#phase === "idle" || this.#phase === "head" || this.#phase === "linger") this.close();
    this.#stream?.close();
  }

  /** Ends at once. */
  close(): void {
    this.#closed = true;
    this.#due = Infinity;
    this.#socket.close();
  }

  /** One request and its answer; false when the connection is over. */
  async #exchange(): Promise<boolean> {
    const head = await this.#nextEvent();
    if (head === undefined) return false;
    if (head.kind === "fault") {
      await this.#writeFault(head);
      return this.#linger();
    }
    if (head.kind !== "head") throw new Error(`Cannot serve a request: it began with ${head.kind}`);
    this.#enter("gate", Infinity);
    const verdict = await this.#context.app.admit(arrivalOf(head, this.#socket.remote));
    const again = verdict instanceof Response
      ? await this.#turnAway(head, verdict)
      : await this.#serve(head, verdict).finally(() => verdict.release?.());
    if (!again) return this.#linger();
    if (this.#parser.buffered > 0) this.#enter("head", HEAD_DEADLINE_MS);
    else this.#enter("idle", IDLE_LIMIT_MS);
    return true;
  }

  /** Whether the connection can go on after an admitted request. */
  async #serve(head: RequestHead, rule: BodyRule): Promise<boolean> {
    this.#enter("body", BODY_DEADLINE_MS);
    const { clock } = this.#context;
    const last = clock.now() + IMPORT_DEADLINE_MS;
    const body = await readBody({
      parser: this.#parser,
      budget: this.#context.bodies,
      nextEvent: () => this.#nextEvent(),
      sendContinue: async () => void await this.#socket.write(CONTINUE),
      renew: () => this.#enter("body", Math.min(BODY_DEADLINE_MS, last - clock.now())),
    }, { head, rule });
    if (body === undefined) {
      this.close();
      return false;
    }
    if ("kind" in body) {
      await this.#writeFault(body);
      return false;
    }
    return await this.#answer(head, { body, rule })
      .finally(() => this.#context.bodies.release(body.bytes.length));
  }

  /** Whether the connection can go on after a refusal: not when an unread body stands in the way. */
  async #turnAway(head: RequestHead, refusal: Response): Promise<boolean> {
    const close = !head.keepAlive || this.#ending || head.body !== 0;
    // The end of the body that there is not.
    if (head.body === 0) this.#parser.next();
    await this.#writeWhole(refusal, { framing: framingOf(refusal, head), close });
    return !close;
  }

  async #nextEvent(): Promise<ReturnType<RequestParser["next"]>> {
    for (;;) {
      const event = this.#parser.next();
      if (event !== undefined) return event;
      const count = await this.#socket.read(this.#buffer);
      if (count === null || this.#ending) return undefined;
      if (this.#phase === "idle") this.#enter("head", HEAD_DEADLINE_MS);
      this.#parser.push(this.#buffer.slice(0, count));
    }
  }

  /** Whether the connection can go on afterwards. */
  async #answer(
    head: RequestHead,
    { body, rule }: { body: HeldBody; rule: BodyRule },
  ): Promise<boolean> {
    this.#enter("busy", Infinity);
    const response = UNSERVED.has(head.method)
      ? textReply(501, "method not supported")
      : await this.#context.app.handle(asRequest(head, body.bytes), rule);
    const framing = framingOf(response, head);
    if (response instanceof StreamReply && framing !== "none") {
      await this.#writeStream(response, { framing, close: framing === "until-close" });
      return false;
    }
    const close = !head.keepAlive || this.#ending || body.cut;
    await this.#writeWhole(response, { framing, close });
    return !close;
  }

  async #writeWhole(
    response: Response,
    options: { framing: Framing; close: boolean },
  ): Promise<void> {
    const start = encodeHead(response, { ...options, date: this.#date() });
    this.#enter("reply", REPLY_STALL_MS);
    if (options.framing === "length") {
      await this.#write(concat(start, await response.bytes()), REPLY_STALL_MS);
    } else {
      await response.body?.cancel();
      await this.#write(start, REPLY_STALL_MS);
    }
  }

  async #writeStream(
    response: StreamReply,
    options: { framing: Framing; close: boolean },
  ): Promise<void> {
    this.#enter("stream", STREAM_STALL_MS);
    const { source } = response;
    this.#stream = source;
    const watching = this.#watch(source);
    try {
      if (this.#ending) source.close();
      const start = encodeHead(response, { ...options, date: this.#date() });
      await this.#write(start, STREAM_STALL_MS);
      await writeSource(source, {
        frame: options.framing === "chunked" ? encodeChunk : (bytes) => [bytes],
        write: (bytes) => {
          this.#due = this.#context.clock.now() + STREAM_STALL_MS;
          return this.#socket.write(bytes);
        },
        onIdle: () => this.#due = Infinity,
      });
      // Without its last chunk the client knows that something is missing.
      if (source.cut) return;
      if (options.framing === "chunked") await this.#write(LAST_CHUNK, STREAM_STALL_MS);
      await this.#socket.closeWrite();
    } finally {
      source.close();
      this.close();
      await watching;
    }
  }

  /** Notices that the reader of a stream has gone; what it sends meanwhile is thrown away. */
  async #watch(source: ByteSource): Promise<void> {
    try {
      while (await this.#socket.read(this.#buffer) !== null);
      if (source.finite) return;
    } catch {
      // Closed by either side: the same as the end.
    }
    source.close();
  }

  async #writeFault(fault: RequestFault): Promise<void> {
    this.#enter("reply", REPLY_STALL_MS);
    await this.#write(await this.#encodeFault(fault), REPLY_STALL_MS);
  }

  async #encodeFault(fault: RequestFault): Promise<Uint8Array> {
    const response = textReply(fault.status, fault.message);
    const start = encodeHead(response, { framing: "length", close: true, date: this.#date() });
    return concat(start, await response.bytes());
  }

  /** Reads on for a while: closing with unread bytes would take the reply away from the client. */
  async #linger(): Promise<false> {
    if (this.#closed) return false;
    this.#enter("linger", LINGER_MS);
    await this.#socket.closeWrite();
    let left = LINGER_BYTES;
    while (left > 0) {
      const count = await this.#socket.read(this.#buffer);
      if (count === null) break;
      left -= count;
    }
    return false;
  }

  async #write(bytes: Uint8Array, stallMs: number): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      this.#due = this.#context.clock.now() + stallMs;
      rest = rest.subarray(await this.#socket.write(rest));
    }
    this.#due = Infinity;
  }

  #enter(phase: Phase, ms: number): void {
    this.#phase = phase;
    this.#since = this.#context.clock.now();
    this.#due = this.#since + ms;
  }

  #date(): string {
    return new Date(Number(this.#context.clock.wall() / 1_000_000n)).toUTCString();
  }
}
