import { errorText, formatDuration, rfc3339, utf8, utf8Text } from "#kit";
import type { ChatLog, ChatMessage } from "./chat_log.ts";
import { type ControlClient, refusal } from "./control_client.ts";
import { type FeedHandlers, followFeed } from "./event_feed.ts";
import type { CliIo } from "./io.ts";
import { type JsonView, parseJsonObject, textField } from "./json_view.ts";
import { receivedEvent } from "./sse_event.ts";

/** Stored messages asked for at each connection. Ours. */
export const HISTORY_MESSAGES = 200;
/** Largest answer with them, bytes. Ours: room for as many messages of the largest size. */
export const MAX_CHAT_HISTORY_BYTES = 16_777_216;
/** Events kept while the stored messages are on their way. Ours; the replay has 256 (http-api.md 5.4). */
export const MAX_WAITING_EVENTS = 1_024;

/** Characters of these events together, as they came, UTF-16 units; the oldest is dropped. Ours. */
export const MAX_WAITING_UNITS = 4_194_304;
/** Events after which keys and the screen have their turn. Ours. */
export const EVENTS_PER_TURN = 64;
/** Most of a message that is kept, UTF-16 units: none is longer (messages.md 1). */
export const MAX_TEXT_UNITS = 65_536;
/** Longest id or time that is believed, UTF-16 units. Ours: real ones have at most 35. */
export const MAX_WORD_UNITS = 256;

/** What the feed tells the screen. */
export interface ChatFeedHandlers {
  /** The log was changed by what was missed: at the start, and after the app was lost. */
  caughtUp(): void;
  /** A live message was put at the end of the log. */
  arrived(message: ChatMessage): void;
  /** Something else in the log has changed. */
  changed(): void;
  /** The state of the connection: a text to show, "" when all is well. */
  connection(notice: string): void;
}

/** Who the conversation is with. */
export interface ChatPeer {
  /** 66 lower-case hex digits. */
  readonly key: string;
  readonly client: ControlClient;
  readonly io: CliIo;
}

/**
 * Fills the log from `/sse` and, when the app keeps history, from `/history`. The stream is opened
 * first, so that nothing falls between the two; after a lost connection both are read again.
 */
export class ChatFeed {
  readonly #peer: ChatPeer;
  readonly #log: ChatLog;
  readonly #handlers: ChatFeedHandlers;
  /** Events that wait for the history of this connection; undefined when it has been read. */
  #waiting: WaitingEvent[] | undefined;
  /** Counts connections, so that a late answer of an earlier one is dropped. */
  #connection = 0;

  constructor(peer: ChatPeer, { log, handlers }: { log: ChatLog; handlers: ChatFeedHandlers }) {
    this.#peer = peer;
    this.#log = log;
    this.#handlers = handlers;
  }

  /** Whether the app is there and all that was missed has been read. */
  get caughtUp(): boolean {
    return this.#connection > 0 && this.#waiting === undefined;
  }

  /** Follows the conversation until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { client, io } = this.#peer;
    this.#waiting = [];
    const handlers: FeedHandlers = {
      eventsPerTurn: EVENTS_PER_TURN,
      path: () => "/sse",
      connected: () => void this.#catchUp(signal),
      event: (data) => this.#event(data),
      lost: (error, delayMs) => {
        this.#connection++;
        this.#waiting = [];
        const delay = formatDuration(delayMs);
        this.#handlers.connection(`app lost: ${error} (reconnecting in ${delay})`);
      },
    };
    await followFeed(client, handlers, { io, signal });
  }

  #event(data: string): void {
    const view = parseJsonObject(data);
    if (view === undefined) return;
    if (this.#waiting === undefined) return this.#live(view);
    this.#waiting.push({ view, units: data.length });
    let units = this.#waiting.reduce((sum, event) => sum + event.units, 0);
    while (this.#waiting.length > MAX_WAITING_EVENTS || units > MAX_WAITING_UNITS) {
      units -= this.#waiting.shift()?.units ?? 0;
    }
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    const connection = ++this.#connection;
    this.#waiting = [];
    const { records, notice } = await this.#readHistory(signal);
    if (signal.aborted || connection !== this.#connection) return;
    const missed = (this.#waiting ?? []).map(({ view }) => view);
    this.#waiting = undefined;
    this.#log.merge(records);
    // Replayed events of the deployed app do not say when they were.
    this.#log.merge(missed.flatMap((view) => this.#messageOf(view, "") ?? []));
    for (const view of missed) this.#status(view);
    this.#handlers.connection(notice);
    this.#handlers.caughtUp();
  }

  #live(view: JsonView): void {
    if (this.#status(view)) return this.#handlers.changed();
    const message = this.#messageOf(view, rfc3339(this.#peer.io.clock.wall()));
    if (message === undefined) return;
    if (this.#log.add(message)) this.#handlers.arrived(message);
    else this.#handlers.changed();
  }

  /** Takes a delivery status in; false when the event is none of this conversation. */
  #status(view: JsonView): boolean {
    const wanted = textField(view, "channel") === "dm-status" &&
      textField(view, "peer").toLowerCase() === this.#peer.key;
    if (wanted) this.#log.status(wordOf(textField(view, "id")), textField(view, "status"));
    return wanted;
  }

  /** The message of this conversation that an event is. Seeds are left to `/history`, which has more. */
  #messageOf(view: JsonView, now: string): ChatMessage | undefined {
    const event = receivedEvent(view);
    const { direction } = event;
    if (event.kind !== "message" || direction === "") return undefined;
    const other = direction === "in" ? event.from : event.to;
    if (other.toLowerCase() !== this.#peer.key) return undefined;
    return {
      direction,
      id: wordOf(event.id),
      text: boundedText(event.body),
      time: wordOf(textField(view, "ts")) || now,
      stored: false,
      delivery: direction === "in" ? "none" : "sent",
      deleted: false,
    };
  }

  async #readHistory(
    signal: AbortSignal,
  ): Promise<{ records: readonly ChatMessage[]; notice: string }> {
    const { client, key } = this.#peer;
    const path = `/history?peer=${key}&limit=${HISTORY_MESSAGES}`;
    try {
      const answer = await client.ask({ path }, { signal, maxBytes: MAX_CHAT_HISTORY_BYTES });
      // 503: the app keeps no history, which is nothing to complain about.
      if (answer.status === 503) return { records: [], notice: "" };
      if (answer.status !== 200) throw refusal(answer);
      return { records: storedMessages(answer.body, key), notice: "" };
    } catch (error) {
      return { records: [], notice: `history not read: ${errorText(error)}` };
    }
  }
}

/** An event, and how long its data was. */
interface WaitingEvent {
  readonly view: JsonView;
  readonly units: number;
}

/** An id or a time; "" when it is too long to be one. */
function wordOf(text: string): string {
  return text.length <= MAX_WORD_UNITS ? text : "";
}

/** As much of a text as can be a message, and a copy: a part alone would keep the whole in memory. */
function boundedText(text: string): string {
  return text.length <= MAX_TEXT_UNITS ? text : utf8Text(utf8(text.slice(0, MAX_TEXT_UNITS)));
}

/**
 * The records of this conversation in the answer of `/history`, no more than were asked for; what is
 * no record is skipped.
 */
function storedMessages(body: string, key: string): ChatMessage[] {
  const list = parseJsonObject(`{"records":${body}}`)?.["records"];
  if (!Array.isArray(list)) return [];
  return list.slice(-HISTORY_MESSAGES).flatMap((value: unknown) => {
    if (typeof value !== "object" || value === null) return [];
    const view = value as JsonView;
    if (textField(view, "peer").toLowerCase() !== key) return [];
    const own = view["outgoing"] === true;
    return [
      {
        direction: own ? "out" : "in",
        id: wordOf(textField(view, "id")),
        text: boundedText(textField(view, "text")),
        time: wordOf(textField(view, "timestamp")),
        stored: true,
        delivery: own ? "sent" : "none",
        deleted: false,
      } as const,
    ];
  });
}
