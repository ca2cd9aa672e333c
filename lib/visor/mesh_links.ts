import type { Clock } from "#kit";
import { MeshLink, type MeshLinkParts } from "./mesh_link.ts";
import type { VisorCalls } from "./visor_calls.ts";
import { VisorError } from "./visor_error.ts";

/** Connections over the mesh in all; as many as direct chat has (ours). */
export const MAX_MESH_LINKS = 1_024;

/** What a connection is besides the way to it. */
export type NewLink = Pick<MeshLinkParts, "connId" | "direction" | "network" | "peer">;

/** The open connections of one attachment, by the visor's number. */
export class MeshLinks {
  readonly #calls: VisorCalls;
  readonly #clock: Clock;
  readonly #open = new Map<number, MeshLink>();
  /** Connections that the visor has been told to close and has not answered for. */
  readonly #closing = new Set<Promise<void>>();

  /** There are none yet. */
  constructor(calls: VisorCalls, clock: Clock) {
    this.#calls = calls;
    this.#clock = clock;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Takes a connection over from the visor.
   *
   * @throws {VisorError} `too-many-links`, and the connection is closed; `bad-answer` for a number that
   * an open one has.
   */
  open(parts: NewLink): MeshLink {
    const { connId } = parts;
    if (this.#open.has(connId)) {
      throw new VisorError("bad-answer", `conn ${connId} is open already`);
    }
    if (this.#open.size >= MAX_MESH_LINKS) {
      this.discard(connId);
      throw new VisorError("too-many-links", `${MAX_MESH_LINKS} connections are open`);
    }
    const link = new MeshLink({ ...parts, calls: this.#calls, clock: this.#clock });
    this.#open.set(connId, link);
    void link.closed.then(() => {
      this.#open.delete(connId);
      this.#await(link.released);
    });
    return link;
  }

  /** Has the visor close a connection that nobody wants. */
  discard(connId: number): void {
    this.#await(this.#calls.closeConn(connId).catch(() => {}));
  }

  /** Closes all; resolves once the visor has answered for each, also for those closed before. */
  async closeAll(reason: string): Promise<void> {
    const released = [...this.#open.values()].map((link) => {
      link.close(reason);
      return link.released;
    });
    await Promise.all([...released, ...this.#closing]);
  }

  /** Ends all: the visor is gone. */
  visorLost(reason: string): void {
    for (const link of this.#open.values()) link.visorLost(reason);
  }

  #await(closing: Promise<void>): void {
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }
}
