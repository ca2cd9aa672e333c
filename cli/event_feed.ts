import { Backoff, errorText } from "#kit";
import { type AnswerStream, type ControlClient, readAll, refusal } from "./control_client.ts";
import { CliError } from "./errors.ts";
import type { CliIo } from "./io.ts";
import { OutputClosed } from "./output.ts";
import { SILENCE_TEXT, SilenceWatch } from "./silence_watch.ts";
import { SseParser } from "./sse_parser.ts";

/** First wait before connecting again, ms (cli.md 5). */
export const RECONNECT_FIRST_MS = 1_000;
/** Longest wait before connecting again, ms (cli.md 5). */
export const RECONNECT_MOST_MS = 30_000;
/** What a command does with a stream. */
export interface FeedHandlers {
  /** Events after which timers, keys and drawing have their turn; without it nothing waits for one. */
  readonly eventsPerTurn?: number;
  /** Path and query, asked for anew at each connection. */
  path(signal: AbortSignal): string | Promise<string>;
  /** The app has answered with a stream; its events follow. */
  connected?(): void;
  /** The data of one event. */
  event(data: string): void;
  /** The stream is gone; it is opened again after `delayMs`. */
  lost(error: string, delayMs: number): void;
}

/**
 * Reads an event stream for ever, connecting again whenever it ends, until the signal aborts.
 *
 * @throws {CliError} when the app wants another password: asking again would not help, and the app
 *   takes it for guessing.
 */
export async function followFeed(
  client: ControlClient,
  handlers: FeedHandlers,
  { io, signal }: { io: CliIo; signal: AbortSignal },
): Promise<void> {
  const backoff = new Backoff({ first: RECONNECT_FIRST_MS, most: RECONNECT_MOST_MS });
  while (!signal.aborted) {
    const error = await readOnce(client, handlers, {
      io,
      signal,
      connected() {
        backoff.reset();
        handlers.connected?.();
      },
    });
    if (signal.aborted) return;
    if (error instanceof CliError) throw error;
    const delay = backoff.next();
    handlers.lost(error, delay);
    await io.clock.sleep(delay, signal);
  }
}

interface Reading {
  readonly io: CliIo;
  readonly signal: AbortSignal;
  /** Called when the app has answered with a stream. */
  readonly connected: () => void;
}

/** Reads one connection to its end and returns why it ended, as an error if there is no use in more. */
async function readOnce(
  client: ControlClient,
  handlers: FeedHandlers,
  { io, signal, connected }: Reading,
): Promise<string | CliError> {
  const silence = new SilenceWatch(io, signal);
  let stream: AnswerStream | undefined;
  try {
    stream = await client.open({ path: await handlers.path(silence.signal) }, silence.signal);
    if (stream.status !== 200) return await refusalOf(stream);
    connected();
    const turn = new Turn(handlers.eventsPerTurn);
    const parser = new SseParser();
    const decoder = new TextDecoder();
    for (let part = await stream.read(); part !== undefined; part = await stream.read()) {
      silence.heard();
      const events = parser.push(decoder.decode(part, { stream: true }));
      for (const { data } of events) {
        handlers.event(data);
        if (!turn.ends(data)) continue;
        await io.clock.sleep(0, silence.signal);
        if (silence.signal.aborted) break;
      }
    }
    return "stream ended";
  } catch (error) {
    if (error instanceof OutputClosed) throw error;
    return silence.expired ? SILENCE_TEXT : errorText(error);
  } finally {
    stream?.close();
    silence.end();
  }
}

/** Characters after which a turn ends too, UTF-16 units: large messages take longer. Ours. */
export const UNITS_PER_TURN = 65_536;

/** Counts what is handled in one go. */
class Turn {
  readonly #most: number | undefined;
  #events = 0;
  #units = 0;

  constructor(most: number | undefined) {
    this.#most = most;
  }

  /** Whether it was enough with this event; then the next turn begins. */
  ends(data: string): boolean {
    if (this.#most === undefined) return false;
    this.#events++;
    this.#units += data.length;
    if (this.#events < this.#most && this.#units < UNITS_PER_TURN) return false;
    this.#events = 0;
    this.#units = 0;
    return true;
  }
}

async function refusalOf(stream: AnswerStream): Promise<string | CliError> {
  const { status } = stream;
  const error = refusal({ status, body: await readAll(stream) });
  return status === 401 ? error : error.message;
}
