import type { Clock } from "#kit";
import { AcceptedLinks } from "./accepted_links.ts";
import { MeshLink, type MeshLinkParts } from "./mesh_link.ts";
import { VisorError } from "./visor_error.ts";

/**
 * Connections over the mesh in all: more than direct chat keeps, which knows best who is to give way to whom,
 * and closes the others at once (ours).
 */
export const MAX_MESH_LINKS = 1_280;

/** What a connection is besides the way to it. */
export type NewLink = Pick<MeshLinkParts, "connId" | "direction" | "network" | "peer">;

/** The open connections of one attachment, by the visor's number. */
export class MeshLinks {
  readonly #calls: MeshLinkParts["calls"];
  readonly #clock: Clock;
  readonly #open = new Map<number, MeshLink>();
  readonly #accepted = new AcceptedLinks();
  /** Connections that the visor has been told to close and has not answered for. */
  readonly #closing = new Set<Promise<void>>();

  /** There are none yet. */
  constructor(calls: MeshLinkParts["calls"], clock: Clock) {
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
   * an open one has, which is closed too: what is sent to the one peer might reach the other.
   */
  open(parts: NewLink): MeshLink {
    const { connId, direction } = parts;
    const namesake = this.#open.get(connId);
    if (namesake !== undefined) {
      namesake.close("the visor gave its number to another connection");
      throw new VisorError("bad-answer", `conn ${connId} is open already`);
    }
    if (this.#open.size >= MAX_MESH_LINKS) {
      this.discard(connId);
      throw new VisorError("too-many-links", `${this.#open.size} connections are open`);
    }
    const shared = direction === "in"
      ? { onQueued: (bytes: number) => this.#accepted.queued(bytes) }
      : {};
    const link = new MeshLink({ ...parts, ...shared, calls: this.#calls, clock: this.#clock });
    this.#open.set(connId, link);
    if (direction === "in") this.#accepted.add(link);
    void link.closed.then(() => {
      this.#open.delete(connId);
      this.#accepted.delete(link);
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
