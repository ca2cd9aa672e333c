import { ByteQueue, CodedError, utf8Text } from "#kit";

/** Largest status line and headers together, bytes. Ours: what browsers take is about as much. */
export const MAX_ANSWER_HEAD_BYTES = 65_536;
/** Longest line that announces a chunk, bytes. Ours. */
export const MAX_CHUNK_LINE_BYTES = 1_024;

/** An answer that is no HTTP/1.1, or one that was cut off. Codes: `bad-answer`, `cut-off`. */
export class HttpError extends CodedError {}

/** What an {@link AnswerDecoder} found. */
export type AnswerEvent =
  | {
    readonly kind: "head";
    readonly status: number;
    readonly headers: ReadonlyMap<string, string>;
  }
  | { readonly kind: "body"; readonly bytes: Uint8Array }
  | { readonly kind: "end" };

type State = "head" | "sized" | "chunk-line" | "chunk" | "chunk-end" | "trailer" | "open" | "done";

/**
 * Reads one HTTP/1.1 answer out of bytes cut anywhere (RFC 9112). Interim answers are skipped.
 *
 * We do not use `fetch`: it sends requests for this very machine to the proxy of the environment,
 * password included, and refuses some ports altogether.
 */
export class AnswerDecoder {
  readonly #queue = new ByteQueue();
  #state: State = "head";
  /** Bytes of the current chunk, or of the whole body, that did not arrive yet. */
  #left = 0;

  /**
   * Takes a chunk, owning it, and gives what it completed.
   *
   * @throws {HttpError} when this is no answer.
   */
  push(chunk: Uint8Array): readonly AnswerEvent[] {
    this.#queue.push(chunk);
    const events: AnswerEvent[] = [];
    while (this.#step(events));
    return events;
  }

  /**
   * The peer closed: the end of a body without a length.
   *
   * @throws {HttpError} when something is missing.
   */
  close(): readonly AnswerEvent[] {
    if (this.#state === "done") return [];
    if (this.#state !== "open") throw new HttpError("cut-off", "unexpected EOF");
    this.#state = "done";
    return [{ kind: "end" }];
  }

  /** One step; false when it needs more bytes. */
  #step(events: AnswerEvent[]): boolean {
    switch (this.#state) {
      case "head":
        return this.#readHead(events);
      case "sized":
      case "chunk":
        return this.#readBody(events);
      case "open":
        return this.#readOpen(events);
      case "chunk-line":
        return this.#readChunkLine();
      case "chunk-end":
        return this.#readChunkEnd();
      case "trailer":
        return this.#readTrailer(events);
      case "done":
        // One answer is all we asked for.
        this.#queue.clear();
        return false;
    }
  }

  #readHead(events: AnswerEvent[]): boolean {
    const text = this.#takeUntil("\r\n\r\n", MAX_ANSWER_HEAD_BYTES);
    if (text === undefined) return false;
    const [first = "", ...lines] = text.split("\r\n");
    const status = Number(/^HTTP\/1\.[01] ([1-9][0-9]{2})(?: |$)/.exec(first)?.[1]);
    if (Number.isNaN(status)) throw badAnswer("no HTTP/1.1 status line");
    if (status < 200) return true;
    const headers = headersOf(lines);
    events.push({ kind: "head", status, headers });
    this.#state = this.#bodyState(status, headers);
    if (this.#state === "done") events.push({ kind: "end" });
    return true;
  }

  #bodyState(status: number, headers: ReadonlyMap<string, string>): State {
    if (status === 204 || status === 304) return "done";
    const encoding = headers.get("transfer-encoding");
    if (encoding !== undefined) {
      if (encoding.toLowerCase() !== "chunked") throw badAnswer("unknown transfer encoding");
      return "chunk-line";
    }
    const length = headers.get("content-length");
    if (length === undefined) return "open";
    this.#left = /^[0-9]{1,15}$/.test(length) ? Number(length) : Number.NaN;
    if (Number.isNaN(this.#left)) throw badAnswer("bad content length");
    return this.#left === 0 ? "done" : "sized";
  }

  #readBody(events: AnswerEvent[]): boolean {
    const bytes = this.#queue.take(Math.min(this.#left, this.#queue.length));
    if (bytes === undefined || bytes.length === 0) return false;
    this.#left -= bytes.length;
    events.push({ kind: "body", bytes });
    if (this.#left > 0) return false;
    if (this.#state === "sized") {
      events.push({ kind: "end" });
      this.#state = "done";
    } else {
      this.#state = "chunk-end";
    }
    return true;
  }

  #readOpen(events: AnswerEvent[]): boolean {
    const bytes = this.#queue.take(this.#queue.length);
    if (bytes !== undefined && bytes.length > 0) events.push({ kind: "body", bytes });
    return false;
  }

  #readChunkLine(): boolean {
    const line = this.#takeUntil("\r\n", MAX_CHUNK_LINE_BYTES);
    if (line === undefined) return false;
    const digits = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (digits === undefined) throw badAnswer("bad chunk length");
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? "trailer" : "chunk";
    return true;
  }

  #readChunkEnd(): boolean {
    const end = this.#queue.take(2);
    if (end === undefined) return false;
    if (utf8Text(end) !== "\r\n") throw badAnswer("chunk longer than announced");
    this.#state = "chunk-line";
    return true;
  }

  #readTrailer(events: AnswerEvent[]): boolean {
    const line = this.#takeUntil("\r\n", MAX_CHUNK_LINE_BYTES);
    if (line === undefined) return false;
    if (line !== "") return true;
    events.push({ kind: "end" });
    this.#state = "done";
    return true;
  }

  /** The text before a separator, both consumed; undefined while it has not arrived. */
  #takeUntil(separator: string, limit: number): string | undefined {
    const window = this.#queue.peek(Math.min(this.#queue.length, limit + separator.length));
    const text = window === undefined ? "" : latin1(window);
    const at = text.indexOf(separator);
    if (at >= 0) {
      this.#queue.take(at + separator.length);
      return text.slice(0, at);
    }
    if (text.length >= limit + separator.length) throw badAnswer("a line or head that is too long");
    return undefined;
  }
}

/** Header names in lower case; of several with one name the last one counts. */
function headersOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) throw badAnswer("bad header line");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function badAnswer(what: string): HttpError {
  return new HttpError("bad-answer", `malformed HTTP answer: ${what}`);
}
