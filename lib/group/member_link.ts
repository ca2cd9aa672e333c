import {
  type ComingObjects,
  type CxoConnection,
  type CxoNode,
  type CxoObject,
  type FeedUpdate,
  type FillLimits,
  type ObjectId,
  QUIET_MS,
} from "#cxo";
import { errorText, quoteForLog } from "#kit";
import { type FeedEndpoint, FloodLog, type LinkContext, type LinkEnd } from "#net";
import { MemberDialer } from "./member_dialer.ts";
import { MemberFollower } from "./member_follower.ts";

/** Lines of log about one member in {@link LINES_WINDOW_MS}; the rest is summed up. */
const LINES = 10;
const LINES_WINDOW_MS = 60_000;
/** Time after which a connection over which a member agreed was worth its dial, milliseconds (ours). */
const STEADY_MS = 5_000;
/** After this time a trouble that goes on is said again, milliseconds. */
const REPEATED_MS = 600_000;

/** What the refusals of cxo.md 13 mean for whoever set up the group. */
const REFUSAL_HINTS: Readonly<Record<string, string>> = {
  "subscribe rejected": " (that node does not list this one as a member)",
  "do not share the feed": " (that node takes no part in the group)",
};

/** What a node knows of its connection to one member. */
export interface MemberState {
  /** Its key, 66 hex digits. */
  readonly member: string;
  /** Where it is dialled, `host:port`; undefined where it dials us. */
  readonly address: string | undefined;
  /** Whether a connection past its greeting is there, dialled by whichever side. */
  readonly connected: boolean;
  /** Whether it agreed to send its feed over that connection. */
  readonly following: boolean;
  /** Why it is not followed, as far as that is known. */
  readonly trouble: string | undefined;
  /** Seq of its last complete Root. */
  readonly seq: bigint | undefined;
  /** When that was completed, on the clock of durations. */
  readonly completedAt: number | undefined;
  /** Objects held of its feed. */
  readonly objects: number;
  /** Batches that brought or took away a leaf. */
  readonly updates: number;
  /** When the last of them came, Unix nanoseconds. */
  readonly lastInbound: bigint | undefined;
}

/** What a {@link MemberLink} is made with. */
export interface MemberLinkOptions {
  /** `local` is the identity. */
  readonly context: LinkContext;
  /** The node of the identity. */
  readonly node: CxoNode;
  /** Its key, 66 hex digits. */
  readonly member: string;
  /** How much its feed may hold. */
  readonly limits: FillLimits;
  /** Objects that are held for other feeds. */
  readonly known: (id: ObjectId) => CxoObject | undefined;
  /** What is on its way to other feeds. */
  readonly coming: ComingObjects;
  /** Handles what is new in its feed; the next Root waits until it is done. */
  readonly onUpdate: (update: FeedUpdate) => Promise<void>;
}

/** Keeps in touch with one member: dials it where it can, and follows its feed over any connection. */
export class MemberLink {
  readonly #options: MemberLinkOptions;
  readonly #dialer: MemberDialer;
  readonly #follower: MemberFollower;
  readonly #lines: FloodLog;
  #trouble: { readonly text: string; readonly at: number } | undefined;
  #updates = 0;
  #lastInbound: bigint | undefined;

  /** Goes over the connection that is there; dials none before {@link start}. */
  constructor(options: MemberLinkOptions) {
    const { coming, context, known, limits, member, node } = options;
    const { clock, log } = context;
    this.#options = options;
    this.#lines = new FloodLog({
      clock,
      write: (line) => log.info(line),
      lines: LINES,
      windowMs: LINES_WINDOW_MS,
      summary: (count) => `skychat: cxo-group ${member}: ${count} more lines were left out`,
    });
    this.#dialer = new MemberDialer({
      ...{ context, member, node },
      onFailure: (reason) => this.#onTrouble(reason),
    });
    this.#follower = new MemberFollower({
      ...{ clock, coming, known, limits, member, node },
      onUpdate: (update) => this.#onUpdate(update),
      onFollowing: (connection) => this.#onFollowing(connection),
      onRefused: (reason) => this.#onTrouble(`${reason}${REFUSAL_HINTS[reason] ?? ""}`),
      onBroken: ({ root }, reason) => {
        this.#lines.line(
          `skychat: cxo-group feed of ${member}: Root ${root.seq} is incomplete: ${reason}`,
        );
      },
    });
    const connection = node.connectionOf(member);
    if (connection !== undefined) this.onReady(connection);
  }

  /** An object of its feed that is held. */
  held(id: ObjectId): CxoObject | undefined {
    return this.#follower.feed.held(id);
  }

  /** What is known at this moment. */
  get state(): MemberState {
    const { member, node } = this.#options;
    const { feed, following } = this.#follower;
    return {
      member,
      address: this.#dialer.endpoint?.address,
      connected: node.connectionOf(member) !== undefined,
      following,
      trouble: following ? undefined : this.#trouble?.text,
      seq: feed.last?.root.seq,
      completedAt: feed.completedAt,
      objects: feed.objects,
      updates: this.#updates,
      lastInbound: this.#lastInbound,
    };
  }

  /** Where it listens; undefined where it dials us. May change at any time. */
  setEndpoint(endpoint: FeedEndpoint | undefined): void {
    this.#dialer.endpoint = endpoint;
  }

  /** Dials from now on. */
  start(): void {
    this.#dialer.start();
  }

  /** A connection counts for the member from now on. */
  onReady(connection: CxoConnection): void {
    this.#follower.use(connection);
    this.#dialer.connected();
  }

  /** The one that counted ended. */
  onGone(connection: CxoConnection, { message }: LinkEnd): void {
    const { context: { clock }, member } = this.#options;
    const { following } = this.#follower;
    if (following) {
      this.#lines.line(
        `skychat: cxo-group lost ${member} via ${connection.remoteAddress}: ${
          quoteForLog(message)
        }`,
      );
    } else if (connection.role === "dialer") this.#onTrouble(message);
    this.#follower.leave();
    this.#dialer.lost(clock.now() - connection.openedAt >= (following ? STEADY_MS : QUIET_MS));
  }

  /** It subscribed or pushed a Root. */
  onHeard(connection: CxoConnection): void {
    this.#follower.heard(connection);
  }

  /** Neither dials nor follows any more; resolves when nothing is under way. Connections live on. */
  async close(): Promise<void> {
    await Promise.all([this.#follower.close(), this.#dialer.close()]);
    this.#lines.flush();
  }

  #onFollowing({ remoteAddress }: CxoConnection): void {
    this.#trouble = undefined;
    this.#lines.line(`skychat: cxo-group follows ${this.#options.member} via ${remoteAddress}`);
  }

  /** Says why the member is not followed: once, while it stays the same. */
  #onTrouble(reason: string): void {
    const { context: { clock, log }, member } = this.#options;
    const text = quoteForLog(reason);
    const known = this.#trouble;
    if (known?.text === text && clock.now() - known.at < REPEATED_MS) return;
    this.#trouble = { text, at: clock.now() };
    log.warn(`skychat: cxo-group reconnect ${member}: ${text}`);
  }

  async #onUpdate(update: FeedUpdate): Promise<void> {
    const { context: { clock, log }, member, onUpdate } = this.#options;
    if (update.changes.length > 0) {
      this.#updates++;
      this.#lastInbound = clock.wall();
    }
    try {
      await onUpdate(update);
    } catch (error) {
      const reason = quoteForLog(errorText(error));
      log.error(`skychat: cxo-group feed of ${member}: an update was not handled: ${reason}`);
    }
  }
}
