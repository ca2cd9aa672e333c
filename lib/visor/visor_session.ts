import type { PublicKey } from "#crypto";
import { type Clock, errorText, type Log, quoteForLog } from "#kit";
import type { Network } from "#net";
import { within } from "./call_limit.ts";
import { dialMesh } from "./mesh_dial.ts";
import type { MeshLink, MeshNetwork } from "./mesh_link.ts";
import { MeshLinks } from "./mesh_links.ts";
import { MeshListener } from "./mesh_listener.ts";
import { type ProcConfig, STOCK_CHAT_PORT } from "./proc_config.ts";
import { VisorCalls } from "./visor_calls.ts";
import { VisorClient } from "./visor_client.ts";
import { VisorError } from "./visor_error.ts";
import { openVisorStream } from "./visor_stream.ts";

/**
 * Milliseconds for saying goodbye, so that a stopping node keeps a second of the three that visor.md 7.3
 * gives it for the rest (ours).
 */
export const VISOR_GOODBYE_LIMIT_MS = 2_000;
/** In the order in which they are told. */
const NETWORKS: readonly MeshNetwork[] = ["skynet", "dmsg"];

/** What attaching needs. */
export interface AttachOptions {
  /** Where the visor is reached over: TCP of this machine. */
  readonly network: Network;
  /** For the limits of calls. */
  readonly clock: Clock;
  /** Gets the lines `skychat: visor …`. */
  readonly log: Log;
  /** The port of `--port`, which the visor is told; undefined takes the one that it assigned. */
  readonly port?: number | undefined;
  /** Ends the attempts to connect, and the wait for what the visor says of our port. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of listening on one network. */
export interface ListenOutcome {
  /** Where. */
  readonly network: MeshNetwork;
  /** Why it does not listen; undefined where it does. */
  readonly error: VisorError | undefined;
}

/** A network that was listened on and is not any more, though the visor is there. */
export interface EndedListener {
  /** Where. */
  readonly network: MeshNetwork;
  /** Why; may be a text of the visor. */
  readonly reason: string;
}

/** Serves one connection to its end; whatever remains of it is closed when this settles. */
export type OnMeshLink = (link: MeshLink) => Promise<unknown>;

/**
 * Attaches to the visor that the configuration names: connects, says hello, and tells the port where one
 * was given (visor.md 7.2). A visor that refuses us says so only by closing: see
 * {@link VisorSession.lost}.
 *
 * @throws {VisorError} `connect-failed` with the text of visor.md 2, or `aborted`.
 */
export async function attachVisor(
  config: ProcConfig,
  options: AttachOptions,
): Promise<VisorSession> {
  const stream = await openVisorStream(config.address, options).catch((error) => {
    if (!(error instanceof VisorError)) throw error;
    // The system names the host, and a key may have been pasted there.
    throw new VisorError(error.code, config.procKey.redact(error.message));
  });
  const session = new VisorSession(new VisorClient(stream, config.procKey), config, options);
  options.log.info("Successfully started skychat.");
  // Nothing depends on the answer, which a visor that hangs never gives.
  if (options.port !== undefined) void session.tellPort(options.signal);
  return session;
}

/** One attachment to a visor: what the app listens, dials and says over it. {@link attachVisor} makes them. */
export class VisorSession {
  /** The identity that peers see on the mesh; undefined where the visor did not say. */
  readonly visorKey: PublicKey | undefined;
  /** The port of chat, ours and that of every peer (visor.md 7.1). */
  readonly port: number;
  /**
   * Resolves once, when there is no connection to the visor any more: `closed` after {@link shutdown}, else
   * `lost`, `garbage`, or `refused` when the visor never answered anything. Every link has ended by then.
   */
  readonly lost: Promise<VisorError>;
  readonly #client: VisorClient;
  readonly #calls: VisorCalls;
  readonly #links: MeshLinks;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners: MeshListener[] = [];
  /** The last status, and when the visor had it. */
  #status = { text: "", told: Promise.resolve() };
  #shutdown: Promise<void> | undefined;

  /** Over a client that has said hello, which the session owns from now on. */
  constructor(client: VisorClient, config: ProcConfig, { clock, log, port }: AttachOptions) {
    this.visorKey = config.visorKey;
    this.port = port ?? (config.routingPort || STOCK_CHAT_PORT);
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    this.#calls = new VisorCalls(client, clock);
    this.#links = new MeshLinks(this.#calls, clock);
    this.lost = client.lost.then((error) => this.#onLost(error));
  }

  /** Whether the visor is there, as far as we know. */
  get connected(): boolean {
    return this.#client.connected;
  }

  /** Whether the visor leaves so many calls unanswered that nothing is written or dialled any more. */
  get stuck(): boolean {
    return this.#client.stuck;
  }

  /** Networks that we accept connections on now; none once the visor is gone. */
  get networks(): readonly MeshNetwork[] {
    if (!this.connected) return [];
    const open = this.#listeners.filter((listener) => listener.open);
    return NETWORKS.filter((network) => open.some((listener) => listener.network === network));
  }

  /** Listeners that ended although we wanted them; not those that went with the visor, or by {@link shutdown}. */
  get endedListeners(): readonly EndedListener[] {
    return this.#listeners.flatMap(({ network, failure }) =>
      failure === undefined ? [] : { network, reason: failure }
    );
  }

  /** Open connections, dialled and accepted. */
  get links(): number {
    return this.#links.size;
  }

  /**
   * Listens on a port of each network, all at once. One that fails is logged and left out (visor.md 7.2);
   * what came of each is told, in the order of `networks`. The signal ends the wait, with `aborted` for
   * those that have not answered: a listener that is bound later is closed again. Never rejects.
   */
  async listen(
    networks: readonly MeshNetwork[],
    port: number,
    onLink: OnMeshLink,
    signal?: AbortSignal,
  ): Promise<readonly ListenOutcome[]> {
    return await Promise.all(networks.map(async (network) => {
      return { network, error: await this.#listen({ network, port, onLink, signal }) };
    }));
  }

  /**
   * Connects to the chat of a peer. On skynet that succeeds even where nobody listens: the link then ends
   * with its first read.
   *
   * @throws {VisorError} `call-failed` with the network's text, `timeout` after 95 s, `aborted`,
   * `too-many-links`, or why there is no visor.
   */
  async dial(peer: PublicKey, network: MeshNetwork, signal?: AbortSignal): Promise<MeshLink> {
    if (this.#shutdown !== undefined) throw new VisorError("closed", "shutting down");
    const context = { calls: this.#calls, clock: this.#clock, links: this.#links };
    const link = await dialMesh(context, { peer, network, port: this.port, signal });
    // The shutdown has closed the others.
    if (this.#shutdown !== undefined) link.close("shutting down");
    return link;
  }

  /** Shows our status; resolves when the visor has it, or will not. Never rejects. */
  status(text: string): Promise<void> {
    const told = this.#tell("status", this.#calls.setDetailedStatus(text));
    this.#status = { text, told };
    return told;
  }

  /** Sets the error that stands after we exit; an empty text clears it. As {@link status}. */
  async fail(text: string): Promise<void> {
    await this.#tell("error", this.#calls.setError(text));
  }

  /** Tells the visor {@link port}. Never rejects. */
  async tellPort(signal?: AbortSignal): Promise<void> {
    await this.#tell("port", this.#calls.setAppPort(this.port, signal));
  }

  /**
   * Says goodbye in the order of visor.md 7.3: status `Stopped` unless it was said, connections,
   * listeners, then the connection to the visor. That is tried for {@link VISOR_GOODBYE_LIMIT_MS}. Never
   * rejects; again: the same promise.
   */
  shutdown(): Promise<void> {
    return this.#shutdown ??= this.#sayGoodbye();
  }

  async #sayGoodbye(): Promise<void> {
    // Not before the shutdown is noted.
    await Promise.resolve();
    const said = Promise.race([this.#closeAll(), this.#client.lost]);
    const limitMs = VISOR_GOODBYE_LIMIT_MS;
    // A visor that hangs learns it from the end of the connection.
    await within(said, { clock: this.#clock, limitMs, what: "goodbye" }).catch(() => {});
    this.#client.close();
    await this.lost;
  }

  /** Sends all in order and only then waits: one call that hangs must not keep the others from going out. */
  async #closeAll(): Promise<void> {
    await Promise.all([
      this.#status.text === "Stopped" ? this.#status.told : this.status("Stopped"),
      this.#links.closeAll("shutting down"),
      ...this.#listeners.map((listener) => listener.close()),
    ]);
    // What came in meanwhile.
    await this.#links.closeAll("shutting down");
  }

  async #listen({ network, port, onLink, signal }: {
    readonly network: MeshNetwork;
    readonly port: number;
    readonly onLink: OnMeshLink;
    readonly signal: AbortSignal | undefined;
  }): Promise<VisorError | undefined> {
    const where = `${network}:${port}`;
    const [calls, clock, log, links] = [this.#calls, this.#clock, this.#log, this.#links];
    let listenerId: number;
    try {
      listenerId = await calls.listen({ net: network, key: this.visorKey, port }, signal);
    } catch (error) {
      if (!(error instanceof VisorError)) throw error;
      const text = quoteForLog(error.message);
      // That the visor is gone is one line for all.
      const expected = error.code === "aborted" || !this.connected;
      if (!expected) log.warn(`skychat: visor cannot listen on ${where}: ${text}`);
      return error;
    }
    const listener = new MeshListener({ calls, clock, log, links, network, listenerId, onLink });
    if (this.#shutdown !== undefined) {
      await listener.close();
      return new VisorError("closed", "shutting down");
    }
    this.#listeners.push(listener);
    log.info(`skychat: visor listening on ${where}`);
    void listener.run();
    return undefined;
  }

  /** Waits for the call; one line when it fails unexpectedly. */
  async #tell(what: string, call: Promise<void>): Promise<void> {
    try {
      await call;
    } catch (error) {
      const expected = (error instanceof VisorError && error.code === "aborted") || !this.connected;
      const text = quoteForLog(errorText(error));
      if (!expected) this.#log.warn(`skychat: visor did not take our ${what}: ${text}`);
    }
  }

  #onLost(error: VisorError): VisorError {
    this.#links.visorLost(error.message);
    if (error.code !== "closed") this.#log.error(`skychat: visor lost: ${error.message}`);
    return error;
  }
}
