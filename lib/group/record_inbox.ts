import type { Clock, Log } from "#kit";
import { dropOfHeaviest } from "./fair_drop.ts";
import type { Governance } from "./governance.ts";
import { openGovernance } from "./group_cipher.ts";
import type { GroupKeys } from "./group_keys.ts";
import { decodeRotation, type KeyRotation } from "./key_rotation.ts";
import { LeafFault } from "./leaf_fault.ts";
import type { IncomingLeaf } from "./message_intake.ts";
import {
  decodeMutation,
  FAMILIES,
  type Mutation,
  type MutationFamily,
  verifyMutation,
} from "./mutation.ts";
import type { Pace } from "./pace.ts";
import { Turns } from "./turns.ts";

/** Sealed records that no held key opens, kept until a key comes (groups.md 3.4). */
export const MAX_PARKED_RECORDS = 256;
/** Records that are settled together: what they bring about is worked out once for all of them. */
const RECORDS_AT_ONCE = 64;
/** Signatures looked at in a turn. */
const CHECKS_PER_TURN = 4;
/** What else is done with a leaf, in parts of a check. */
const READING = 1 / 8;

/** What the inbox of records is made with. */
export interface RecordInboxOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly governance: Governance;
  /** Undefined in a public group. */
  readonly keys: GroupKeys | undefined;
  /** Told when keys came. */
  readonly onKeys: () => void;
}

interface RecordLeaf extends Leaf {
  readonly family: MutationFamily;
}

/** Whose feed brought something, and how fast it may. */
export interface Bringer {
  readonly member: string;
  readonly pace: Pace;
}

/**
 * Takes deliveries of keys and records of governance from the feeds of members. What is known costs next to
 * nothing; what has to be verified is slowed down as messages are.
 */
export class RecordInbox {
  readonly #options: RecordInboxOptions;
  readonly #turns: Turns;
  /** Sealed records without a key, by path and member. */
  readonly #parked = new Map<string, RecordLeaf>();
  #stopped = false;

  /** Nothing came yet. */
  constructor(options: RecordInboxOptions) {
    this.#options = options;
    this.#turns = new Turns(options.clock, CHECKS_PER_TURN);
  }

  /** Sealed records that wait for a key. */
  get parked(): number {
    return this.#parked.size;
  }

  /** Handles nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Takes what is new in a member's feed, keys first; resolves when it is handled. */
  async take(leaves: readonly Leaf[], bringer: Bringer): Promise<void> {
    await this.#takeKeys(leaves, bringer);
    await this.#takeRecords(leaves, bringer);
  }

  /** Keys came: what was sealed is tried again. */
  retrySealed(): void {
    const parked = [...this.#parked];
    this.#parked.clear();
    for (const [member, leaves] of Map.groupBy(parked, ([key]) => key.split("/", 1)[0] ?? "")) {
      const records = leaves.flatMap(([key, leaf]) => this.#open(leaf, key) ?? []);
      this.#apply(records.sort(byTime), member);
    }
  }

  async #takeKeys(leaves: readonly Leaf[], { pace }: Bringer): Promise<void> {
    const { keys, onKeys } = this.#options;
    if (keys === undefined) return;
    const rotations: KeyRotation[] = [];
    for (const { path, value } of leaves) {
      if (!path.startsWith("keys/")) continue;
      const rotation = decodeRotation(value);
      if (!(rotation instanceof LeafFault)) rotations.push(rotation);
      await this.#turns.spend(READING);
    }
    rotations.sort((a, b) => compare(a.epoch, b.epoch) || compare(a.issuedAt, b.issuedAt));
    let learnt = false;
    for (const rotation of rotations) {
      if (this.#stopped) return;
      if (keys.wasTaken(rotation)) continue;
      await pace.next();
      learnt = keys.take(rotation) || learnt;
      await this.#turns.spend();
    }
    if (learnt) onKeys();
  }

  async #takeRecords(leaves: readonly Leaf[], { member, pace }: Bringer): Promise<void> {
    const { governance } = this.#options;
    let batch: Mutation[] = [];
    const apply = (): void => {
      this.#apply(batch, member);
      batch = [];
    };
    for (const record of await this.#read(leaves, member)) {
      if (this.#stopped) return;
      if (!governance.knows(record)) {
        const pause = pace.next();
        if (pause !== undefined) {
          apply();
          await pause;
        }
        await this.#turns.spend();
        // Looked at here, in short turns; whoever looks again finds it done.
        if (verifyMutation(record) !== undefined) continue;
      }
      batch.push(record);
      if (batch.length >= RECORDS_AT_ONCE) apply();
      await this.#turns.spend(READING);
    }
    apply();
  }

  /** The records that can be read now, in their order. */
  async #read(leaves: readonly Leaf[], member: string): Promise<readonly Mutation[]> {
    const records: Mutation[] = [];
    for (const { path, value } of leaves) {
      const family = FAMILIES.find((name) => path.startsWith(`${name}/`));
      if (family === undefined) continue;
      const record = this.#open({ path, family, value }, `${member}/${path}`);
      if (record !== undefined) records.push(record);
      await this.#turns.spend(READING);
    }
    return records.sort(byTime);
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

  #apply(records: readonly Mutation[], member: string): void {
    const { governance, log } = this.#options;
    if (records.length === 0) return;
    for (const verdict of governance.takeAll(records, member)) {
      if (verdict.kind === "refused") {
        log.debug(`skychat: cxo-group: a record was passed over: ${verdict.reason}`);
      }
    }
  }
}

type Leaf = Pick<IncomingLeaf, "path" | "value">;

function byTime(a: Mutation, b: Mutation): number {
  return compare(a.issuedAt, b.issuedAt) || FAMILIES.indexOf(a.family) - FAMILIES.indexOf(b.family);
}

function compare(a: bigint, b: bigint): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
