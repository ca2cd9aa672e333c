import { type Clock, errorText, type Log, quoteForLog } from "#kit";
import { FLOOD_LINES, FloodLog } from "#net";
import { isVisorGone } from "./mesh_end.ts";
import type { MeshLink, MeshNetwork } from "./mesh_link.ts";
import type { MeshLinks } from "./mesh_links.ts";
import type { AcceptedConn, VisorCalls } from "./visor_calls.ts";
import { VisorError } from "./visor_error.ts";

/**
 * Connections in a row that the visor hands over wrongly, without a key that is one or with a number that is
 * taken, after which a listener ends (ours).
 */
export const MAX_BAD_ACCEPTS = 16;

/** What a listener is made of. */
export interface MeshListenerOptions {
  readonly calls: VisorCalls;
  readonly clock: Clock;
  readonly log: Log;
  /** Where new connections belong. */
  readonly links: MeshLinks;
  /** What it listens on. */
  readonly network: MeshNetwork;
  /** The visor's number of the listener, which is bound. */
  readonly listenerId: number;
  /** Serves the link to its end; whatever remains of the link is closed when this settles. */
  readonly onLink: (link: MeshLink) => Promise<unknown>;
}

/** Accepts the connections that peers open on one port of one network, one `Accept` at a time. */
export class MeshListener {
  /** What it listens on. */
  readonly network: MeshNetwork;
  readonly #options: MeshListenerOptions;
  readonly #refusals: FloodLog;
  #open = true;
  #badAccepts = 0;
  #failure: string | undefined;
  #closed: Promise<void> | undefined;

  /** Accepts nothing yet: see {@link run}. */
  constructor(options: MeshListenerOptions) {
    const { clock, log, network } = options;
    this.#options = options;
    this.network = network;
    this.#refusals = new FloodLog({
      clock,
      write: (line) => log.warn(line),
      lines: FLOOD_LINES,
      summary: (count) => `skychat: visor ${network}: ${count} more connections refused`,
    });
  }

  /** Whether it still accepts. */
  get open(): boolean {
    return this.#open;
  }

  /** Why it accepts no more although nobody closed it and the visor is there. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Accepts until the visor fails to, of which there is one line unless it was expected. A connection that
   * is no good is let go. Never rejects.
   */
  async run(): Promise<void> {
    const { calls, listenerId, log } = this.#options;
    while (this.#open) {
      try {
        const accepted = await calls.accept(listenerId);
        // The call that waits when the listener is closed may still bring one.
        if (!this.#open) return this.#options.links.discard(accepted.connId);
        this.#take(accepted);
        this.#badAccepts = 0;
      } catch (error) {
        if (!this.#open) return;
        if (this.#bears(error)) continue;
        this.#open = false;
        // The owner of the connection says so once.
        if (isVisorGone(error)) return;
        this.#failure = errorText(error);
        const text = quoteForLog(this.#failure);
        log.warn(`skychat: visor ${this.network} accepts no more connections: ${text}`);
        // Else the visor may keep the port bound.
        return this.close();
      }
    }
  }

  /** Has the visor close the listener; links live on. Never rejects; again: the same promise. */
  close(): Promise<void> {
    this.#open = false;
    const { calls, listenerId } = this.#options;
    return this.#closed ??= calls.closeListener(listenerId).catch(() => {});
  }

  #take({ connId, peer }: AcceptedConn): void {
    const { links, network } = this.#options;
    if (peer === undefined) {
      links.discard(connId);
      throw new VisorError("bad-answer", "Accept: the peer has no valid public key");
    }
    try {
      void this.#serve(links.open({ connId, direction: "in", network, peer }));
    } catch (error) {
      if (!(error instanceof VisorError) || error.code !== "too-many-links") throw error;
      this.#refusals.line(`skychat: visor ${network} refusing ${peer}: too many connections`);
    }
  }

  /** Whether to go on after an error: one that concerns a single connection. */
  #bears(error: unknown): boolean {
    if (!(error instanceof VisorError) || error.code !== "bad-answer") return false;
    if (++this.#badAccepts >= MAX_BAD_ACCEPTS) return false;
    const text = quoteForLog(error.message);
    this.#refusals.line(`skychat: visor ${this.network} refusing a connection: ${text}`);
    return true;
  }

  async #serve(link: MeshLink): Promise<void> {
    try {
      await this.#options.onLink(link);
    } catch (error) {
      const text = quoteForLog(errorText(error));
      this.#options.log.error(
        `skychat: visor ${this.network} link to ${link.peer} failed: ${text}`,
      );
    } finally {
      link.close();
    }
  }
}
