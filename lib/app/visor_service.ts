import type { ChatLink, MeshNetwork, MeshPort } from "#chat";
import type { PublicKey } from "#crypto";
import { errorText, type Log } from "#kit";
import type { VisorSession } from "#visor";
import type { VisorConfig } from "./config.ts";
import type { NodeRuntime } from "./node_runtime.ts";
import { StartError } from "./start_error.ts";

/** How this node stands with its visor, for `/status` and `/healthz`. */
export interface VisorView {
  readonly connected: boolean;
  /** Networks that peers reach this node over without having been dialled. */
  readonly networks: readonly MeshNetwork[];
  /** Port of chat on the mesh. */
  readonly port: number;
  /** Why the visor is gone, or why nothing listens on a network, as it is now; empty when all is well. */
  readonly error: string;
  /** The visor is gone or stuck, or nothing listens on any network although something should. */
  readonly deaf: boolean;
}

/** The visor that started this node: what peers are reached over, and who is told how the node is (visor.md 7). */
export class VisorService implements MeshPort {
  readonly #config: VisorConfig;
  readonly #log: Log;
  readonly #session: VisorSession;
  /** Aborts what is asked of the visor when the node stops. */
  readonly #stop = new AbortController();
  /** Resolves when it is known where this node listens. */
  #listening: Promise<void> | undefined;
  /** Whether it is. */
  #settled = false;
  /** Why nothing listens on a network from the beginning. */
  readonly #refusals = new Map<MeshNetwork, string>();
  #loss = "";

  private constructor(
    { config, log, session }: { config: VisorConfig; log: Log; session: VisorSession },
  ) {
    this.#config = config;
    this.#log = log;
    this.#session = session;
    void session.lost.then(({ message }) => {
      this.#loss = message;
    });
  }

  /**
   * Reads what the visor said of this launch and attaches to it.
   *
   * @throws {StartError} with a text of visor.md 1 or 2
   */
  static async attach(
    config: VisorConfig,
    { clock, log, network, signal }: NodeRuntime & { readonly signal: AbortSignal },
  ): Promise<{ visor: VisorService; workDir: string }> {
    // A node without a visor has none of this code in memory.
    const { attachVisor, parseProcConfig } = await import("#visor");
    try {
      const proc = parseProcConfig(config.procConfig);
      const port = config.port || undefined;
      const session = await attachVisor(proc, { clock, log, network, port, signal });
      return { visor: new VisorService({ config, log, session }), workDir: proc.workDir };
    } catch (error) {
      throw new StartError(errorText(error), { cause: error });
    }
  }

  /** The identity that peers see on the mesh; undefined where the visor named none. */
  get key(): PublicKey | undefined {
    return this.#session.visorKey;
  }

  /**
   * Networks that peers are dialled on: those that are not switched off, whether anything listens there
   * or not; none once the visor is gone.
   */
  get networks(): readonly MeshNetwork[] {
    return this.#session.connected ? this.#config.networks : [];
  }

  /** How things stand. */
  get view(): VisorView {
    const { connected, networks, port, stuck } = this.#session;
    const wanted = this.#config.portless ? 0 : this.#config.networks.length;
    const deaf = !connected || stuck || wanted > 0 && this.#settled && networks.length === 0;
    return { connected, networks, port, error: this.#error, deaf };
  }

  /** Resolves with the reason when the visor is gone. */
  get lost(): Promise<string> {
    return this.#session.lost.then(({ message }) => message);
  }

  /**
   * Begins to listen on every network that is not switched off. The answers are not waited for: whatever
   * does not need the visor serves meanwhile.
   */
  listen(onLink: (link: ChatLink) => Promise<unknown>): void {
    this.#listening ??= this.#listen(onLink).finally(() => {
      this.#settled = true;
    });
  }

  /** Connects to the chat of a peer. */
  dial(peer: PublicKey, network: MeshNetwork, signal: AbortSignal): Promise<ChatLink> {
    return this.#session.dial(peer, network, signal);
  }

  /** Tells the visor that this node serves, once it is known on which networks (visor.md 7.2). Never rejects. */
  async running(): Promise<void> {
    await this.#listening;
    if (!this.#stop.signal.aborted) await this.#session.status("Running");
  }

  /** Tells the visor that this node stops. Never rejects. */
  async stopping(): Promise<void> {
    this.#stop.abort();
    await this.#session.status("Stopped");
  }

  /** Tells the visor why this node cannot run, and lets go of it. Never rejects. */
  async fail(reason: string): Promise<void> {
    // What the visor may have bound by now is closed with the rest.
    await Promise.all([this.#session.fail(reason), this.#listening]);
    await this.close();
  }

  /** Closes every connection and listener, and lets go of the visor, within two seconds. Never rejects. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#session.shutdown();
  }

  /** What is wrong now: what was wrong before and is not any more is left out. */
  get #error(): string {
    const { connected, endedListeners, networks, stuck } = this.#session;
    if (!connected) return this.#loss || "the connection to the visor is closed";
    if (stuck) return "it leaves thousands of calls unanswered";
    const reasons = new Map(this.#refusals);
    for (const { network, reason } of endedListeners) reasons.set(network, reason);
    return Array.from(reasons)
      .flatMap(([name, reason]) => networks.includes(name) ? [] : [`${name}: ${reason}`])
      .join("; ");
  }

  async #listen(onLink: (link: ChatLink) => Promise<unknown>): Promise<void> {
    const { networks, portless } = this.#config;
    const { signal } = this.#stop;
    if (portless) {
      this.#log.info("skychat: visor: nothing listens on the mesh (--portless)");
      return;
    }
    if (networks.length === 0) {
      this.#log.warn("skychat: visor: --skynet=false and --dmsg=false: no network of it is used");
      return;
    }
    const outcomes = await this.#session.listen(networks, this.#session.port, onLink, signal);
    for (const { error, network } of outcomes) {
      if (error !== undefined) this.#refusals.set(network, error.message);
    }
    if (signal.aborted || !this.#session.connected || this.#session.networks.length > 0) return;
    this.#log.error(
      "skychat: visor: nothing listens on the mesh: peers are dialled, and cannot dial",
    );
  }
}
