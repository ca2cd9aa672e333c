import { type Clock, concat, errorText, type Timer, utf8, utf8Text } from "#kit";
import type { ByteStream } from "#net";
import { VERSION } from "#app";
import type { Call } from "./command.ts";
import { type ControlTarget, controlTargetOf } from "./control_target.ts";
import type { CLIENT_FLAGS } from "./client_flags.ts";
import { CliError } from "./errors.ts";
import { AnswerDecoder, type AnswerEvent, HttpError } from "./http_answer.ts";
import type { ByteSource, CliIo } from "./io.ts";
import { sendBody } from "./request_body.ts";
import { serverText } from "./terminal_text.ts";

/** Largest answer that is read whole, bytes. Ours. */
export const MAX_ANSWER_BYTES = 4_194_304;
/** Longest wait for a short answer, ms. Ours. */
export const ANSWER_LIMIT_MS = 10_000;

/** No answer came within the time limit. The request may have had its effect all the same. */
export class AnswerTimeout extends HttpError {
  constructor(ms: number) {
    super("timeout", `no answer within ${Math.round(ms / 100) / 10}s`);
  }
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** By name, in lower case. */
  readonly headers?: ReadonlyMap<string, string>;
}

/** An answer whose body is read as it arrives. Close it when done. */
export interface AnswerStream {
  readonly status: number;
  /** By name, in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** The next piece of the body, or undefined at its orderly end. */
  read(): Promise<Uint8Array | undefined>;
  close(): void;
}

/** One request. */
export interface ControlRequest {
  readonly path: string;
  /** GET, or POST when there is a body, unless said otherwise. */
  readonly method?: "DELETE" | "POST";
  /** JSON text as the body. */
  readonly json?: string;
  /** Fields of a form as the body, instead of JSON. */
  readonly form?: Readonly<Record<string, string>>;
  /** JSON as the body, read while it is sent. */
  readonly upload?: ByteSource;
}

/** How long and how much to wait for. */
export interface AnswerLimits {
  /** For the whole answer, ms; {@link ANSWER_LIMIT_MS} if absent. */
  readonly limitMs?: number;
  /** For its body; {@link MAX_ANSWER_BYTES} if absent. */
  readonly maxBytes?: number;
  /** Gives up at once, as if the time were over. */
  readonly signal?: AbortSignal | undefined;
}

/** Talks HTTP/1.1 to the control surface of a running app, one connection a request. */
export class ControlClient {
  readonly target: ControlTarget;
  readonly #io: CliIo;

  constructor(target: ControlTarget, io: CliIo) {
    this.target = target;
    this.#io = io;
  }

  /** The client of a command that has `--addr`. */
  static of({ flags, given, io }: Call<typeof CLIENT_FLAGS>): ControlClient {
    const target = controlTargetOf(flags.addr, { given, environment: io.environment });
    return new ControlClient(target, io);
  }

  /** What to try when nobody answers. */
  get hint(): string {
    return `is "skychat app" running? --addr (or SKYCHAT_ADDR) says where; ` +
      `this was ${this.target.shown}`;
  }

  /**
   * Sends a request and reads the whole answer.
   *
   * @throws {AnswerTimeout} after `limitMs`.
   */
  async ask(
    request: ControlRequest,
    { limitMs = ANSWER_LIMIT_MS, maxBytes, signal }: AnswerLimits = {},
  ): Promise<Answer> {
    const limit = new TimeLimit(this.#io.clock, { ms: limitMs, signal });
    try {
      const stream = await this.open(request, limit.signal);
      try {
        const { status, headers } = stream;
        return { status, headers, body: await readAll(stream, maxBytes) };
      } finally {
        stream.close();
      }
    } catch (error) {
      throw limit.expired ? new AnswerTimeout(limitMs) : error;
    } finally {
      limit.end();
    }
  }

  /**
   * Asks, and takes only a 200.
   *
   * @throws {CliError} `app-down` when nobody answers, else the refusal.
   */
  async fetch(request: ControlRequest, limits?: AnswerLimits): Promise<string> {
    const answer = await this.ask(request, limits).catch((error: unknown) => {
      throw this.down(error);
    });
    if (answer.status !== 200) throw refusal(answer);
    return answer.body;
  }

  /** What to tell when the app does not answer properly (cli.md 8); a `CliError` stays what it is. */
  down(error: unknown): CliError {
    if (error instanceof CliError) return error;
    if (error instanceof HttpError && error.code === "bad-answer") {
      const text = `bad answer from the chat app at ${this.target.shown}: ${errorText(error)}`;
      return new CliError(text, { hint: this.hint });
    }
    return new CliError(`chat app unreachable at ${this.target.shown}: ${errorText(error)}`, {
      code: "app-down",
      hint: this.hint,
    });
  }

  /** Sends a request and gives its answer once the head is there. The signal ends all of it. */
  async open(request: ControlRequest, signal: AbortSignal): Promise<AnswerStream> {
    const network = await this.#io.network();
    const stream = await network.connect(this.target.host, this.target.port, signal);
    const answer = new OpenAnswer(stream, signal);
    // Both at once: an answer may come before the body is through, and the app need not read on.
    let unreadable: unknown;
    try {
      await stream.write(this.#encode(request));
      if (request.upload !== undefined) {
        void sendBody(stream, request.upload).then((error) => {
          unreadable = error;
          if (error !== undefined) answer.close();
        });
      }
      await answer.readHead();
      return answer;
    } catch (error) {
      answer.close();
      throw unreadable ?? error;
    }
  }

  #encode({ path, method, json, form, upload }: ControlRequest): Uint8Array {
    const body = utf8(json ?? new URLSearchParams(form).toString());
    const posts = json !== undefined || form !== undefined || upload !== undefined;
    const type = form === undefined ? "application/json" : "application/x-www-form-urlencoded";
    const head = [
      `${method ?? (posts ? "POST" : "GET")} ${path} HTTP/1.1`,
      `Host: ${this.target.shown}`,
      `User-Agent: skychat/${VERSION}`,
      "Connection: close",
    ];
    if (this.target.authorization !== undefined) {
      head.push(`Authorization: ${this.target.authorization}`);
    }
    if (posts) head.push(`Content-Type: ${type}`);
    if (upload !== undefined) head.push("Transfer-Encoding: chunked");
    else if (posts || method !== undefined) head.push(`Content-Length: ${body.length}`);
    return concat(utf8(`${head.join("\r\n")}\r\n\r\n`), body);
  }
}

class OpenAnswer implements AnswerStream {
  status = 0;
  headers: ReadonlyMap<string, string> = new Map();
  readonly #stream: ByteStream;
  readonly #signal: AbortSignal;
  readonly #decoder = new AnswerDecoder();
  readonly #events: AnswerEvent[] = [];
  readonly #buffer = new Uint8Array(65_536);
  readonly #onAbort = () => this.#stream.close();

  constructor(stream: ByteStream, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) stream.close();
  }

  async readHead(): Promise<void> {
    const first = await this.#next();
    if (first.kind === "head") {
      this.status = first.status;
      this.headers = first.headers;
    }
  }

  async read(): Promise<Uint8Array | undefined> {
    const event = await this.#next();
    return event.kind === "body" ? event.bytes : undefined;
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#stream.close();
  }

  async #next(): Promise<AnswerEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      const count = await this.#stream.read(this.#buffer);
      // The decoder owns what it is given, and the buffer is used again.
      this.#events.push(
        ...count === null
          ? this.#decoder.close()
          : this.#decoder.push(this.#buffer.slice(0, count)),
      );
    }
  }
}

/** A signal that aborts after some time, or when another one does. */
class TimeLimit {
  expired = false;
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = () => this.#abort.abort();
  readonly #timer: Timer;

  constructor(clock: Clock, { ms, signal }: { ms: number; signal: AbortSignal | undefined }) {
    this.#outer = signal;
    signal?.addEventListener("abort", this.#onAbort);
    if (signal?.aborted) this.#abort.abort();
    this.#timer = clock.after(ms, () => {
      this.expired = true;
      this.#abort.abort();
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  end(): void {
    this.#timer.cancel();
    this.#outer?.removeEventListener("abort", this.#onAbort);
  }
}

/** The rest of a body as text, up to {@link MAX_ANSWER_BYTES} unless told otherwise. */
export async function readAll(
  stream: AnswerStream,
  maxBytes: number = MAX_ANSWER_BYTES,
): Promise<string> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let part = await stream.read(); part !== undefined; part = await stream.read()) {
    total += part.length;
    if (total > maxBytes) {
      throw new HttpError("bad-answer", `answer larger than ${maxBytes} bytes`);
    }
    parts.push(part);
  }
  return utf8Text(concat(...parts));
}

/** An answer that is a refusal: `server error <status>: <body>` on one line, with what to do about a password. */
export function refusal({ status, body }: Answer, code = "failed"): CliError {
  const hint = passwordHint({ status, body });
  return new CliError(`server error ${status}: ${serverText(body)}`, { code, hint });
}

/** What to do about an answer that asks for a password; nothing new to whoever gave a wrong one. */
export function passwordHint({ status, body }: Answer): string | undefined {
  // The app's text for a password that was given (http-api.md 2.1).
  if (status !== 401 || body.includes("invalid credentials")) return undefined;
  return "give it in front of the address: --addr user:password@host:port";
}
