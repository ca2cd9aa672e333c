import type { PublicKey } from "#crypto";
import { type Clock, errorText, type Log, quoteForLog } from "#kit";
import type { Network } from "#net";
import { dialMesh } from "./mesh_dial.ts";
import type { MeshLink, MeshNetwork } from "./mesh_link.ts";
import { MeshLinks } from "./mesh_links.ts";
import { MeshListener } from "./mesh_listener.ts";
import { type ProcConfig, STOCK_CHAT_PORT } from "./proc_config.ts";
import { VisorCalls } from "./visor_calls.ts";
import { VisorClient } from "./visor_client.ts";
import { VisorError } from "./visor_error.ts";
import { openVisorStream } from "./visor_stream.ts";

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
  /** Ends the attempts to connect. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of listening on one network. */
export interface ListenOutcome {
  /** Where. */
  readonly network: MeshNetwork;
  /** Why it does not listen; undefined where it does. */
  readonly error: VisorError | undefined;
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
  const stream = await openVisorStream(config.address, options);
  const session = new VisorSession(new VisorClient(stream, config.procKey), config, options);
  options.log.info("Successfully started skychat.");
  if (options.port !== undefined) await session.tellPort();
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
  #listeners: MeshListener[] = [];
  #lastStatus = "";
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

  /** Networks that we accept connections on now; none once the visor is gone. */
  get networks(): readonly MeshNetwork[] {
    if (!this.connected) return [];
    return this.#listeners.filter(({ open }) => open).map(({ network }) => network);
  }

  /** Open connections, dialled and accepted. */
  get links(): number {
    return this.#links.size;
  }

  /**
   * Listens on a port of each network. One that fails is logged and left out (visor.md 7.2); what came of
   * each is told. Never rejects.
   */
  async listen(
    networks: readonly MeshNetwork[],
    port: number,
    onLink: OnMeshLink,
  ): Promise<readonly ListenOutcome[]> {
    const outcomes: ListenOutcome[] = [];
    for (const network of networks) {
      const error = await this.#listen({ network, port, onLink });
      outcomes.push({ network, error });
    }
    return outcomes;
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
  async status(text: string): Promise<void> {
    this.#lastStatus = text;
    await this.#tell("status", this.#calls.setDetailedStatus(text));
  }

  /** Sets the error that stands after we exit; an empty text clears it. Never rejects. */
  async fail(text: string): Promise<void> {
    await this.#tell("error", this.#calls.setError(text));
  }

  /** Tells the visor {@link port}. Never rejects. */
  async tellPort(): Promise<void> {
    await this.#tell("port", this.#calls.setAppPort(this.port));
  }

  /** Shows a notification; false where the visor cannot. Never rejects. */
  async notify(
    note: { readonly title: string; readonly body: string; readonly tag: string },
  ): Promise<boolean> {
    return await this.#tell("notification", this.#calls.notify(note)) ?? false;
  }

  /**
   * Says goodbye in the order of visor.md 7.3: status `Stopped` unless it was said, connections,
   * listeners, then the connection to the visor. The signal skips to the last. Never rejects; again:
   * the same promise.
   */
  shutdown(signal?: AbortSignal): Promise<void> {
    return this.#shutdown ??= this.#sayGoodbye(signal);
  }

  async #sayGoodbye(signal: AbortSignal | undefined): Promise<void> {
    // Not before the shutdown is noted.
    await Promise.resolve();
    const { promise: cut, resolve } = Promise.withResolvers<void>();
    const onAbort = () => resolve();
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    await Promise.race([this.#closeInOrder(), this.#client.lost, cut]);
    signal?.removeEventListener("abort", onAbort);
    this.#client.close();
    await this.lost;
  }

  async #closeInOrder(): Promise<void> {
    if (this.#lastStatus !== "Stopped") await this.status("Stopped");
    await this.#links.closeAll("shutting down");
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    // What came in meanwhile.
    await this.#links.closeAll("shutting down");
  }

  async #listen(
    { network, port, onLink }: { network: MeshNetwork; port: number; onLink: OnMeshLink },
  ): Promise<VisorError | undefined> {
    const where = `${network}:${port}`;
    let listenerId: number;
    try {
      listenerId = await this.#calls.listen({ net: network, key: this.visorKey, port });
    } catch (error) {
      if (!(error instanceof VisorError)) throw error;
      const text = quoteForLog(error.message);
      // That the visor is gone is one line for all.
      if (this.connected) this.#log.warn(`skychat: visor cannot listen on ${where}: ${text}`);
      return error;
    }
    const [calls, clock, log, links] = [this.#calls, this.#clock, this.#log, this.#links];
    const listener = new MeshListener({ calls, clock, log, links, network, listenerId, onLink });
    this.#listeners.push(listener);
    log.info(`skychat: visor listening on ${where}`);
    void listener.run();
    return undefined;
  }

  /** What the call answers, or undefined after a line about its failure. */
  async #tell<T>(what: string, call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch (error) {
      const text = quoteForLog(errorText(error));
      if (this.connected) this.#log.warn(`skychat: visor did not take our ${what}: ${text}`);
      return undefined;
    }
  }

  #onLost(error: VisorError): VisorError {
    this.#links.visorLost(error.message);
    this.#listeners = [];
    if (error.code !== "closed") this.#log.error(`skychat: visor lost: ${error.message}`);
    return error;
  }
}
