import { Backoff, CodedError, errorText } from "#kit";
import { SecureSession } from "#session";
import {
  AcceptGate,
  type AcceptLimits,
  DEFAULT_ACCEPT_LIMITS,
  type HandshakeSlot,
  type Refusal,
} from "./accept_gate.ts";
import { AcceptLog } from "./accept_log.ts";
import { type ByteStream, NetworkError, type StreamListener } from "./byte_stream.ts";
import { HANDSHAKE_LIMIT_MS, HandshakeError, runHandshake } from "./handshake.ts";
import { Link } from "./link.ts";
import { LinkCrowd } from "./link_crowd.ts";
import type { LinkContext } from "./link_context.ts";
import type { Whitelist } from "./whitelist.ts";

/** First wait after accept failed, in milliseconds; it doubles. */
export const ACCEPT_BACKOFF_FIRST_MS = 10;
/** Longest wait after accept failed, in milliseconds. */
export const ACCEPT_BACKOFF_MOST_MS = 1_000;

/** The address cannot be listened on: `tcp-listen <addr>: <cause>` where nothing else was asked for. */
export class ListenError extends CodedError {}

const COUNTER_OF = {
  rate: "refused_rate",
  crowd: "refused_full",
  slots: "refused_slots",
  full: "refused_full",
} as const satisfies Record<Refusal, keyof AcceptorStats>;

/** What a listener is made of. */
export interface AcceptorOptions {
  /** Where to listen; the empty host is every interface. */
  readonly address: { readonly host: string; readonly port: number };
  /** The address as the operator wrote it, for the error text. */
  readonly label: string;
  /** Who is welcome once authenticated. */
  readonly whitelist: Whitelist;
  /** Serves the link to its end; whatever remains of the link is closed when this settles. */
  readonly onLink: (link: Link) => Promise<unknown>;
  /** Limits that differ from {@link DEFAULT_ACCEPT_LIMITS}. */
  readonly limits?: Partial<AcceptLimits>;
  /** XK for tcp-direct (the default), XX for CXO feeds. */
  readonly pattern?: "XK" | "XX";
  /** The name of the listener in its log lines; default `tcp-direct`. */
  readonly name?: string;
  /** Time for one handshake in milliseconds; default {@link HANDSHAKE_LIMIT_MS}. */
  readonly handshakeLimitMs?: number;
  /** The text of a {@link ListenError}; default `tcp-listen <label>: <cause>` (messages.md 8.1). */
  readonly listenError?: (cause: string) => string;
}

/** What a log line says of a failed handshake, before the cause (noise.md 8.2, cxo.md 13). */
const HANDSHAKE_TEXTS = { XK: "tcpnoise: handshake", XX: "cxo-tcp noise handshake" } as const;

/** What a listener has seen since it started, and what it has now. */
export interface AcceptorStats {
  /** Handshakes that succeeded and passed the whitelist. */
  readonly ok: number;
  /** Handshakes that failed for another reason than time. */
  readonly failed: number;
  /** Handshakes that took too long. */
  readonly timeout: number;
  /** Connections closed before the handshake: too many from one source in a short time. */
  readonly refused_rate: number;
  /** Connections closed before or in the handshake: no place for it. */
  readonly refused_slots: number;
  /** Connections closed before the handshake: all connections taken, or all of their source. */
  readonly refused_full: number;
  /** Handshakes that succeeded with a key that is not on the whitelist. */
  readonly rejected_whitelist: number;
  /** Handshakes now. */
  readonly in_progress: number;
  /** Links now, those included that the system has not let go of yet. */
  readonly live: number;
}

/**
 * Listens and turns connections into links: limits, handshake, whitelist (messages.md 8.1).
 *
 * Nothing that a stranger does ends the listener or waits in the way of the next connection. Links
 * belong to `onLink` once it has them; {@link close} leaves them alone.
 */
export class Acceptor {
  readonly #context: LinkContext;
  readonly #options: AcceptorOptions;
  readonly #pattern: "XK" | "XX";
  readonly #gate: AcceptGate;
  readonly #log: AcceptLog;
  readonly #crowd = new LinkCrowd();
  readonly #stop = new AbortController();
  readonly #handshakes = new Set<Promise<void>>();
  readonly #counts = {
    ok: 0,
    failed: 0,
    timeout: 0,
    refused_rate: 0,
    refused_slots: 0,
    refused_full: 0,
    rejected_whitelist: 0,
  };
  #live = 0;
  #listener: StreamListener | undefined;

  /** Listens to nothing yet: see {@link listen}. */
  constructor(context: LinkContext, options: AcceptorOptions) {
    this.#context = context;
    this.#options = options;
    const limits = { ...DEFAULT_ACCEPT_LIMITS, ...options.limits };
    this.#gate = new AcceptGate({ clock: context.clock, limits });
    this.#pattern = options.pattern ?? "XK";
    this.#log = new AcceptLog(context, {
      name: options.name ?? "tcp-direct",
      handshake: HANDSHAKE_TEXTS[this.#pattern],
    });
  }

  /** Counters since the start and the state of this moment, ready for JSON. */
  get stats(): AcceptorStats {
    return { ...this.#counts, in_progress: this.#gate.inProgress, live: this.#live };
  }

  /**
   * Binds.
   *
   * @returns the address really bound, such as `[::]:8801`.
   * @throws {ListenError} with the code of the network's failure.
   */
  listen(): string {
    const { address: { host, port }, label } = this.#options;
    const text = this.#options.listenError ?? ((cause) => `tcp-listen ${label}: ${cause}`);
    try {
      this.#listener = this.#context.network.listen(host, port);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      throw new ListenError(error.code, text(error.message), { cause: error });
    }
    return this.#listener.address;
  }

  /** Accepts until {@link close}; resolves when the handshakes under way have ended too. */
  async run(): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) throw new TypeError("Cannot accept: listen first");
    const { signal } = this.#stop;
    const backoff = new Backoff({ first: ACCEPT_BACKOFF_FIRST_MS, most: ACCEPT_BACKOFF_MOST_MS });
    while (!signal.aborted) {
      try {
        this.#admit(await listener.accept());
        backoff.reset();
      } catch (error) {
        if (signal.aborted) break;
        // A machine out of descriptors, a peer gone in the queue: the next one may be fine.
        this.#log.acceptError(errorText(error));
        if (error instanceof NetworkError && error.code === "exhausted") this.#shed();
        await this.#context.clock.sleep(backoff.next(), signal);
      }
    }
    await Promise.all(this.#handshakes);
    this.#log.flush();
  }

  /** Stops listening and ends handshakes under way. Links live on: they are `onLink`'s. */
  close(): void {
    this.#stop.abort();
    this.#listener?.close();
  }

  /** Gives back a descriptor: whoever has most links loses one, so that others can be served. */
  #shed(): void {
    const link = this.#crowd.shed();
    if (link !== undefined) this.#log.shed(link.remoteAddress);
  }

  #admit(stream: ByteStream): void {
    if (this.#stop.signal.aborted) return stream.close();
    const handshake = new AbortController();
    const slot = this.#gate.enter(stream.remoteAddress, {
      live: this.#live,
      liveFrom: (source) => this.#crowd.from(source),
      evict: () => handshake.abort(),
    });
    if (typeof slot === "string") {
      this.#counts[COUNTER_OF[slot]]++;
      this.#log.refused(stream.remoteAddress, slot);
      return stream.close();
    }
    const stop = () => handshake.abort();
    this.#stop.signal.addEventListener("abort", stop);
    const done = this.#shakeHands(stream, { slot, signal: handshake.signal }).finally(() => {
      this.#handshakes.delete(done);
      this.#stop.signal.removeEventListener("abort", stop);
    });
    this.#handshakes.add(done);
  }

  async #shakeHands(
    stream: ByteStream,
    { slot, signal }: { slot: HandshakeSlot; signal: AbortSignal },
  ): Promise<void> {
    const { clock, local, random, requirePostQuantum } = this.#context;
    const limitMs = this.#options.handshakeLimitMs ?? HANDSHAKE_LIMIT_MS;
    const session = new SecureSession({
      role: "responder",
      pattern: this.#pattern,
      local,
      random,
      requirePostQuantum,
    });
    try {
      const done = await runHandshake({ stream, session }, { clock, signal, limitMs });
      this.#gate.leave(slot);
      const link = new Link({ ...done, stream, session, direction: "in", clock });
      this.#welcome(link, slot.source);
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      this.#countFailure(error, { slot, remoteAddress: stream.remoteAddress });
    } finally {
      this.#gate.leave(slot);
    }
  }

  #countFailure(
    error: HandshakeError,
    { slot, remoteAddress }: { slot: HandshakeSlot; remoteAddress: string },
  ): void {
    if (slot.evicted) {
      this.#counts.refused_slots++;
      return this.#log.refused(remoteAddress, "slots");
    }
    if (this.#stop.signal.aborted) return;
    this.#counts[error.code === "handshake-timeout" ? "timeout" : "failed"]++;
    this.#log.handshakeFailed(remoteAddress, error.message);
  }

  #welcome(link: Link, source: string): void {
    const peer = link.peer.hex;
    if (!this.#options.whitelist.allows(link.peer)) {
      this.#counts.rejected_whitelist++;
      this.#log.rejected(peer);
      return link.close("not on whitelist");
    }
    this.#counts.ok++;
    this.#log.accepted(peer, link.remoteAddress);
    void this.#serve(link, source);
  }

  async #serve(link: Link, source: string): Promise<void> {
    this.#live++;
    this.#crowd.add(source, link);
    try {
      await this.#options.onLink(link);
    } catch (error) {
      this.#log.linkFailed(link.peer.hex, errorText(error));
    } finally {
      link.close();
      // A peer that never reads must not hold more connections than it is counted for.
      await link.released;
      this.#live--;
      this.#crowd.remove(source, link);
    }
  }
}
