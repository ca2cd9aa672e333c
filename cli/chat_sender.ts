import { errorText, rfc3339 } from "#kit";
import type { ChatPeer } from "./chat_feed.ts";
import type { ChatLog, ChatMessage, PendingKey } from "./chat_log.ts";
import { AnswerTimeout, refusal } from "./control_client.ts";
import { parseJsonObject, textField } from "./json_view.ts";
import { NO_WAIT_LIMIT_MS } from "./send_app.ts";

/** Messages that may wait for the app to take them. Ours. */
export const MAX_WAITING_SENDS = 64;
/** Ids in one report of what has been read (http-api.md 4.9). */
export const MAX_READ_IDS = 256;
/** Ids remembered as reported. Ours: twice what is kept of the conversation. */
export const MAX_REPORTED_IDS = 4_096;

/** What the sender tells the screen. */
export interface ChatSenderHandlers {
  /** A message got further, or failed. */
  changed(): void;
  /** Why a message was not sent; "" once one was. */
  trouble(notice: string): void;
}

/** Hands messages and read receipts to the app, messages one after the other. */
export class ChatSender {
  readonly #peer: ChatPeer;
  readonly #network: string;
  readonly #log: ChatLog;
  readonly #handlers: ChatSenderHandlers;
  readonly #reported = new Set<string>();
  #queue: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failed = 0;
  #reporting = false;

  constructor(
    peer: ChatPeer,
    options: { network: string; log: ChatLog; handlers: ChatSenderHandlers },
  ) {
    this.#peer = peer;
    this.#network = options.network;
    this.#log = options.log;
    this.#handlers = options.handlers;
  }

  /** Whether one more message may be sent now. */
  get ready(): boolean {
    return this.#waiting < MAX_WAITING_SENDS;
  }

  /** Messages that were not sent, or of which that is not known. */
  get unsent(): number {
    return this.#failed + this.#waiting;
  }

  /** Sends a message after those before it. */
  send(text: string): void {
    const key = this.#log.addPending(text, rfc3339(this.#peer.io.clock.wall()));
    this.#waiting++;
    this.#queue = this.#queue.then(() => this.#post(key, text));
  }

  /** Resolves when nothing waits to be sent. */
  idle(): Promise<void> {
    return this.#queue;
  }

  /** Tells the peer which of its messages were on the screen, each once. */
  async reportRead(messages: readonly ChatMessage[], signal: AbortSignal): Promise<void> {
    const ids = messages.filter(({ direction, id }) => direction === "in" && id !== "")
      .map(({ id }) => id).filter((id) => !this.#reported.has(id)).slice(0, MAX_READ_IDS);
    if (ids.length === 0 || this.#reporting) return;
    this.#reporting = true;
    for (const id of ids) this.#remember(id);
    const { client, key } = this.#peer;
    const json = JSON.stringify({ pk: key, ids });
    try {
      await client.ask({ path: "/read-receipt", json }, { signal });
      // What came into sight meanwhile has its turn at the next frame.
      this.#handlers.changed();
    } catch {
      // Best effort, but the app may be back at the next frame.
      for (const id of ids) this.#reported.delete(id);
    } finally {
      this.#reporting = false;
    }
  }

  #remember(id: string): void {
    this.#reported.add(id);
    for (const oldest of this.#reported) {
      if (this.#reported.size <= MAX_REPORTED_IDS) break;
      this.#reported.delete(oldest);
    }
  }

  async #post(key: PendingKey, text: string): Promise<void> {
    const { client, key: recipient } = this.#peer;
    const request = { recipient, message: text, network: this.#network, receipts: true };
    try {
      const json = JSON.stringify(request);
      const answer = await client.ask({ path: "/message", json }, { limitMs: NO_WAIT_LIMIT_MS });
      if (answer.status !== 200) throw refusal(answer);
      this.#log.sent(key, textField(parseJsonObject(answer.body) ?? {}, "id"));
      this.#handlers.trouble("");
    } catch (error) {
      this.#failed++;
      this.#log.failed(key);
      const late = error instanceof AnswerTimeout;
      this.#handlers.trouble(
        late ? "no answer: the message may be out" : `not sent: ${errorText(error)}`,
      );
    } finally {
      this.#waiting--;
      this.#handlers.changed();
    }
  }
}
