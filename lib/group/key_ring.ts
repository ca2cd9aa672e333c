import { sha256 } from "#crypto";
import { equalBytes } from "#kit";
import { GROUP_KEY_LENGTH } from "./key_rotation.ts";

/** One key of a private group. */
export interface GroupKey {
  /** Its number; 0 is the key that the group was made with. */
  readonly epoch: bigint;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** When it was issued, Unix nanoseconds; 0 when nobody knows. */
  readonly issuedAt: bigint;
}

/** Retired keys that are kept at most. */
const MOST_RETIRED = 32;
const DAY_NANOS = 86_400_000_000_000n;
/** Age at which a key is due, before the share of each admin is added (groups.md 3.5). */
const ROTATION_AGE = 7n * DAY_NANOS;
const JITTER_SPAN = ROTATION_AGE / 4n;
/** Messages sealed under one key at which it is due. */
const ROTATION_COUNT = 4096;

/** The keys of a private group that are held: one to seal with, and those that still open. */
export class KeyRing {
  #current: GroupKey | undefined;
  #retired: readonly GroupKey[];

  /** With the keys of a record; the retired ones newest first, of which 32 are kept. */
  constructor(current?: GroupKey, retired: readonly GroupKey[] = []) {
    this.#current = current;
    this.#retired = retired.slice(0, MOST_RETIRED);
  }

  /** What new messages are sealed with; undefined while no key is known. */
  get current(): GroupKey | undefined {
    return this.#current;
  }

  /** Keys that only open, newest first. */
  get retired(): readonly GroupKey[] {
    return this.#retired;
  }

  /** The keys to try on a sealed text, likeliest first. */
  keys(): readonly Uint8Array[] {
    const retired = this.#retired.map(({ key }) => key);
    return this.#current === undefined ? retired : [this.#current.key, ...retired];
  }

  /**
   * Takes a key of a rotation (groups.md 3.2): a higher number becomes the current key, and so does the
   * same number issued later; any other goes to the ring. `known` when it changes nothing, because it is
   * held or has not 32 bytes.
   */
  install(key: GroupKey): "current" | "ring" | "known" {
    const current = this.#current;
    if (!this.#isNew(key)) return "known";
    if (current !== undefined && !outranks(key, current)) return this.#retire(key);
    if (current !== undefined) this.#retire(current);
    this.#current = key;
    return "current";
  }

  /** Takes a key that may only open, such as one of a rotation that came too late. */
  installRetired(key: GroupKey): "ring" | "known" {
    return this.#isNew(key) ? this.#retire(key) : "known";
  }

  #retire(key: GroupKey): "ring" {
    this.#retired = [key, ...this.#retired].slice(0, MOST_RETIRED);
    return "ring";
  }

  #isNew({ epoch, key }: GroupKey): boolean {
    if (key.length !== GROUP_KEY_LENGTH) return false;
    const held = this.#current === undefined ? this.#retired : [this.#current, ...this.#retired];
    return !held.some((other) => other.epoch === epoch && equalBytes(other.key, key));
  }
}

/** How much longer than a week an admin waits, nanoseconds, so that not all of them rotate at once. */
export function rotationJitterNanos(pk: string): bigint {
  const digest = sha256(Uint8Array.fromHex(pk));
  return new DataView(digest.buffer, digest.byteOffset).getBigUint64(0) % JITTER_SPAN;
}

/** Whether an admin should rotate now: the current key is too old or has sealed too much. */
export function rotationDue(
  ring: KeyRing,
  state: {
    /** The admin: 66 hex digits. */
    readonly self: string;
    /** Unix nanoseconds. */
    readonly now: bigint;
    /** Messages sealed here under the current key, heartbeats left out. */
    readonly sealedCount: number;
  },
): boolean {
  const { current } = ring;
  if (current === undefined) return false;
  if (current.issuedAt === 0n || state.sealedCount >= ROTATION_COUNT) return true;
  return state.now - current.issuedAt >= ROTATION_AGE + rotationJitterNanos(state.self);
}

function outranks(key: GroupKey, current: GroupKey): boolean {
  if (key.epoch !== current.epoch) return key.epoch > current.epoch;
  return key.issuedAt > current.issuedAt;
}
