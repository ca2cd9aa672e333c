import type { Clock, Timer } from "#kit";
import type { CxoConnection } from "./connection.ts";
import type { KeyHex } from "./object_id.ts";

/** Time between two greetings in which both sides may have dialled at once, milliseconds (cxo.md 8.2). */
export const CROSSED_DIALS_MS = 2_000;

/** What was closed in favour of another connection of the same peer. */
const SUPERSEDED = "superseded by a newer connection";
const CROSSED = "superseded by the connection that the smaller key dialled";

/** What a {@link NodePeers} is made with. */
export interface NodePeersOptions {
  /** Our own. */
  readonly nodeId: KeyHex;
  readonly clock: Clock;
  /** A connection counts for its peer from now on: the first one, or in the place of another. */
  readonly onCounts: (connection: CxoConnection) => void;
}

/** The connections of one peer that are past their greeting. */
interface Place {
  connection: CxoConnection;
  /** When it began to count, on the clock of durations. */
  since: number;
  /** One that lost against it, while the peer may see it the other way round. */
  spare: { readonly connection: CxoConnection; readonly limit: Timer } | undefined;
}

/**
 * Which connection counts for each peer (cxo.md 4.3, 8.2): the newest; of two dials that crossed the one
 * of the smaller key. The loser of those lives on for a moment: a peer that knows no such rule keeps the
 * newest and closes the other, and then the one that it kept counts.
 */
export class NodePeers {
  readonly #options: NodePeersOptions;
  readonly #places = new Map<KeyHex, Place>();

  /** Nobody is there. */
  constructor(options: NodePeersOptions) {
    this.#options = options;
  }

  /** Peers with a connection. */
  get size(): number {
    return this.#places.size;
  }

  /** The connection that counts for a peer. */
  get(peer: KeyHex): CxoConnection | undefined {
    return this.#places.get(peer)?.connection;
  }

  /** Takes a connection whose greeting is done. */
  welcome(connection: CxoConnection): void {
    const { clock, onCounts } = this.#options;
    const place = this.#places.get(connection.peer);
    if (place !== undefined && this.#isCrossing(place, connection)) {
      return this.#settle(place, connection);
    }
    const former = place?.connection;
    this.#dropSpare(place, SUPERSEDED);
    this.#places.set(connection.peer, { connection, since: clock.now(), spare: undefined });
    former?.close(SUPERSEDED);
    onCounts(connection);
  }

  /** Forgets a connection that ended; whether it counted and nothing took its place. */
  leave(connection: CxoConnection): boolean {
    const place = this.#places.get(connection.peer);
    if (place?.spare?.connection === connection) {
      place.spare.limit.cancel();
      place.spare = undefined;
    }
    if (place?.connection !== connection) return false;
    const { clock, onCounts } = this.#options;
    const next = place.spare;
    next?.limit.cancel();
    if (next === undefined || next.connection.isClosed) return this.#places.delete(connection.peer);
    place.connection = next.connection;
    place.since = clock.now();
    place.spare = undefined;
    onCounts(next.connection);
    return false;
  }

  #isCrossing({ connection, since }: Place, newer: CxoConnection): boolean {
    return !connection.isClosed && connection.role !== newer.role &&
      this.#options.clock.now() - since <= CROSSED_DIALS_MS;
  }

  #settle(place: Place, newer: CxoConnection): void {
    const { clock, onCounts } = this.#options;
    const older = place.connection;
    const loser = this.#isOfSmaller(newer) ? older : newer;
    this.#dropSpare(place, CROSSED);
    const limit = clock.after(CROSSED_DIALS_MS, () => this.#dropSpare(place, CROSSED));
    place.spare = { connection: loser, limit };
    if (loser === newer) return;
    place.connection = newer;
    place.since = clock.now();
    onCounts(newer);
  }

  /** Whether the side with the smaller key dialled it. */
  #isOfSmaller({ peer, role }: CxoConnection): boolean {
    return (role === "dialer") === (this.#options.nodeId < peer);
  }

  #dropSpare(place: Place | undefined, reason: string): void {
    const spare = place?.spare;
    if (place === undefined || spare === undefined) return;
    place.spare = undefined;
    spare.limit.cancel();
    spare.connection.close(reason);
  }
}
