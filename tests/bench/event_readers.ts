/** Stands once in every event that the bench makes; what follows it is {@link stamp}. */
const MARK = "~".charCodeAt(0);
const STAMP_DIGITS = 12;
const READ_BUFFER = 65_536;
/** Every so many readers one also looks at the times in the events. */
const SAMPLED_EVERY = 20;

/** Text that tells a reader when an event was made: a mark and microseconds in 12 digits. */
export function stamp(): string {
  return `~${Math.round(performance.now() * 1_000).toString().padStart(STAMP_DIGITS, "0")}`;
}

/** Many readers of one event stream, over plain sockets so that reading costs little. */
export class EventReaders {
  readonly #readers: EventReader[] = [];
  /** Called whenever some reader got something. */
  onProgress: () => void = () => {};

  /** Opens `count` streams of `path` and waits until each was greeted. */
  static async open(
    { port, path }: { port: number; path: string },
    count: number,
  ): Promise<EventReaders> {
    const all = new EventReaders();
    for (let index = 0; index < count; index++) {
      const reader = await EventReader.open({ port, path }, index % SAMPLED_EVERY === 0);
      all.#readers.push(reader);
      void reader.run(() => all.onProgress());
    }
    return all;
  }

  /** Events that the slowest reader got. */
  get slowest(): number {
    return Math.min(...this.#readers.map(({ events }) => events));
  }

  /** Events that all readers got together. */
  get total(): number {
    return this.#readers.reduce((sum, { events }) => sum + events, 0);
  }

  /** Milliseconds from making an event to reading it, for some of the readers; then forgets them. */
  takeLatencies(): number[] {
    return this.#readers.flatMap((reader) => reader.latencies.splice(0));
  }

  close(): void {
    for (const reader of this.#readers) reader.close();
  }
}

/** A reader that asked for the stream and never reads: what it misses must cost nobody else. */
export async function openStalledReader(port: number, path: string): Promise<{ close(): void }> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  await request(socket, port, path);
  return socket;
}

class EventReader {
  readonly #socket: Deno.TcpConn;
  readonly #buffer: Uint8Array = new Uint8Array(READ_BUFFER);
  readonly #sampled: boolean;
  /** Digits of a stamp that is not complete; undefined outside a stamp. */
  #digits: string | undefined;
  readonly latencies: number[] = [];
  events = 0;

  private constructor(socket: Deno.TcpConn, sampled: boolean) {
    this.#socket = socket;
    this.#sampled = sampled;
  }

  static async open(
    { port, path }: { port: number; path: string },
    sampled: boolean,
  ): Promise<EventReader> {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    await request(socket, port, path);
    const reader = new EventReader(socket, sampled);
    let head = "";
    while (!head.includes(": connected")) {
      const count = await socket.read(reader.#buffer);
      if (count === null) throw new Error("Cannot read events: the server hung up");
      head += new TextDecoder().decode(reader.#buffer.subarray(0, count));
    }
    if (!head.startsWith("HTTP/1.1 200")) throw new Error(`Cannot read events: ${head}`);
    return reader;
  }

  /** Counts until the end of the stream. */
  async run(onProgress: () => void): Promise<void> {
    try {
      for (;;) {
        const count = await this.#socket.read(this.#buffer);
        if (count === null) return;
        this.#count(this.#buffer.subarray(0, count));
        onProgress();
      }
    } catch {
      // Closed by the bench: that is how reading ends.
    }
  }

  close(): void {
    this.#socket.close();
  }

  #count(bytes: Uint8Array): void {
    if (this.#digits !== undefined) this.#sample(bytes, 0);
    for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
      this.events++;
      if (!this.#sampled) continue;
      this.#digits = "";
      this.#sample(bytes, at + 1);
    }
  }

  #sample(bytes: Uint8Array, at: number): void {
    const wanted = STAMP_DIGITS - (this.#digits?.length ?? 0);
    const end = Math.min(at + wanted, bytes.length);
    this.#digits += String.fromCharCode(...bytes.subarray(at, end));
    if (this.#digits?.length !== STAMP_DIGITS) return;
    this.latencies.push(performance.now() - Number(this.#digits) / 1_000);
    this.#digits = undefined;
  }
}

async function request(socket: Deno.TcpConn, port: number, path: string): Promise<void> {
  const head = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  await socket.write(new TextEncoder().encode(head));
}
