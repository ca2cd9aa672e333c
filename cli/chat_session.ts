import type { Timer } from "#kit";
import { LineEditor } from "./chat_editor.ts";
import { ChatFeed, type ChatPeer } from "./chat_feed.ts";
import { type Key, KeyDecoder, type KeyName } from "./chat_keys.ts";
import { ChatLog, type ChatMessage } from "./chat_log.ts";
import { ChatScreen } from "./chat_screen.ts";
import { ChatSender } from "./chat_sender.ts";
import {
  chatFrame,
  type ChatState,
  historyHeight,
  messageHeight,
  type ViewStyle,
} from "./chat_view.ts";

/** How long a lone Esc waits for the rest of a sequence, ms. Ours: slow links cut sequences. */
export const ESCAPE_WAIT_MS = 50;
/** How long leaving waits for messages on their way to the app, ms. Ours. */
export const LEAVE_WAIT_MS = 3_000;

/** What a chat is started with. */
export interface ChatSetting {
  readonly peer: ChatPeer;
  readonly network: string;
  /** The peer's name beside its messages. */
  readonly name: string;
  /** The peer in the title. */
  readonly title: string;
  readonly style: ViewStyle;
}

/** One chat on the terminal: keys in, frames out, until the user leaves. */
export class ChatSession {
  readonly #setting: ChatSetting;
  readonly #log = new ChatLog();
  readonly #editor = new LineEditor();
  readonly #keys = new KeyDecoder();
  readonly #screen: ChatScreen;
  readonly #feed: ChatFeed;
  readonly #sender: ChatSender;
  readonly #stop = new AbortController();
  readonly #left = Promise.withResolvers<void>();
  readonly #undo: (() => void)[] = [];
  #connection: string;
  #trouble = "";
  #scroll = 0;
  #unseen = 0;
  #paintTimer: Timer | undefined;
  #escapeTimer: Timer | undefined;

  constructor(setting: ChatSetting) {
    const { peer, network } = setting;
    this.#setting = setting;
    this.#connection = `connecting to ${peer.client.target.shown}`;
    this.#screen = new ChatScreen((text) => peer.io.output.stdout.write(text));
    const changed = () => this.#changed();
    this.#feed = new ChatFeed(peer, {
      log: this.#log,
      handlers: {
        caughtUp: changed,
        changed,
        arrived: (message) => this.#arrived(message),
        connection: (notice) => {
          this.#connection = notice;
          changed();
        },
      },
    });
    this.#sender = new ChatSender(peer, {
      network,
      log: this.#log,
      handlers: {
        changed,
        trouble: (notice) => this.#trouble = notice,
      },
    });
  }

  /** Runs until Esc, Ctrl-C, a signal or the end of the keyboard; the terminal is as before then. */
  async run(): Promise<void> {
    const { io } = this.#setting.peer;
    const interrupt = io.interrupt();
    const leave = () => this.#leave();
    interrupt.addEventListener("abort", leave);
    this.#undo.push(() => interrupt.removeEventListener("abort", leave));
    this.#undo.push(io.terminal.onCrash(() => this.#restore()));
    this.#undo.push(io.terminal.onResize(() => this.#changed()));
    try {
      io.terminal.setRaw(true);
      this.#screen.enter();
      this.#paint();
      const follow = this.#feed.follow(this.#stop.signal);
      follow.catch((error) => this.#fail(error));
      this.#readKeys().catch((error) => this.#fail(error));
      if (interrupt.aborted) leave();
      await this.#left.promise;
      await follow;
    } finally {
      this.#restore();
    }
    await this.#finishSending();
  }

  /** Gives the terminal back at once, whatever else is still going on. */
  #restore(): void {
    const { io } = this.#setting.peer;
    this.#paintTimer?.cancel();
    this.#escapeTimer?.cancel();
    for (const undo of this.#undo.splice(0)) undo();
    for (const step of [() => this.#screen.leave(), () => io.terminal.setRaw(false)]) {
      try {
        step();
      } catch {
        // The terminal is gone, and there is nothing left to restore.
      }
    }
  }

  #leave(): void {
    this.#restore();
    this.#stop.abort();
    this.#left.resolve();
  }

  #fail(error: unknown): void {
    this.#restore();
    this.#stop.abort();
    this.#left.reject(error);
  }

  /** What was sent just before leaving still goes out; otherwise the user learns that it did not. */
  async #finishSending(): Promise<void> {
    const { io } = this.#setting.peer;
    const patience = new AbortController();
    const limit = io.clock.sleep(LEAVE_WAIT_MS, patience.signal);
    await Promise.race([this.#sender.idle(), limit]);
    patience.abort();
    const { unsent } = this.#sender;
    if (unsent === 0) return;
    io.output.note(`skychat chat: ${unsent} message(s) not sent, or not known to be sent`);
  }

  async #readKeys(): Promise<void> {
    const { terminal, clock } = this.#setting.peer.io;
    while (!this.#stop.signal.aborted) {
      const bytes = await terminal.read();
      if (this.#stop.signal.aborted) return;
      if (bytes === undefined) return this.#leave();
      this.#escapeTimer?.cancel();
      this.#press(this.#keys.push(bytes));
      if (!this.#keys.waiting || this.#stop.signal.aborted) continue;
      this.#escapeTimer = clock.after(ESCAPE_WAIT_MS, () => this.#press(this.#keys.flush()));
    }
  }

  #press(keys: readonly Key[]): void {
    for (const key of keys) {
      if (this.#stop.signal.aborted) return;
      if (key.kind === "key") this.#pressNamed(key.name);
      else if (!this.#editor.insert(key.text)) this.#trouble = "the message is too long";
    }
    this.#changed();
  }

  #pressNamed(name: KeyName): void {
    const page = Math.max(1, historyHeight(this.#setting.peer.io.terminal.size().rows) - 1);
    switch (name) {
      case "escape":
      case "interrupt":
        return this.#leave();
      case "enter":
        return this.#submit();
      case "redraw":
        return this.#screen.forget();
      case "up":
      case "down":
        return this.#scrollBy(name === "up" ? 1 : -1);
      case "page-up":
      case "page-down":
        return this.#scrollBy(name === "page-up" ? page : -page);
      default:
        this.#editor.press(name);
    }
  }

  #submit(): void {
    if (this.#editor.text.trim() === "") return;
    if (!this.#sender.ready) {
      this.#trouble = "too many messages wait for the app; try again";
      return;
    }
    this.#sender.send(this.#editor.take());
    this.#scroll = 0;
    this.#unseen = 0;
  }

  #scrollBy(rows: number): void {
    this.#scroll = Math.max(0, this.#scroll + rows);
    if (this.#scroll === 0) this.#unseen = 0;
  }

  /** Keeps what is being read where it is when something comes in below. */
  #arrived(message: ChatMessage): void {
    if (this.#scroll > 0) {
      const { peer, name } = this.#setting;
      this.#scroll += messageHeight(message, peer.io.terminal.size().columns, name);
      this.#unseen++;
    }
    this.#changed();
  }

  /** Paints once for everything that happens at once. */
  #changed(): void {
    if (this.#stop.signal.aborted) return;
    this.#paintTimer ??= this.#setting.peer.io.clock.after(0, () => {
      this.#paintTimer = undefined;
      try {
        this.#paint();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #paint(): void {
    const { peer, style } = this.#setting;
    const size = peer.io.terminal.size();
    const frame = chatFrame(this.#state(), size, style);
    this.#scroll = frame.scroll;
    this.#screen.show(frame, size);
    if (this.#feed.caughtUp) {
      this.#sender.reportRead(frame.visible, this.#stop.signal);
    }
  }

  #state(): ChatState {
    const { title, name } = this.#setting;
    return {
      title,
      peerName: name,
      messages: this.#log.messages,
      scroll: this.#scroll,
      unseen: this.#unseen,
      notice: this.#connection || this.#trouble,
      input: this.#editor.clusters,
      cursor: this.#editor.cursor,
    };
  }
}
