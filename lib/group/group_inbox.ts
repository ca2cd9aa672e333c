import type { FeedUpdate, TreeChange } from "#cxo";
import type { Clock } from "#kit";
import { LEAF_RATE, Pace, RECORD_RATE } from "./pace.ts";
import type { IncomingLeaf, MessageIntake } from "./message_intake.ts";
import { parseGroupMessagePath } from "./message_path.ts";
import type { MessageSink } from "./message_sink.ts";
import { RecordInbox, type RecordInboxOptions } from "./record_inbox.ts";
import { Turns } from "./turns.ts";

/** New messages handled before others get a turn. */
const MESSAGES_PER_TURN = 4;
/** A known one, in parts of a new one, which has to be verified. */
const KNOWN = 1 / 8;
/** So many new messages are on their way to the disk at least when others wait: what the user sends waits behind. */
const MESSAGES_ON_THE_WAY = 150;

/** What the inbox of a group is made with. */
export interface GroupInboxOptions extends RecordInboxOptions {
  readonly intake: MessageIntake;
  readonly sink: Pick<MessageSink, "ready">;
}

/** What one member's feed was at. */
interface MemberState {
  readonly messages: Pace;
  readonly records: Pace;
  /** Time of the last complete Root. */
  before: bigint | undefined;
}

/** Takes what is new in the feeds of members, in an order that does not depend on the feed (groups.md 4.3). */
export class GroupInbox {
  readonly #options: GroupInboxOptions;
  readonly #records: RecordInbox;
  readonly #turns: Turns;
  readonly #members = new Map<string, MemberState>();
  #stopped = false;

  /** Nothing came yet. */
  constructor(options: GroupInboxOptions) {
    this.#options = options;
    this.#records = new RecordInbox(options);
    this.#turns = new Turns(options.clock, MESSAGES_PER_TURN);
  }

  /** Sealed records that wait for a key. */
  get parked(): number {
    return this.#records.parked;
  }

  /** Handles nothing more: what was not shown comes again with the next start. */
  stop(): void {
    this.#stopped = true;
    this.#records.stop();
  }

  /** Forgets what was known of a member's feed. */
  forget(member: string): void {
    this.#members.delete(member);
  }

  /** Takes what is new in a member's feed; resolves when it is handled. One update of a member at a time. */
  async take(member: string, { changes, complete, root }: FeedUpdate): Promise<void> {
    const leaves = changes.flatMap(leafOf);
    const state = this.#stateOf(member);
    state.messages.begin();
    state.records.begin();
    // Also an update that brings nothing comes at times, and some records wait for their date.
    this.#options.governance.retry();
    await this.#records.take(leaves, { member, pace: state.records });
    await this.#takeMessages(leaves, { member, state });
    if (complete) state.before = root.root.time;
  }

  /** Keys came: what was sealed is tried again, records first. */
  async retrySealed(): Promise<void> {
    this.#records.retrySealed();
    const { intake } = this.#options;
    for (const leaf of messagesOf(intake.takeSealed())) {
      if (this.#stopped) return;
      intake.take(leaf);
      await this.#turns.spend();
    }
  }

  async #takeMessages(
    leaves: readonly Leaf[],
    { member, state: { before, messages: pace } }: { member: string; state: MemberState },
  ): Promise<void> {
    const { intake, sink } = this.#options;
    let fresh = 0;
    let earlier: Promise<unknown> | undefined;
    for (const leaf of messagesOf(leaves)) {
      if (this.#stopped) return;
      const outcome = intake.isKnown(leaf) ? "known" : intake.take({ ...leaf, member, before });
      if (outcome !== "known") {
        await pace.next();
        if (++fresh % MESSAGES_ON_THE_WAY === 0) {
          const { kept } = intake;
          await earlier;
          earlier = kept;
        }
      }
      if (sink.ready !== undefined) await sink.ready;
      await this.#turns.spend(outcome === "known" ? KNOWN : 1);
    }
  }

  #stateOf(member: string): MemberState {
    const state = this.#members.get(member) ??
      newState(this.#options.clock);
    this.#members.set(member, state);
    return state;
  }
}

function newState(clock: Clock): MemberState {
  return {
    messages: new Pace(clock, LEAF_RATE),
    records: new Pace(clock, RECORD_RATE),
    before: undefined,
  };
}

type Leaf = Pick<IncomingLeaf, "path" | "value">;

function leafOf({ path, value }: TreeChange): Leaf[] {
  return value === undefined ? [] : [{ path, value }];
}

/** Leaves with messages, by time, sender and number; others of that folder are not honest. */
function messagesOf<Kind extends Leaf>(leaves: readonly Kind[]): Kind[] {
  return leaves
    .flatMap((leaf) => {
      const place = parseGroupMessagePath(leaf.path);
      return place === undefined ? [] : [{ leaf, place }];
    })
    .sort((a, b) =>
      compare(a.place.ts, b.place.ts) || compare(a.place.sender, b.place.sender) ||
      compare(a.place.seq, b.place.seq)
    )
    .map(({ leaf }) => leaf);
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
