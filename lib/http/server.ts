import { type Clock, errorText, type Log, type Timer } from "#kit";
import { AddressError, bindRefusal, type ControlAddress, parseControlAddress } from "./address.ts";
import { createControlApp } from "./app.ts";
import { ByteBudget } from "./byte_budget.ts";
import { Connection, type ConnectionContext, type Phase } from "./connection.ts";
import {
  ACCEPT_RETRY_MS,
  ACCEPT_TROUBLE_MS,
  MAX_BODY_BYTES_TOTAL,
  MAX_CONNECTIONS,
  MAX_STREAMS,
  MAX_WAITS,
  SHUTDOWN_GRACE_MS,
  SWEEP_INTERVAL_MS,
} from "./limits.ts";
import {
  type ControlSocket,
  isOutOfDescriptors,
  listenTcp,
  type SocketListener,
} from "./listener.ts";
import type { ControlOptions, ControlPorts, PasswordGate } from "./ports.ts";

/** What is closed first when there is no room for one more: those who wait, not those we answer. */
const EVICTION_ORDER: readonly Phase[] = ["idle", "linger", "head", "gate", "body"];

/**
 * The control surface on a TCP port: accepts, keeps the connections within their bounds, ends them.
 *
 * Our own loop and not `Deno.serve`, which closes no client that stalls (docs/spec/http-api.md 1.2).
 */
export class ControlServer {
  readonly #address: ControlAddress;
  readonly #refusal: string | undefined;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #ports: ControlPorts;
  readonly #gate: PasswordGate | undefined;
  readonly #maxConnections: number;
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #bind: (address: ControlAddress) => SocketListener;
  #quietUntil = -Infinity;
  #listener: SocketListener | undefined;
  #accepting: Promise<void> | undefined;
  #sweeper: Timer | undefined;
  #shutdown: Promise<void> | undefined;

  /**
   * Reads the address; binds nothing yet. `bind` is TCP unless a test says otherwise.
   *
   * @throws {AddressError} when the address is none.
   */
  constructor(
    ports: ControlPorts,
    options: ControlOptions & { bind?: (address: ControlAddress) => SocketListener },
  ) {
    this.#address = parseControlAddress(options.address);
    this.#refusal = bindRefusal(this.#address, {
      noPassword: options.allowNonLoopback || options.gate !== undefined,
    });
    this.#clock = options.clock;
    this.#log = options.log;
    this.#maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
    this.#ports = ports;
    this.#gate = options.gate;
    this.#bind = options.bind ?? listenTcp;
  }

  /** `host:port` really bound; the configured one before {@link listen}. */
  get address(): string {
    return this.#listener?.address ?? `${this.#address.host}:${this.#address.port}`;
  }

  /**
   * Binds the port and starts to serve. Returns {@link address}.
   *
   * @throws {AddressError} when the address must not be served without a password.
   * @throws {ListenError} when the system refuses, for example because the port is taken.
   */
  listen(): string {
    if (this.#refusal !== undefined) throw new AddressError(this.#refusal);
    this.#listener = this.#bind(this.#address);
    this.#accepting = this.#accept(this.#listener, this.#contextFor(this.#listener));
    return this.#listener.address;
  }

  /**
   * Stops accepting, ends event streams, lets requests in flight finish for a while, then closes
   * what is left (http-api.md 7). Resolves within 2 s; may be called again.
   */
  shutdown(): Promise<void> {
    return this.#shutdown ??= this.#stop();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    this.#listener?.close();
    await this.#accepting;
    for (const connection of this.#connections.keys()) connection.drain();
    const done = new AbortController();
    const finished = Promise.all(this.#connections.values()).then(() => done.abort());
    await Promise.race([finished, this.#clock.sleep(SHUTDOWN_GRACE_MS, done.signal)]);
    for (const connection of this.#connections.keys()) connection.close();
    this.#sweeper?.cancel();
  }

  /** What every connection needs; its refusals name the port really bound, never `:0`. */
  #contextFor({ port }: SocketListener): ConnectionContext {
    const [clock, log] = [this.#clock, this.#log];
    const address = { ...this.#address, port };
    const [gate, most] = [this.#gate, this.#maxConnections];
    const app = createControlApp(this.#ports, {
      ...{ address, gate, clock, log },
      maxStreams: shareOf(most, MAX_STREAMS),
      maxWaits: shareOf(most, MAX_WAITS),
    });
    return { app, clock, log, bodies: new ByteBudget(MAX_BODY_BYTES_TOTAL) };
  }

  async #accept(listener: SocketListener, context: ConnectionContext): Promise<void> {
    const { signal } = this.#stopping;
    let shed = false;
    while (!signal.aborted) {
      try {
        this.#admit(await listener.accept(), context);
        shed = false;
      } catch (thrown) {
        if (signal.aborted) return;
        this.#tellTrouble(errorText(thrown));
        // Somebody who waits makes room for somebody who asks. Not twice in a row: what was given back
        // may have gone to somebody else, and then everybody would be closed in vain.
        shed = !shed && isOutOfDescriptors(thrown) && this.#makeRoom();
        if (!shed) await this.#clock.sleep(ACCEPT_RETRY_MS, signal);
      }
    }
  }

  #tellTrouble(reason: string): void {
    const now = this.#clock.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + ACCEPT_TROUBLE_MS;
    this.#log.warn(`cannot accept a control connection: ${reason}`);
  }

  #admit(socket: ControlSocket, context: ConnectionContext): void {
    if (this.#stopping.signal.aborted) return socket.close();
    if (this.#connections.size >= this.#maxConnections && !this.#makeRoom()) return socket.close();
    const connection = new Connection(socket, context);
    const running = connection.run().then(() => {
      this.#connections.delete(connection);
    });
    this.#connections.set(connection, running);
    this.#sweeper ??= this.#armSweeper();
  }

  /** Closes the connection that has waited longest for its client; false when all are being served. */
  #makeRoom(): boolean {
    let victim: Connection | undefined;
    let victimRank = EVICTION_ORDER.length;
    for (const connection of this.#connections.keys()) {
      const rank = EVICTION_ORDER.indexOf(connection.phase);
      if (rank < 0 || rank > victimRank) continue;
      const older = victim === undefined || connection.since < victim.since;
      if (rank < victimRank || older) [victim, victimRank] = [connection, rank];
    }
    if (victim === undefined) return false;
    victim.close();
    this.#connections.delete(victim);
    return true;
  }

  /** One timer for all deadlines: a timer for each write would cost more than the write. */
  #armSweeper(): Timer {
    return this.#clock.after(SWEEP_INTERVAL_MS, () => {
      const now = this.#clock.now();
      for (const connection of this.#connections.keys()) {
        if (connection.due <= now) connection.expire();
      }
      this.#sweeper = this.#connections.size > 0 ? this.#armSweeper() : undefined;
    });
  }
}

/** Fewest that such a share may be. */
const MIN_SHARE = 4;

/** A cap in proportion, for a server with fewer connections than usual. */
function shareOf(connections: number, cap: number): number {
  return Math.max(MIN_SHARE, Math.min(cap, Math.floor(connections * cap / MAX_CONNECTIONS)));
}
