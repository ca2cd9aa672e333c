import type { ChatLink, MeshNetwork, MeshPort } from "#chat";
import type { PublicKey } from "#crypto";
import { errorText, type Log } from "#kit";
import type { VisorSession } from "#visor";
import type { VisorConfig } from "./config.ts";
import type { NodeRuntime } from "./node_runtime.ts";
import { StartError } from "./start_error.ts";

/** How this node stands with its visor, for `/status`. */
export interface VisorView {
  readonly connected: boolean;
  /** Networks in use. */
  readonly networks: readonly MeshNetwork[];
  /** Port of chat on the mesh. */
  readonly port: number;
  /** Why the visor is gone, or why a network is not in use; empty when all is well. */
  readonly error: string;
}

/** The visor that started this node: what peers are reached over, and who is told how the node is (visor.md 7). */
export class VisorService implements MeshPort {
  readonly #config: VisorConfig;
  readonly #log: Log;
  readonly #session: VisorSession;
  #error = "";

  private constructor(
    { config, log, session }: { config: VisorConfig; log: Log; session: VisorSession },
  ) {
    this.#config = config;
    this.#log = log;
    this.#session = session;
    void session.lost.then(({ message }) => {
      this.#error ||= message;
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

  /** Networks in use; none once the visor is gone. */
  get networks(): readonly MeshNetwork[] {
    const { networks, portless } = this.#config;
    if (!portless) return this.#session.networks;
    return this.#session.connected ? networks : [];
  }

  /** How things stand. */
  get view(): VisorView {
    const { connected, port } = this.#session;
    return { connected, networks: this.networks, port, error: this.#error };
  }

  /** Resolves with the reason when the visor is gone. */
  get lost(): Promise<string> {
    return this.#session.lost.then(({ message }) => message);
  }

  /** Listens on every network that is not switched off, and uses those where that works. Never rejects. */
  async listen(onLink: (link: ChatLink) => Promise<unknown>): Promise<void> {
    const { networks, portless } = this.#config;
    if (portless) {
      this.#log.info("skychat: visor: nothing listens on the mesh (--portless)");
      return;
    }
    if (networks.length === 0) {
      this.#log.warn("skychat: visor: --skynet=false and --dmsg=false: no network of it is used");
      return;
    }
    const outcomes = await this.#session.listen(networks, this.#session.port, onLink);
    const failures = outcomes.flatMap(({ error, network }) =>
      error === undefined ? [] : [`${network}: ${error.message}`]
    );
    this.#error ||= failures.join("; ");
    if (this.networks.length === 0) {
      this.#log.error("skychat: visor: no network of it can be used; everything else goes on");
    }
  }

  /** Connects to the chat of a peer. */
  dial(peer: PublicKey, network: MeshNetwork, signal: AbortSignal): Promise<ChatLink> {
    return this.#session.dial(peer, network, signal);
  }

  /** Tells the visor that this node serves. */
  running(): Promise<void> {
    return this.#session.status("Running");
  }

  /** Tells the visor that this node stops. */
  stopping(): Promise<void> {
    return this.#session.status("Stopped");
  }

  /** Tells the visor why this node cannot run, and lets go of it. */
  async fail(reason: string, signal?: AbortSignal): Promise<void> {
    await this.#session.fail(reason);
    await this.close(signal);
  }

  /** Closes every connection and listener, and lets go of the visor. */
  close(signal?: AbortSignal): Promise<void> {
    return this.#session.shutdown(signal);
  }
}
