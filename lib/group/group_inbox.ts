import type { FeedUpdate, TreeChange } from "#cxo";
import type { Clock, Log } from "#kit";
import { dropOfHeaviest } from "./fair_drop.ts";
import type { Governance } from "./governance.ts";
import { openGovernance } from "./group_cipher.ts";
import type { GroupKeys } from "./group_keys.ts";
import { decodeRotation, type KeyRotation } from "./key_rotation.ts";
import { LeafFault } from "./leaf_fault.ts";
import type { IncomingLeaf, MessageIntake } from "./message_intake.ts";
import { parseGroupMessagePath } from "./message_path.ts";
import type { MessageSink } from "./message_sink.ts";
import { decodeMutation, type Mutation, type MutationFamily } from "./mutation.ts";
import { Pace } from "./pace.ts";

/** Sealed records that no held key opens, kept until a key comes (groups.md 3.4). */
export const MAX_PARKED_RECORDS = 256;
/** Records of governance that one update may bring; more of them are passed over (ours). */
export const MAX_RECORDS_PER_UPDATE = 4_096;
/**
 * New messages handled before others get a turn: 2 ms or so. The runtime looks at its sockets only every
 * thirtieth turn while there is always work, so short turns are what keeps the control surface quick.
 */
const MESSAGES_PER_TURN = 4;
/** Known ones that take as long as a new one, which has to be verified. */
const KNOWN_PER_NEW = 8;

/** Families in the order in which records of the same time are applied (groups.md 2.6). */
const FAMILIES: readonly MutationFamily[] = ["roster", "admin", "mod"];

/** What the inbox of a group is made with. */
export interface GroupInboxOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly governance: Governance;
  /** Undefined in a public group. */
  readonly keys: GroupKeys | undefined;
  readonly intake: MessageIntake;
  readonly sink: Pick<MessageSink, "ready">;
  /** Told when keys came. */
  readonly onKeys: () => void;
}

interface RecordLeaf {
  readonly path: string;
  readonly family: MutationFamily;
  readonly value: Uint8Array;
}

/** What one member's feed was at. */
interface MemberState {
  readonly pace: Pace;
  /** Time of the last complete Root. */
  before: bigint | undefined;
}

/** Takes what is new in the feeds of members, in an order that does not depend on the feed (groups.md 4.3). */
export class GroupInbox {
  readonly #options: GroupInboxOptions;
  readonly #members = new Map<string, MemberState>();
  /** Sealed records without a key, by path and member. */
  readonly #parked = new Map<string, RecordLeaf>();
  #stopped = false;

  /** Nothing came yet. */
  constructor(options: GroupInboxOptions) {
    this.#options = options;
  }

  /** Sealed records that wait for a key. */
  get parked(): number {
    return this.#parked.size;
  }

  /** Handles nothing more: what was not shown comes again with the next start. */
  stop(): void {
    this.#stopped = true;
  }

  /** Forgets what was known of a member's feed. */
  forget(member: string): void {
    this.#members.delete(member);
  }

  /** Takes what is new in a member's feed; resolves when it is handled. One update of a member at a time. */
  async take(member: string, { changes, complete, root }: FeedUpdate): Promise<void> {
    const leaves = changes.flatMap(leafOf);
    // Also an update that brings nothing comes at times, and some records wait for their date.
    this.#options.governance.retry();
    this.#takeKeys(leaves);
    this.#takeRecords(leaves, member);
    await this.#takeMessages(leaves, member);
    if (complete) this.#stateOf(member).before = root.root.time;
  }

  /** Keys came: what was sealed is tried again, records first. */
  retrySealed(): void {
    const parked = [...this.#parked];
    this.#parked.clear();
    for (const [member, leaves] of Map.groupBy(parked, ([key]) => key.split("/", 1)[0] ?? "")) {
      this.#apply(leaves.flatMap(([key, leaf]) => this.#open(leaf, key) ?? []), member);
    }
    const { intake } = this.#options;
    for (const leaf of messagesOf(intake.takeSealed())) intake.take(leaf);
  }

  #takeKeys(leaves: readonly Leaf[]): void {
    const { keys, onKeys } = this.#options;
    if (keys === undefined) return;
    const rotations = leaves.flatMap(({ path, value }): KeyRotation[] => {
      const rotation = path.startsWith("keys/") ? decodeRotation(value) : undefined;
      return rotation === undefined || rotation instanceof LeafFault ? [] : [rotation];
    });
    rotations.sort((a, b) => compare(a.epoch, b.epoch) || compare(a.issuedAt, b.issuedAt));
    let learnt = false;
    for (const rotation of rotations) learnt = keys.take(rotation) || learnt;
    if (learnt) onKeys();
  }

  #takeRecords(leaves: readonly Leaf[], member: string): void {
    const records: Mutation[] = [];
    for (const { path, value } of leaves) {
      const family = FAMILIES.find((name) => path.startsWith(`${name}/`));
      if (family === undefined || records.length >= MAX_RECORDS_PER_UPDATE) continue;
      const record = this.#open({ path, family, value }, `${member}/${path}`);
      if (record !== undefined) records.push(record);
    }
    this.#apply(records, member);
  }

  /** A record in clear, be it that it was never sealed; undefined where there is none to read now. */
  #open(leaf: RecordLeaf, key: string): Mutation | undefined {
    const { keys } = this.#options;
    const json = openGovernance(keys?.ring.keys() ?? [], leaf.value);
    if (json === "no-key") {
      // In a public group nothing will ever open it.
      if (keys !== undefined) this.#park(leaf, key);
      return undefined;
    }
    if (json instanceof LeafFault) return undefined;
    const mutation = decodeMutation(json, leaf.family);
    return mutation instanceof LeafFault ? undefined : mutation;
  }

  #park(leaf: RecordLeaf, key: string): void {
    this.#parked.set(key, leaf);
    if (this.#parked.size > MAX_PARKED_RECORDS) {
      dropOfHeaviest(this.#parked, (place) => place.split("/", 1)[0] ?? "");
    }
  }

  #apply(records: Mutation[], member: string): void {
    const { governance, log } = this.#options;
    records.sort((a, b) =>
      compare(a.issuedAt, b.issuedAt) || FAMILIES.indexOf(a.family) - FAMILIES.indexOf(b.family)
    );
    for (const verdict of governance.takeAll(records, member)) {
      if (verdict.kind === "refused") {
        log.debug(`skychat: cxo-group: a record was passed over: ${verdict.reason}`);
      }
    }
  }

  async #takeMessages(leaves: readonly Leaf[], member: string): Promise<void> {
    const { clock, intake, sink } = this.#options;
    const { before, pace } = this.#stateOf(member);
    pace.begin();
    let handled = 0;
    for (const leaf of messagesOf(leaves)) {
      if (this.#stopped) return;
      const outcome = intake.isKnown(leaf) ? "known" : intake.take({ ...leaf, member, before });
      handled += outcome === "known" ? 1 / KNOWN_PER_NEW : 1;
      const pause = outcome === "known" ? undefined : pace.next();
      if (pause !== undefined) await pause;
      if (sink.ready !== undefined) await sink.ready;
      if (handled < MESSAGES_PER_TURN) continue;
      handled = 0;
      await clock.sleep(0);
    }
  }

  #stateOf(member: string): MemberState {
    const state = this.#members.get(member) ??
      { pace: new Pace(this.#options.clock), before: undefined };
    this.#members.set(member, state);
    return state;
  }
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
