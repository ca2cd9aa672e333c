import { type ByteQueue, utf8Text } from "#kit";
import { MAX_CHUNK_LINE, MAX_TRAILER_BYTES } from "./limits.ts";
import { parseField, type RequestFault, requestFault } from "./request_head.ts";

/** A piece of a body, or that it is over. */
export type BodyEvent = { kind: "body"; bytes: Uint8Array } | { kind: "end" } | RequestFault;

const CHUNK_LINE = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e]*)?$/;

/**
 * Reads a chunked body (RFC 9112 section 7.1) off the front of a queue. Only CR LF ends a line, only
 * hex digits are a size; extensions and trailers are checked, bounded and thrown away.
 */
export class ChunkedBody {
  #state: "size" | "data" | "data-end" | "trailers" = "size";
  /** Bytes of the current chunk that have not come yet. */
  #left = 0;
  /** Bytes that the body may still have. */
  #allowed: number;
  #trailerBytes = 0;

  /** @param limit most bytes of the whole body. */
  constructor(limit: number) {
    this.#allowed = limit;
  }

  /** The next event, or undefined while more bytes are needed. */
  next(queue: ByteQueue): BodyEvent | undefined {
    for (;;) {
      if (this.#state === "data") return this.#data(queue);
      if (this.#state === "data-end") {
        const end = queue.take(2);
        if (end === undefined) return undefined;
        if (end[0] !== 0x0d || end[1] !== 0x0a) return requestFault(400, "malformed chunk");
        this.#state = "size";
      }
      const limit = this.#state === "size" ? MAX_CHUNK_LINE : MAX_TRAILER_BYTES;
      const line = takeLine(queue, limit);
      if (typeof line !== "string") return line;
      const event = this.#state === "size" ? this.#size(line) : this.#trailer(line);
      if (event !== undefined) return event;
    }
  }

  #size(line: string): RequestFault | undefined {
    const digits = CHUNK_LINE.exec(line)?.[1];
    if (digits === undefined) return requestFault(400, "malformed chunk size");
    this.#left = Number.parseInt(digits, 16);
    this.#allowed -= this.#left;
    if (this.#allowed < 0) return requestFault(413, "request body too large");
    this.#state = this.#left === 0 ? "trailers" : "data";
    return undefined;
  }

  #data(queue: ByteQueue): BodyEvent | undefined {
    const bytes = queue.take(Math.min(this.#left, queue.length));
    if (bytes === undefined || bytes.length === 0) return undefined;
    this.#left -= bytes.length;
    if (this.#left === 0) this.#state = "data-end";
    return { kind: "body", bytes };
  }

  #trailer(line: string): BodyEvent | undefined {
    if (line === "") return { kind: "end" };
    this.#trailerBytes += line.length + 2;
    if (this.#trailerBytes > MAX_TRAILER_BYTES) return requestFault(431, "trailers too large");
    return parseField(line) === undefined ? requestFault(400, "malformed trailer") : undefined;
  }
}

/** The line at the front without its CR LF; undefined while it is not complete. */
function takeLine(queue: ByteQueue, limit: number): string | RequestFault | undefined {
  const seen = queue.peek(Math.min(queue.length, limit)) ?? new Uint8Array(0);
  const end = seen.indexOf(0x0a);
  if (end < 0) return seen.length < limit ? undefined : requestFault(400, "chunk line too long");
  if (seen[end - 1] !== 0x0d) return requestFault(400, "malformed chunk line");
  const line = utf8Text(seen.subarray(0, end - 1));
  queue.take(end + 1);
  return line;
}
