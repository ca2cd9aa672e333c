import { SecretKey } from "#crypto";
import { PublishedFeed, type StoredFeed } from "#cxo";
import { type Clock, systemClock, systemRandom, utf8 } from "#kit";
import { feedPath, feedText } from "./cxo_nodes.ts";
import { processorNow } from "./rounds.ts";

/** Milliseconds of the feed's own time between two messages: superseded Roots are let go of meanwhile. */
const PACE_MS = 30_000;

/** A feed in this process that has so many messages and takes one after the other. */
export class OwnFeed {
  readonly #feed: PublishedFeed;
  readonly #messages: number;
  readonly #now: bigint;
  #ms = 0;
  #added = 0;

  private constructor(messages: number) {
    this.#messages = messages;
    this.#now = systemClock.wall();
    const leaves = new Map(Array.from({ length: messages }, (_, number) =>
      [
        ...[this.#path(number), utf8(feedText(number))],
      ] as [string, Uint8Array]));
    const stored: StoredFeed = { state: undefined, leaves, droppedBefore: "" };
    const clock: Clock = {
      now: () => this.#ms,
      wall: () => this.#now + BigInt(this.#ms) * 1_000_000n,
      // Nobody waits: what is due is published by hand.
      after: () => ({ cancel() {} }),
      sleep: () => Promise.resolve(),
    };
    this.#feed = new PublishedFeed({
      ...{ clock, stored, journal: undefined },
      secret: SecretKey.generate(systemRandom),
      announce: () => {},
      onHostile: () => {},
      onRecovered: () => Promise.resolve(),
    });
  }

  /** Publishes the first Root. */
  static async open(messages: number): Promise<OwnFeed> {
    const feed = new OwnFeed(messages);
    await feed.#feed.flush();
    return feed;
  }

  /** Microseconds of processor time for each of so many messages with a Root of their own. */
  async publish(count: number): Promise<number> {
    for (let warm = 0; warm < count / 4; warm++) await this.#publishOne();
    const started = processorNow();
    for (let number = 0; number < count; number++) await this.#publishOne();
    return (processorNow() - started) * 1_000 / count;
  }

  /** Lets go of it. */
  async close(): Promise<void> {
    await this.#feed.close();
  }

  async #publishOne(): Promise<void> {
    this.#ms += PACE_MS;
    const number = this.#messages + this.#added++;
    this.#feed.put(this.#path(number), utf8(feedText(number)));
    await this.#feed.flush();
  }

  #path(number: number): string {
    return feedPath(number, { of: this.#messages, now: this.#now });
  }
}
