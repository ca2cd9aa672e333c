import { unwrapBody } from "#events";
import { type Clock, withAbort } from "#kit";
import type { AnswerStream, ControlClient } from "./control_client.ts";
import { parseJsonObject } from "./json_view.ts";
import { type ReceivedEvent, receivedEvent } from "./sse_event.ts";
import { SseParser } from "./sse_parser.ts";

/** Longest wait for the stored messages at the start of `/sse`, ms. Ours. */
export const SEED_LIMIT_MS = 10_000;

/**
 * The stored messages that `/sse` begins with (http-api.md 5.2), oldest first. They end where the
 * stream says that it is connected. Without an answer in time there are none: messages matter more.
 */
export async function readSeeds(
  client: ControlClient,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<readonly ReceivedEvent[]> {
  const seeds: ReceivedEvent[] = [];
  let late = false;
  await withAbort(signal, async (own) => {
    const timer = clock.after(SEED_LIMIT_MS, () => {
      late = true;
      own.abort();
    });
    try {
      await collectSeeds(await client.open({ path: "/sse" }, own.signal), seeds);
    } catch (error) {
      if (!late) throw error;
    } finally {
      timer.cancel();
    }
  });
  return seeds;
}

async function collectSeeds(stream: AnswerStream, seeds: ReceivedEvent[]): Promise<void> {
  try {
    const decoder = new TextDecoder();
    let ended = stream.status !== 200;
    const parser = new SseParser({ onComment: () => ended = true });
    while (!ended) {
      const part = await stream.read();
      if (part === undefined) break;
      for (const { data } of parser.push(decoder.decode(part, { stream: true }))) {
        const object = parseJsonObject(data);
        const event = object === undefined ? undefined : receivedEvent(object);
        if (event?.kind === "seed") seeds.push(event);
        else ended = true;
      }
    }
  } finally {
    stream.close();
  }
}

/**
 * Finds the stored messages among the events that tell of them again: the same text, between the same
 * two, in the same second. A message that was stored twice is taken twice.
 */
export class SeedMatcher {
  readonly #left = new Map<string, number>();

  /** Remembers a stored message that was shown. */
  add(seed: ReceivedEvent): void {
    const key = keyOf(seed, seed.ts);
    this.#left.set(key, (this.#left.get(key) ?? 0) + 1);
  }

  /** Whether this event tells of a remembered one, which is forgotten with it. */
  take(event: ReceivedEvent, ts: string): boolean {
    const key = keyOf(event, ts);
    const left = this.#left.get(key) ?? 0;
    if (left === 0) return false;
    this.#left.set(key, left - 1);
    return true;
  }
}

/** A seed has whole seconds and the text as it travelled; own messages name only the other side. */
function keyOf({ direction, from, to, body }: ReceivedEvent, ts: string): string {
  const other = direction === "out" ? to : from;
  const second = ts.slice(0, "2026-09-08T10:00:01".length);
  return JSON.stringify([direction, other, second, unwrapBody(body).text]);
}
