/** Messages of the conversation that are kept in memory; the oldest go first. Ours. */
export const MAX_CHAT_MESSAGES = 2_000;
/** Characters of all these messages together, UTF-16 units; the oldest go first. Ours. */
export const MAX_CHAT_UNITS = 4_194_304;
/** Delivery statuses kept for messages whose id is not known yet. Ours. */
export const MAX_EARLY_STATUSES = 256;

/** How far a message of one's own has come (messages.md 4.7); `none` for those of the peer. */
export type Delivery = "none" | "pending" | "sent" | "received" | "read" | "failed";

/** One message of the conversation. Never changed: a new object takes its place. */
export interface ChatMessage {
  readonly direction: "in" | "out";
  /** Wire id, or one that the app minted; "" when it has none that the peer knows, or none yet. */
  readonly id: string;
  readonly text: string;
  /** RFC 3339; "" when nobody said. */
  readonly time: string;
  /** Whether it is on disk; if so, an id that is missing there is none that the peer knows. */
  readonly stored: boolean;
  readonly delivery: Delivery;
  readonly deleted: boolean;
}

/** A place in the log that survives its changes. */
export type PendingKey = symbol;

/**
 * The conversation with one peer in order, each message once, whatever of history, replay and live
 * events it came from.
 */
export class ChatLog {
  #messages: ChatMessage[] = [];
  readonly #pending = new Map<PendingKey, ChatMessage>();
  readonly #early = new Map<string, string>();

  /** Oldest first. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Puts in stored or replayed messages (oldest first) that are not there yet, each where it belongs. */
  merge(batch: readonly ChatMessage[]): void {
    for (const message of batch) this.#adoptMissed(message);
    // Walks both lists: what is new goes in front of the next one that is known.
    const places = batch.map((message) => this.#indexOf((known) => isSame(known, message)));
    const merged: ChatMessage[] = [];
    let fresh: ChatMessage[] = [];
    let next = 0;
    for (const [index, message] of batch.entries()) {
      const at = places[index] ?? -1;
      if (at < 0) fresh.push(this.#withEarlyStatus(message));
      else this.#tie(at, message);
      if (at < next) continue;
      merged.push(...this.#messages.slice(next, at), ...fresh, ...this.#messages.slice(at, at + 1));
      fresh = [];
      next = at + 1;
    }
    this.#messages = [...merged, ...this.#messages.slice(next), ...fresh];
    this.#trim();
  }

  /** Puts a live message at the end; false when it is there already. */
  add(message: ChatMessage): boolean {
    if (this.#indexOf((known) => isSame(known, message)) >= 0) return false;
    if (message.direction === "out" && this.#adopt(message)) return false;
    this.#messages.push(this.#withEarlyStatus(message));
    this.#trim();
    return true;
  }

  /** Puts a message of one's own at the end that is only about to be sent. */
  addPending(text: string, time: string): PendingKey {
    const message: ChatMessage = { ...OWN, text, time };
    const key = Symbol();
    this.#pending.set(key, message);
    this.#messages.push(message);
    this.#trim();
    return key;
  }

  /** The app has taken the message, under this id ("" when it does not say). */
  sent(key: PendingKey, id: string): void {
    const message = this.#pending.get(key);
    this.#pending.delete(key);
    // Without an entry its event was faster, and has brought the id.
    if (message === undefined) return;
    const twin = id === ""
      ? -1
      : this.#indexOf((known) => known.id === id && known.direction === "out");
    if (twin >= 0) this.#messages = this.#messages.filter((known) => known !== message);
    else this.#replace(message, this.#withEarlyStatus({ ...message, id, delivery: "sent" }));
  }

  /** The app has refused the message, or could not be asked. */
  failed(key: PendingKey): void {
    const message = this.#pending.get(key);
    this.#pending.delete(key);
    if (message !== undefined) this.#replace(message, { ...message, delivery: "failed" });
  }

  /** Takes in a delivery status: `received`, `read` or `deleted`. */
  status(id: string, status: string): void {
    if (id === "") return;
    const wanted = (known: ChatMessage) =>
      known.id === id && (known.direction === "out" || status === "deleted");
    const known = this.#messages.findLast(wanted);
    if (known !== undefined) return this.#replace(known, withStatus(known, status));
    if (!STATUSES.includes(status) || this.#early.get(id) === "read") return;
    this.#early.delete(id);
    this.#early.set(id, status);
    for (const oldest of this.#early.keys()) {
      if (this.#early.size <= MAX_EARLY_STATUSES) break;
      this.#early.delete(oldest);
    }
  }

  /** A message of one's own that was on its way when the app was lost. */
  #adoptMissed(message: ChatMessage): void {
    if (message.direction !== "out" || message.id === "") return;
    if (this.#indexOf((known) => isSame(known, message)) < 0) this.#adopt(message);
  }

  /** Adds to a known message what this one tells about it. */
  #tie(index: number, message: ChatMessage): void {
    const known = this.#messages[index];
    if (known === undefined) return;
    const onDisk = [known, message].find(({ stored }) => stored);
    this.#replace(known, {
      ...known,
      id: onDisk?.id ?? (known.id || message.id),
      stored: onDisk !== undefined,
      time: onDisk?.time || known.time || message.time,
    });
  }

  /** A message of one's own may come back as an event before the app has answered. */
  #adopt(message: ChatMessage): boolean {
    for (const [key, pending] of this.#pending) {
      if (pending.text !== message.text) continue;
      this.#pending.delete(key);
      const adopted = {
        ...pending,
        id: message.id,
        time: message.time || pending.time,
        stored: message.stored,
        delivery: "sent",
      } as const;
      this.#replace(pending, this.#withEarlyStatus(adopted));
      return true;
    }
    return false;
  }

  #withEarlyStatus(message: ChatMessage): ChatMessage {
    const status = message.direction === "out" ? this.#early.get(message.id) : undefined;
    if (status === undefined) return message;
    this.#early.delete(message.id);
    return withStatus(message, status);
  }

  #indexOf(wanted: (known: ChatMessage) => boolean): number {
    return this.#messages.findLastIndex(wanted);
  }

  #replace(known: ChatMessage, next: ChatMessage): void {
    const index = this.#messages.lastIndexOf(known);
    if (index >= 0) this.#messages[index] = next;
  }

  #trim(): void {
    let units = 0;
    // The newest stays whatever its size: somebody waits for it.
    const last = this.#messages.findLastIndex((message, index) => {
      units += unitsOf(message);
      return units > MAX_CHAT_UNITS && index < this.#messages.length - 1;
    });
    const surplus = Math.max(this.#messages.length - MAX_CHAT_MESSAGES, last + 1);
    if (surplus > 0) this.#messages.splice(0, surplus);
  }
}

/** The delivery statuses that there are (messages.md 4.7). */
const STATUSES: readonly string[] = ["received", "read", "deleted"];

function unitsOf({ id, text, time }: ChatMessage): number {
  return id.length + text.length + time.length;
}

const OWN = {
  direction: "out",
  id: "",
  stored: false,
  delivery: "pending",
  deleted: false,
} as const;

/**
 * Whether two are one message: by the id where both have one, though it is only unique for its sender
 * and its bodies may differ (messages.md 6.1); by the exact time where one was stored without an id.
 */
function isSame(known: ChatMessage, message: ChatMessage): boolean {
  if (known.direction !== message.direction || known.text !== message.text) return false;
  if (known.id !== "" && message.id !== "") return known.id === message.id;
  return (isNameless(known) || isNameless(message)) && known.time === message.time;
}

function isNameless({ id, stored }: ChatMessage): boolean {
  return stored && id === "";
}

/** A status only ever goes forward: receipts may come in any order. */
function withStatus(message: ChatMessage, status: string): ChatMessage {
  if (status === "deleted") return { ...message, deleted: true };
  if (status === "read") return { ...message, delivery: "read" };
  if (status !== "received" || message.delivery === "read") return message;
  return { ...message, delivery: "received" };
}
