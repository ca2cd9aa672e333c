import type { ControlClient } from "./control_client.ts";
import type { FeedHandlers } from "./event_feed.ts";
import { gapOf } from "./event_gap.ts";
import { numberField, parseJsonObject, textField } from "./json_view.ts";
import type { ListenPrinter, ListenView } from "./listen_printers.ts";
import { readSeeds, SeedMatcher } from "./listen_seeds.ts";
import { SeenEvents } from "./seen_events.ts";
import { identityOfEvent, type ReceivedEvent, receivedEvent } from "./sse_event.ts";
import { numberedEvent, resumableSeq } from "./numbered_event.ts";

/** Events before the newest that a first connection asks for: as many as `/sse` repeats. */
export const LISTEN_BACKLOG = 256;

/**
 * What `listen` reads. An app whose event numbers outlive it (`events_durable` of `/status`) is asked
 * for `/events` after the last number that was printed, so nothing is missed while either of the two is
 * away; before the first such connection the stored messages of `/sse` are shown. Any other app is asked
 * for `/sse`, which repeats what it remembers. Which one it is, is found out at every connection: the
 * app may come back in another way than it went.
 */
export class ListenFeed implements FeedHandlers {
  readonly #view: ListenView;
  readonly #client: ControlClient;
  readonly #printer: ListenPrinter;
  readonly #seen = new SeenEvents();
  readonly #durableSeen = Promise.withResolvers<void>();
  readonly #seeds = new SeedMatcher();
  /** Number of the last event, once it is known; what comes is after it. */
  #cursor: number | undefined;
  /** Newest number at the first connection: what is not after it is backlog. */
  #backlogEnd = 0;
  #numbered = false;
  /** Whether something was shown already that stored messages would repeat. */
  #wasConnected = false;

  constructor(
    view: ListenView,
    { client, printer }: { client: ControlClient; printer: ListenPrinter },
  ) {
    this.#view = view;
    this.#client = client;
    this.#printer = printer;
    const { flags, given } = view.call;
    if (given.has("since")) this.#cursor = flags.since;
  }

  async path(signal: AbortSignal): Promise<string> {
    const newest = await this.#durableNewest(signal);
    this.#numbered = newest !== undefined || this.#view.call.given.has("since");
    if (!this.#numbered) return "/sse";
    this.#durableSeen.resolve();
    if (this.#cursor === undefined) await this.#start(newest ?? 0, signal);
    return `/events?since=${this.#cursor}`;
  }

  connected(): void {
    this.#wasConnected = true;
  }

  event(data: string): void {
    const object = parseJsonObject(data);
    if (object === undefined) return this.#printer.garbage(data);
    if (!this.#numbered) return this.#print(receivedEvent(object));
    const seq = numberField(object, "seq");
    const gap = gapOf(object);
    this.#cursor = resumableSeq(object) ?? this.#cursor;
    if (gap !== undefined) {
      // What is missing of the backlog, nobody asked for.
      if (gap.next - 1 > this.#backlogEnd) this.#printer.gap(gap);
      return;
    }
    const event = numberedEvent(object);
    const isBacklog = seq !== undefined && seq <= this.#backlogEnd;
    if (!isBacklog || !this.#seeds.take(event, textField(object, "ts"))) this.#print(event);
  }

  lost(error: string, delayMs: number): void {
    this.#printer.lost(error, delayMs);
  }

  /** Resolves when delivery statuses do not come with the messages, or when the signal aborts. */
  needsStatuses(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#durableSeen.resolve(), { once: true });
    if (signal.aborted) this.#durableSeen.resolve();
    return this.#durableSeen.promise;
  }

  /** Reads `/sse` for delivery statuses only. Its losses are not told: the other stream's are. */
  statusHandlers(): FeedHandlers {
    return {
      path: () => "/sse",
      lost() {},
      event: (data) => {
        const object = parseJsonObject(data);
        const event = object === undefined ? undefined : receivedEvent(object);
        if (event?.kind === "control") this.#print(event);
      },
    };
  }

  /** The newest event's number if numbers outlive the app; throws when nobody answers. */
  async #durableNewest(signal: AbortSignal): Promise<number | undefined> {
    const { status, body } = await this.#client.ask({ path: "/status" }, { signal });
    const view = status === 200 ? parseJsonObject(body) : undefined;
    return view?.["events_durable"] === true ? numberField(view, "events_seq") : undefined;
  }

  /** The first connection: stored messages, then the newest events, without saying any twice. */
  async #start(newest: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#view.call.io;
    const seeds = this.#wasConnected ? [] : await readSeeds(this.#client, { clock, signal });
    for (const seed of seeds) {
      if (!isWanted(seed, this.#view)) continue;
      this.#seeds.add(seed);
      this.#printer.event(seed);
    }
    this.#backlogEnd = newest;
    this.#cursor = Math.max(0, newest - LISTEN_BACKLOG);
  }

  #print(event: ReceivedEvent): void {
    if (!isWanted(event, this.#view)) return;
    // A new connection repeats what the app still remembers.
    const identity = identityOfEvent(event);
    if (identity === undefined || this.#seen.add(identity)) this.#printer.event(event);
  }
}

function isWanted(event: ReceivedEvent, { call: { flags }, from }: ListenView): boolean {
  const author = event.kind === "control" ? textField(event.view, "peer") : event.from;
  if (from !== "" && author.toLowerCase() !== from) return false;
  return flags.net === "" || event.network === flags.net;
}
