/** One event as a browser would hand it to a page. */
export interface ParsedEvent {
  type: string;
  data: string;
  lastEventId: string;
}

/**
 * Reads an event stream exactly as the HTML standard says (section 9.2.6), including the parts our
 * server never uses, so that a test sees what a hostile text would do in a real client.
 */
export class SseParser {
  /** Events dispatched so far. */
  readonly events: ParsedEvent[] = [];
  /** Comment texts so far. */
  readonly comments: string[] = [];
  readonly #decoder = new TextDecoder();
  #rest = "";
  /** Characters of the rest that hold no line end, so that a long line is searched once. */
  #searched = 0;
  #data: string[] = [];
  #type = "";
  #id = "";

  /** Feeds bytes, cut anywhere. */
  push(bytes: Uint8Array): void {
    this.#rest += this.#decoder.decode(bytes, { stream: true });
    for (;;) {
      const lineEnd = /\r\n|\r|\n/g;
      lineEnd.lastIndex = this.#searched;
      const match = lineEnd.exec(this.#rest);
      this.#searched = match?.index ?? this.#rest.length;
      // A CR at the very end may be half of a CR LF.
      if (match === null || match[0] === "\r" && match.index + 1 === this.#rest.length) return;
      const line = this.#rest.slice(0, match.index);
      this.#rest = this.#rest.slice(match.index + match[0].length);
      this.#searched = 0;
      this.#line(line);
    }
  }

  /** The data of each event as JSON. */
  json(): unknown[] {
    return this.events.map(({ data }) => JSON.parse(data));
  }

  #line(line: string): void {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) {
      this.comments.push(line.slice(1).trim());
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#type = value;
    if (field === "data") this.#data.push(value);
    if (field === "id" && !value.includes("\0")) this.#id = value;
  }

  #dispatch(): void {
    if (this.#data.length > 0) {
      const data = this.#data.join("\n");
      this.events.push({ type: this.#type || "message", data, lastEventId: this.#id });
    }
    this.#data = [];
    this.#type = "";
  }
}
