import type { Clock, Timer } from "#kit";
import type { ChatLink } from "./chat_link.ts";
import { MAX_EARLY_BYTES, MESH_EARLY_MS } from "./mesh_limits.ts";
import { isNobodyThere } from "./mesh_networks.ts";

interface Early {
  readonly timer: Timer;
  readonly frames: Uint8Array[];
  bytes: number;
}

/**
 * What was written on new skynet connections before anything was read from them. A dial to a peer where
 * nobody listens succeeds, writing works, and only then an answer says that nobody was there (visor.md 6.3):
 * what was written cannot have reached anybody, so that sending it again makes no repetition.
 */
export class EarlyWrites {
  readonly #clock: Clock;
  readonly #onLost: (link: ChatLink, lost: { frames: Uint8Array[]; reason: string }) => void;
  readonly #links = new Map<ChatLink, Early>();
  /** Why those that were watched to their end led nowhere. */
  readonly #nowhere = new WeakMap<ChatLink, string>();

  /** `onLost` is told when a connection turns out to lead nowhere; there may be no frames. */
  constructor(
    clock: Clock,
    onLost: (link: ChatLink, lost: { frames: Uint8Array[]; reason: string }) => void,
  ) {
    this.#clock = clock;
    this.#onLost = onLost;
  }

  /** Watches a connection from now on, until something is read from it or a time has passed. */
  watch(link: ChatLink): void {
    const timer = this.#clock.after(MESH_EARLY_MS, () => this.heard(link));
    this.#links.set(link, { timer, frames: [], bytes: 0 });
    void link.closed.then(({ message }) => {
      const early = this.#links.get(link);
      this.heard(link);
      if (early === undefined || !isNobodyThere(link, message)) return;
      this.#nowhere.set(link, message);
      this.#onLost(link, { frames: early.frames, reason: message });
    });
  }

  /** Something was read: the peer is there. */
  heard(link: ChatLink): void {
    this.#links.get(link)?.timer.cancel();
    this.#links.delete(link);
  }

  /** A frame was written. What is too much to be kept is lost if nobody is there. */
  wrote(link: ChatLink, frame: Uint8Array): void {
    const reason = this.#nowhere.get(link);
    // The visor took it and said at the same time that nobody was there.
    if (reason !== undefined) return this.#onLost(link, { frames: [frame], reason });
    const early = this.#links.get(link);
    if (early === undefined || early.bytes + frame.length > MAX_EARLY_BYTES) return;
    early.frames.push(frame);
    early.bytes += frame.length;
  }
}
