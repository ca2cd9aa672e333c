import { CodedError } from "#kit";

/** Longest line of an event stream, in UTF-16 units; cli.md 5 asks for no limit below 1 MiB. */
export const MAX_SSE_LINE = 4_194_304;

/** A line or an event that is too long to be one. */
export class SseError extends CodedError {}

/** One event of a stream. */
export interface SseEvent {
  /** `message` unless the stream says otherwise. */
  readonly type: string;
  readonly data: string;
}

/**
 * Cuts text into events by the rules of the HTML standard (9.2.6): lines end with CR, LF or CRLF, a
 * leading BOM is dropped, several `data` lines are joined, comments and unknown fields are skipped,
 * an event without data is none. Ids and retry times are not kept: `/events` numbers are in the data.
 */
export class SseParser {
  #rest = "";
  #sawCarriageReturn = false;
  #atStart = true;
  #type = "";
  #data: string[] = [];
  #dataLength = 0;
  readonly #onComment: (() => void) | undefined;

  /** `onComment` hears of comments, in their order among the data; they mean nothing in a stream. */
  constructor({ onComment }: { onComment?: () => void } = {}) {
    this.#onComment = onComment;
  }

  /**
   * Takes decoded text, cut anywhere, and gives the events it completed.
   *
   * @throws {SseError}
   */
  push(text: string): readonly SseEvent[] {
    if (text === "") return [];
    const events: SseEvent[] = [];
    let piece = text;
    if (this.#atStart) {
      this.#atStart = false;
      if (piece.startsWith("\ufeff")) piece = piece.slice(1);
    }
    if (this.#sawCarriageReturn && piece.startsWith("\n")) piece = piece.slice(1);
    let start = 0;
    for (const end of piece.matchAll(/\r\n|\r|\n/g)) {
      this.#line(this.#rest + piece.slice(start, end.index), events);
      this.#rest = "";
      start = end.index + end[0].length;
    }
    this.#sawCarriageReturn = text.endsWith("\r");
    this.#rest += piece.slice(start);
    if (this.#rest.length > MAX_SSE_LINE) throw tooLong();
    return events;
  }

  #line(line: string, events: SseEvent[]): void {
    if (line === "") {
      if (this.#data.length > 0) {
        events.push({ type: this.#type || "message", data: this.#data.join("\n") });
      }
      this.#type = "";
      this.#data = [];
      this.#dataLength = 0;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return this.#onComment?.();
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#type = value;
    if (field !== "data") return;
    this.#dataLength += value.length + 1;
    if (this.#dataLength > MAX_SSE_LINE) throw tooLong();
    this.#data.push(value);
  }
}

function tooLong(): SseError {
  return new SseError("too-long", `event longer than ${MAX_SSE_LINE} characters`);
}
