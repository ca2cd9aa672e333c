import type { Clock } from "#kit";
import { AcceptedLinks } from "./accepted_links.ts";
import { MeshLink, type MeshLinkParts } from "./mesh_link.ts";
import { VisorError } from "./visor_error.ts";

/** Connections over the mesh in all; as many as direct chat has (ours). */
export const MAX_MESH_LINKS = 1_024;
/**
 * So many of {@link MAX_MESH_LINKS} may be connections that peers opened: some more than direct chat keeps of
 * them, which knows better which one is of use, and lets go of the others (ours).
 */
export const MAX_ACCEPTED_MESH_LINKS = 832;

/** What a connection is besides the way to it. */
export type NewLink = Pick<MeshLinkParts, "connId" | "direction" | "network" | "peer">;

/** The open connections of one attachment, by the visor's number. */
export class MeshLinks {
  readonly #calls: MeshLinkParts["calls"];
  readonly #clock: Clock;
  readonly #open = new Map<number, MeshLink>();
  readonly #accepted: AcceptedLinks;
  /** Connections that the visor has been told to close and has not answered for. */
  readonly #closing = new Set<Promise<void>>();

  /** There are none yet. */
  constructor(calls: MeshLinkParts["calls"], clock: Clock) {
    this.#calls = calls;
    this.#clock = clock;
    this.#accepted = new AcceptedLinks(clock);
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Takes a connection over from the visor. Strangers must not keep us from our peers: one that we dialled
   * takes the place of one that a peer opened, if need be; one that a peer opened only that of another
   * which has never said a word.
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
    if (!this.#makeRoom(direction)) {
      this.discard(connId);
      const [accepted, all] = [this.#accepted.size, this.#open.size];
      throw new VisorError("too-many-links", `${all} connections are open, ${accepted} accepted`);
    }
    const shared = direction === "in"
      ? { onQueued: (bytes: number) => this.#accepted.queued(bytes) }
      : {};
    const link = new MeshLink({ ...parts, ...shared, calls: this.#calls, clock: this.#clock });
    this.#open.set(connId, link);
    if (direction === "in") this.#accepted.add(link);
    void link.closed.then(() => {
      this.#forget(connId, link);
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

  /** Whether one more of this direction may be open now. */
  #makeRoom(direction: NewLink["direction"]): boolean {
    const accepting = direction === "in";
    const full = this.#open.size >= MAX_MESH_LINKS;
    if (!full && !(accepting && this.#accepted.size >= MAX_ACCEPTED_MESH_LINKS)) return true;
    const leaving = accepting ? this.#accepted.overdue() : this.#accepted.leastWanted();
    if (leaving === undefined) return false;
    leaving.close("makes room for another connection");
    // It counts no more, although its end is not yet told.
    this.#forget(leaving.connId, leaving);
    return true;
  }

  #forget(connId: number, link: MeshLink): void {
    this.#accepted.delete(link);
    // The number may be another's by now.
    if (this.#open.get(connId) === link) this.#open.delete(connId);
  }

  #await(closing: Promise<void>): void {
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }
}
