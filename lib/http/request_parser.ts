import { ByteQueue } from "#kit";
import { type BodyEvent, ChunkedBody } from "./chunked_body.ts";
import { MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_REQUEST_LINE } from "./limits.ts";
import {
  parseRequestHead,
  type RequestFault,
  requestFault,
  type RequestHead,
} from "./request_head.ts";

/** What a client's bytes mean. After a fault nothing more can be read. */
export type RequestEvent = RequestHead | BodyEvent;

const CR = 0x0d;
const LF = 0x0a;

/**
 * HTTP/1.1 requests out of bytes, sans-io: {@link push} what came, ask {@link next} until it has
 * nothing. One request at a time: whoever does not ask does not get the following one, so its bytes
 * simply wait. Strict, see {@link parseRequestHead}; holds at most one head plus what was pushed.
 */
export class RequestParser {
  readonly #queue = new ByteQueue();
  #state: "head" | "sized" | "chunked" | "dead" = "head";
  /** Bytes of the queue already searched for the end of the head. */
  #searched = 0;
  /** Where the request line ends, once it is known. */
  #lineEnd = -1;
  #skippedLine = false;
  #left = 0;
  #bodyLimit = MAX_BODY_BYTES;
  #chunked = new ChunkedBody(MAX_BODY_BYTES);

  /**
   * Most bytes of the body of the request whose head came last, MAX_BODY_BYTES unless set. To be set
   * before the body is asked for.
   */
  set bodyLimit(bytes: number) {
    this.#bodyLimit = bytes;
    this.#chunked = new ChunkedBody(bytes);
  }

  /** Bytes that came and were not asked for yet. */
  get buffered(): number {
    return this.#queue.length;
  }

  /** Appends bytes and takes ownership of them. */
  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
  }

  /** The next event, or undefined while more bytes are needed. */
  next(): RequestEvent | undefined {
    const event = this.#read();
    if (event?.kind === "fault") {
      this.#state = "dead";
      this.#queue.clear();
    }
    if (event?.kind === "end") this.#state = "head";
    return event;
  }

  #read(): RequestEvent | undefined {
    switch (this.#state) {
      case "head":
        return this.#head();
      case "sized":
        return this.#sized();
      case "chunked":
        return this.#chunked.next(this.#queue);
      case "dead":
        return undefined;
    }
  }

  #head(): RequestHead | RequestFault | undefined {
    const end = this.#findHeadEnd();
    if (typeof end !== "number") return end;
    const bytes = this.#queue.take(end) ?? new Uint8Array(0);
    this.#searched = 0;
    this.#lineEnd = -1;
    this.#skippedLine = false;
    // Without the last two line ends: that of the last field and the empty line.
    const head = parseRequestHead(byteText(bytes.subarray(0, end - 4)).split("\r\n"));
    if (head.kind === "fault") return head;
    this.bodyLimit = MAX_BODY_BYTES;
    this.#state = head.body === "chunked" ? "chunked" : "sized";
    this.#left = head.body === "chunked" ? 0 : head.body;
    return head;
  }

  /** Length of the head including its empty line; looks at each byte once. */
  #findHeadEnd(): number | RequestFault | undefined {
    this.#skipEmptyLine();
    const bytes = this.#queue.peek(this.#queue.length) ?? new Uint8Array(0);
    const first = bytes[0] ?? 0x41;
    // Not a letter: a TLS hello, or noise. No need to wait for a line end that never comes.
    if ((first < 0x41 || first > 0x5a) && first !== CR) {
      return requestFault(400, "malformed request line");
    }
    for (let at = this.#searched; at < bytes.length; at++) {
      if (bytes[at] !== LF) continue;
      if (bytes[at - 1] !== CR) return requestFault(400, "line does not end in CR LF");
      if (this.#lineEnd < 0) this.#lineEnd = at + 1;
      if (bytes[at - 2] === LF) return this.#tooLarge(at - 1) ?? at + 1;
    }
    this.#searched = bytes.length;
    return this.#tooLarge(bytes.length);
  }

  /** @param length bytes of the head seen so far, its empty line left out. */
  #tooLarge(length: number): RequestFault | undefined {
    const line = this.#lineEnd < 0 ? length : this.#lineEnd - 2;
    if (line > MAX_REQUEST_LINE) return requestFault(414, "request line too long");
    if (this.#lineEnd < 0 || length - this.#lineEnd <= MAX_HEADER_BYTES) return undefined;
    return requestFault(431, "request headers too large");
  }

  /** One empty line before a request is forgiven, as RFC 9112 2.2 asks for. */
  #skipEmptyLine(): void {
    const start = this.#queue.peek(2);
    if (this.#skippedLine || start?.[0] !== CR || start[1] !== LF) return;
    this.#queue.take(2);
    this.#skippedLine = true;
  }

  #sized(): BodyEvent | undefined {
    if (this.#left === 0) return { kind: "end" };
    if (this.#left > this.#bodyLimit) return requestFault(413, "request body too large");
    const bytes = this.#queue.take(Math.min(this.#left, this.#queue.length));
    if (bytes === undefined || bytes.length === 0) return undefined;
    this.#left -= bytes.length;
    return { kind: "body", bytes };
  }
}

/** One character a byte, whatever the byte: `TextDecoder("latin1")` is windows-1252. */
function byteText(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4_096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4_096));
  }
  return text;
}
