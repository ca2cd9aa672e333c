import { ByteQueue, type Clock, concat, errorText, type Log, quoteForLog } from "#kit";
import type { ByteBudget } from "./byte_budget.ts";
import {
  BODY_DEADLINE_MS,
  HEAD_DEADLINE_MS,
  IDLE_LIMIT_MS,
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
  /** Answers a request; rejects only through a mistake of ours. */
  handle(request: Request): Response | Promise<Response>;
  /** Memory for request bodies, shared so that all of them together are bounded. */
  bodies: ByteBudget;
  clock: Clock;
  log: Log;
}

/** What a connection is doing: `idle` is between requests, `linger` after our last byte. */
export type Phase = "idle" | "linger" | "head" | "body" | "busy" | "reply" | "stream";

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
    if (head.kind === "fault") return this.#refuse(head);
    if (head.kind !== "head") throw new Error(`Cannot serve a request: it began with ${head.kind}`);
    const body = await this.#readBody(head);
    if (body === undefined) return false;
    if ("kind" in body) return this.#refuse(body);
    const again = await this.#answer(head, body).finally(() =>
      this.#context.bodies.release(body.length)
    );
    if (!again) return this.#linger();
    if (this.#parser.buffered > 0) this.#enter("head", HEAD_DEADLINE_MS);
    else this.#enter("idle", IDLE_LIMIT_MS);
    return true;
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

  /** The whole body; a fault; or undefined when the client left. */
  async #readBody(head: RequestHead): Promise<Uint8Array | RequestFault | undefined> {
    this.#enter("body", BODY_DEADLINE_MS);
    if (head.expectsContinue && head.body !== 0 && this.#parser.buffered === 0) {
      await this.#socket.write(CONTINUE);
    }
    // A queue and not a list of pieces: a body of one-byte chunks must not cost a hundred times it.
    const body = new ByteQueue();
    let whole: Uint8Array | undefined;
    try {
      for (;;) {
        const event = await this.#nextEvent();
        if (event === undefined || event.kind === "fault") return event;
        if (event.kind === "end") return whole = body.peek(body.length) ?? new Uint8Array(0);
        if (event.kind !== "body") throw new Error("Cannot read a body: a head came inside it");
        if (!this.#context.bodies.take(event.bytes.length)) {
          return requestFault(503, "too many large requests at a time, try again");
        }
        body.push(event.bytes);
      }
    } finally {
      if (whole === undefined) this.#context.bodies.release(body.length);
    }
  }

  /** Whether the connection can go on afterwards. */
  async #answer(head: RequestHead, body: Uint8Array): Promise<boolean> {
    this.#enter("busy", Infinity);
    const response = UNSERVED.has(head.method)
      ? textReply(501, "method not supported")
      : await this.#context.handle(asRequest(head, body));
    const framing = framingOf(response, head);
    if (response instanceof StreamReply && framing !== "none") {
      await this.#writeStream(response, { framing, close: framing === "until-close" });
      return false;
    }
    const close = !head.keepAlive || this.#ending;
    const start = encodeHead(response, { framing, close, date: this.#date() });
    this.#enter("reply", REPLY_STALL_MS);
    if (framing === "length") {
      await this.#write(concat(start, await response.bytes()), REPLY_STALL_MS);
    } else {
      await response.body?.cancel();
      await this.#write(start, REPLY_STALL_MS);
    }
    return !close;
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
        frame: options.framing === "chunked" ? encodeChunk : (bytes) => bytes,
        write: (bytes) => {
          this.#due = this.#context.clock.now() + STREAM_STALL_MS;
          return this.#socket.write(bytes);
        },
        onIdle: () => this.#due = Infinity,
      });
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
    } catch {
      // Closed by either side: the same as the end.
    }
    source.close();
  }

  async #refuse(fault: RequestFault): Promise<boolean> {
    this.#enter("reply", REPLY_STALL_MS);
    await this.#write(await this.#encodeFault(fault), REPLY_STALL_MS);
    return this.#linger();
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

/** The request as handlers see it. The Host header is not part of its URL: guards read the header. */
function asRequest(head: RequestHead, body: Uint8Array): Request {
  const headers = new Headers();
  for (const [name, value] of head.headers) headers.append(name, value);
  const bodiless = head.method === "GET" || head.method === "HEAD" || body.length === 0;
  return new Request(`http://localhost${head.target}`, {
    method: head.method,
    headers,
    body: bodiless ? null : body.slice(),
  });
}
