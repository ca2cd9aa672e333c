import {
  type ComingObjects,
  type CxoConnection,
  type CxoNode,
  type CxoObject,
  type FeedUpdate,
  type FillEnd,
  type FillLimits,
  FollowedFeed,
  type ObjectId,
  QUIET_MS,
  REFILL_FIRST_MS,
  REFILL_MOST_MS,
  type SignedRoot,
  WATCHDOG_MS,
} from "#cxo";
import { Backoff, type Clock, type Timer } from "#kit";
import { MEMBER_BACKOFF_FIRST_MS, MEMBER_BACKOFF_MOST_MS } from "./member_dialer.ts";

/** How much one feed of a member may hold: what groups.md 4.7 allows it, with room for old states. */
export const MEMBER_FEED_LIMITS: Required<FillLimits> = { objects: 98_304, bytes: 83_886_080 };
/** Shortest time between two questions to a member that refuses, milliseconds (ours). */
export const ASK_AGAIN_MS = 1_000;

/** What the feed of a member is followed with. */
export interface MemberFollowerOptions {
  readonly clock: Clock;
  /** The node of the identity. */
  readonly node: CxoNode;
  /** Whose feed. */
  readonly member: string;
  /** How much the feed may hold. */
  readonly limits: FillLimits;
  /** Objects that are held for other feeds. */
  readonly known: (id: ObjectId) => CxoObject | undefined;
  /** What is on its way to other feeds. */
  readonly coming: ComingObjects;
  /** Handles what is new; never rejects. */
  readonly onUpdate: (update: FeedUpdate) => Promise<void>;
  /** The member agreed to send its feed over a connection. */
  readonly onFollowing: (connection: CxoConnection) => void;
  /** It refused, and will be asked again. */
  readonly onRefused: (reason: string) => void;
  /** One of its Roots did not come whole. */
  readonly onBroken: (root: SignedRoot, reason: string) => void;
}

/**
 * Follows the feed of one member over whichever connection counts for it (cxo.md 8.2): subscribes, watches,
 * subscribes again. A member that refuses keeps its connection, since it may follow us.
 */
export class MemberFollower {
  /** What is held of it. */
  readonly feed: FollowedFeed;
  readonly #options: MemberFollowerOptions;
  readonly #refusing = new Backoff({
    first: MEMBER_BACKOFF_FIRST_MS,
    most: MEMBER_BACKOFF_MOST_MS,
  });
  readonly #refilling = new Backoff({ first: REFILL_FIRST_MS, most: REFILL_MOST_MS });
  #connection: CxoConnection | undefined;
  #following = false;
  /** When it agreed last, on the clock of durations. */
  #agreedAt = 0;
  #askedAt = 0;
  /** The connection over which a question is under way. */
  #asked: CxoConnection | undefined;
  /** Whether something was heard since the last question, which makes another answer likely. */
  #heard = false;
  #fillsFailed = false;
  #next: Timer | undefined;
  #watchdog: Timer;
  #closed = false;

  /** Follows nothing yet. */
  constructor(options: MemberFollowerOptions) {
    const { clock, coming, known, limits, member, node, onUpdate } = options;
    this.#options = options;
    this.feed = new FollowedFeed({
      ...{ key: member, clock, coming, known, limits, onUpdate },
      onEnd: (end, root) => this.#onFillEnd(end, root),
    });
    // Third parties get it from the member.
    node.share(this.feed, "publisher");
    this.#watchdog = this.#watch();
  }

  /** Whether the member agreed to send its feed over the connection that counts. */
  get following(): boolean {
    return this.#following;
  }

  /** Goes over this connection from now on. */
  use(connection: CxoConnection): void {
    this.#connection = connection;
    this.#following = false;
    this.#refusing.reset();
    void this.#ask();
  }

  /** Nothing goes over any connection. */
  leave(): void {
    this.#connection = undefined;
    this.#following = false;
    this.#next?.cancel();
  }

  /** The member subscribed or pushed a Root: where it refused before, it may not now. */
  heard(connection: CxoConnection): void {
    if (connection !== this.#connection || this.#following || this.#heard) return;
    this.#heard = true;
    if (this.#asked !== connection) this.#askHurried();
  }

  /** Takes nothing more; resolves when what was under way is handled. */
  async close(): Promise<void> {
    this.#closed = true;
    this.leave();
    this.#watchdog.cancel();
    this.#options.node.unshare(this.feed.key);
    await this.feed.close();
  }

  /** One question at a time over a connection: a peer that answers none must not be asked without end. */
  async #ask(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined || connection.isClosed || this.#asked === connection) return;
    const { clock, node, onFollowing, onRefused } = this.#options;
    this.#next?.cancel();
    this.#asked = connection;
    this.#askedAt = clock.now();
    this.#heard = false;
    const refusal = await node.follow(connection, this.feed.key);
    if (this.#asked === connection) this.#asked = undefined;
    if (connection !== this.#connection || this.#closed) return;
    const before = this.#following;
    this.#following = refusal === undefined;
    if (refusal === undefined) {
      this.#agreedAt = clock.now();
      this.#refusing.reset();
      if (!before) onFollowing(connection);
    } else if (refusal === "timeout" || refusal === "invalid response") {
      connection.close(`subscribe: ${refusal}`);
    } else {
      onRefused(refusal);
      if (this.#heard) this.#askHurried();
      else this.#askIn(this.#refusing.next());
    }
  }

  #askHurried(): void {
    this.#askIn(Math.max(0, this.#askedAt + ASK_AGAIN_MS - this.#options.clock.now()));
  }

  #askIn(ms: number): void {
    this.#next?.cancel();
    this.#next = this.#options.clock.after(ms, () => void this.#ask());
  }

  /** Subscribes again where nothing was completed for long: a peer answers with its last Root. */
  #watch(): Timer {
    const { clock } = this.#options;
    return clock.after(WATCHDOG_MS, () => {
      this.#watchdog = this.#watch();
      const heardAt = Math.max(this.feed.completedAt ?? 0, this.#agreedAt);
      if (this.#following && clock.now() - heardAt >= QUIET_MS) void this.#ask();
    });
  }

  #onFillEnd(end: FillEnd, root: SignedRoot): void {
    if (end.kind === "complete") {
      this.#fillsFailed = false;
      return this.#refilling.reset();
    }
    const { node, onBroken } = this.#options;
    if (end.kind === "hostile") return node.drop(end.source, end.fault.message);
    if (this.#connection === undefined || this.#connection.isClosed) return;
    onBroken(root, end.reason);
    this.#askIn(this.#fillsFailed ? this.#refilling.next() : 0);
    this.#fillsFailed = true;
  }
}
