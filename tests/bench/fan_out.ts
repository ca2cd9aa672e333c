import { concat, utf8 } from "#kit";
import { type EventReaders, stamp } from "./event_readers.ts";
import { FlightWindow } from "./flight_window.ts";
import { quantile } from "./statistics.ts";

/** Events that the slowest reader has not got yet: below the 64 that the hub keeps for each. */
const IN_FLIGHT = 48;
/** Filler that makes a message, and so an event, about as long as people's. */
const FILLER = "e".repeat(120);

/** Longest time of one run. It is reached only when a reader that keeps up loses events. */
const RUN_DEADLINE_MS = 20_000;

/** Where events come from: one text makes one event. */
export interface EventSource {
  send(texts: readonly string[]): Promise<void>;
  close(): void;
}

/** Pours events into one server as fast as its slowest reader takes them. */
export class FanOut {
  readonly #readers: EventReaders;
  readonly #source: EventSource;
  /** Milliseconds from sending to reading that 99% of the events of the last {@link run} kept. */
  p99 = 0;

  constructor(readers: EventReaders, source: EventSource) {
    this.#readers = readers;
    this.#source = source;
  }

  close(): void {
    this.#readers.close();
    this.#source.close();
  }

  /** Events a second, all readers together. */
  async run(count: number): Promise<number> {
    const window = new FlightWindow(IN_FLIGHT);
    const before = this.#readers.total;
    let arrived = this.#readers.slowest;
    const last = arrived + count;
    const done = Promise.withResolvers<void>();
    this.#readers.onProgress = () => {
      const now = this.#readers.slowest;
      if (now === arrived) return;
      window.landed(now - arrived);
      arrived = now;
      if (now >= last) done.resolve();
    };
    this.#readers.takeLatencies();
    const started = performance.now();
    for (let sent = 0; sent < count;) {
      const now = Math.min(await window.room(), count - sent);
      window.sent(now);
      sent += now;
      await this.#source.send(Array.from({ length: now }, () => stamp() + FILLER));
    }
    await within(done.promise, () => `slowest reader: ${arrived} of ${last} events`);
    const rate = (this.#readers.total - before) * 1_000 / (performance.now() - started);
    this.p99 = quantile(this.#readers.takeLatencies(), 0.99);
    return rate;
  }
}

/** Where the bare server gets its events: lines that look like the product's events. */
export class BareSource implements EventSource {
  readonly #socket: Deno.TcpConn;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async connect(port: number): Promise<BareSource> {
    return new BareSource(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(texts: readonly string[]): Promise<void> {
    const lines = texts.map((message) =>
      utf8(`${JSON.stringify({ ...EVENT, len: message.length, message })}\n`)
    );
    const bytes = concat(...lines);
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }

  close(): void {
    this.#socket.close();
  }
}

/** What the product's events carry besides the text (http-api.md 5.3). */
const EVENT = {
  dir: "in",
  id: "8077ca12ee05c806",
  len: 0,
  message: "",
  network: "tcp-direct",
  sender: "02".repeat(33),
};

async function within(promise: Promise<void>, state: () => string): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Events got lost on the way; ${state()}`)),
    RUN_DEADLINE_MS,
  );
  try {
    await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
