import { type PublicKey, SecretKey } from "#crypto";
import { LEAF_NAME_BYTES, SeenLeaves } from "#cxo";
import type { Clock, Random } from "#kit";
import { dropOfHeaviest } from "./fair_drop.ts";
import { type KeyRing, rotationDue } from "./key_ring.ts";
import {
  type KeyRotation,
  rotationDigest,
  signRotation,
  unwrapGroupKey,
  verifyRotation,
  wrapGroupKey,
} from "./key_rotation.ts";
import { freshness } from "./replay_guard.ts";

/** Bytes of a group key: AES-256. */
const KEY_BYTES = 32;
/** Rotations that wait for their issuer to become an admin (ours). */
const MAX_WAITING_ROTATIONS = 32;
/**
 * How much higher than that of the current key the epoch of a new one may be (ours). After the highest there
 * is no next: one admin could keep the group from ever changing its key again.
 */
export const MAX_EPOCH_STEP = 65_536n;
/** Highest epoch that is taken where there is no key yet: nearly all that there are lie ahead of it (ours). */
const MAX_FIRST_EPOCH = 2n ** 48n;
/** Rotations remembered that brought what they had to bring (ours). */
const MAX_TAKEN = 4_096;

/** What the keys of a private group are made with. */
export interface GroupKeysOptions {
  readonly groupId: string;
  readonly secret: SecretKey;
  readonly clock: Pick<Clock, "wall">;
  readonly random: Random;
  /** What was kept. */
  readonly ring: KeyRing;
  /** When the newest rotation that was applied was issued; undefined before the first. */
  readonly watermark: bigint | undefined;
  /** Whether a key belongs to an admin now. */
  readonly isAdmin: (pk: string) => boolean;
  /** Told of each rotation of an admin, also of those that bring this node nothing. */
  readonly onRotation: (rotation: KeyRotation) => void;
}

/** The keys of a private group: which are held, how they come and how they go to others (groups.md 3). */
export class GroupKeys {
  readonly #options: GroupKeysOptions;
  readonly #ring: KeyRing;
  /** Rotations of people who are no admins, by issuer and number. */
  readonly #waiting = new Map<string, KeyRotation>();
  #waited = 0;
  /** Short digests of rotations of admins that were taken: each member brings a copy. */
  readonly #taken = new SeenLeaves(MAX_TAKEN);
  #watermark: bigint | undefined;
  /** When we handed out keys last. */
  #issued = 0n;
  #sealed = 0;

  /** Whatever was kept is held. */
  constructor(options: GroupKeysOptions) {
    this.#options = options;
    this.#ring = options.ring;
    this.#watermark = options.watermark;
  }

  /** What is held. */
  get ring(): KeyRing {
    return this.#ring;
  }

  /** When the newest applied rotation was issued. */
  get watermark(): bigint | undefined {
    return this.#watermark;
  }

  /** Whether an admin should rotate now, for age or use (groups.md 3.5). */
  get isDue(): boolean {
    const { clock, secret } = this.#options;
    return rotationDue(this.#ring, {
      self: secret.publicKey.hex,
      now: clock.wall(),
      sealedCount: this.#sealed,
    });
  }

  /** Counts a message sealed with the current key. */
  used(): void {
    this.#sealed++;
  }

  /** The founder's first key: epoch 0. */
  create(): void {
    const { clock, random } = this.#options;
    this.#ring.install({ epoch: 0n, key: random.bytes(KEY_BYTES), issuedAt: clock.wall() });
  }

  /** Whether a rotation was taken, so that it need not be looked at again. */
  wasTaken(rotation: KeyRotation): boolean {
    return rotation.groupId === this.#options.groupId && this.#taken.has(nameOf(rotation));
  }

  /** Takes a rotation from a feed, in the order of the checks of groups.md 2.6; whether a key was learnt. */
  take(rotation: KeyRotation): boolean {
    const { clock, groupId, isAdmin, onRotation } = this.#options;
    if (rotation.groupId !== groupId || verifyRotation(rotation) !== undefined) return false;
    if (!isAdmin(rotation.issuer)) {
      this.#waiting.set(`${rotation.issuer}/${++this.#waited}`, rotation);
      if (this.#waiting.size > MAX_WAITING_ROTATIONS) {
        dropOfHeaviest(this.#waiting, (key) => key.split("/", 1)[0] ?? "");
      }
      return false;
    }
    const now = clock.wall();
    if (!this.#isPlausible(rotation, now)) return false;
    this.#taken.add(nameOf(rotation));
    onRotation(rotation);
    return this.#install(rotation);
  }

  /** Tries again what waited for an admin; whether a key was learnt. */
  retry(): boolean {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    return waiting.filter((rotation) => this.take(rotation)).length > 0;
  }

  /** The current key for these people, who may be new; to be published. Undefined without people or key. */
  deliver(recipients: readonly PublicKey[]): KeyRotation | undefined {
    const { current } = this.#ring;
    if (current === undefined || recipients.length === 0) return undefined;
    return this.#rotation({ epoch: current.epoch, key: current.key }, recipients);
  }

  /**
   * A new key for these people; to be installed by {@link installOwn} and kept, then published: a key that is
   * lost between would leave this node alone without it. For nobody there is nothing to publish.
   */
  rotate(recipients: readonly PublicKey[]): OwnRotation {
    const { random } = this.#options;
    const epoch = (this.#ring.current?.epoch ?? -1n) + 1n;
    const key = random.bytes(KEY_BYTES);
    return { epoch, key, rotation: this.#rotation({ epoch, key }, recipients) };
  }

  /** Makes a new key of our own the current one. */
  installOwn({ epoch, key, rotation }: OwnRotation): void {
    const issuedAt = rotation?.issuedAt ?? this.#options.clock.wall();
    this.#ring.install({ epoch, key, issuedAt });
    this.#advance(issuedAt);
    this.#sealed = 0;
  }

  #isPlausible({ epoch, issuedAt }: KeyRotation, now: bigint): boolean {
    const { current } = this.#ring;
    const most = current === undefined ? MAX_FIRST_EPOCH : current.epoch + MAX_EPOCH_STEP;
    return epoch <= most && freshness(issuedAt, { now, watermark: undefined }) === "apply";
  }

  #install(rotation: KeyRotation): boolean {
    const { secret } = this.#options;
    const { epoch, issuedAt } = rotation;
    const key = unwrapGroupKey(rotation, secret);
    if (key === undefined) return false;
    const isFresh = this.#watermark === undefined || issuedAt > this.#watermark;
    // A later epoch is later, whatever clocks say: an admin may hand out an old key without having heard of it.
    const isLater = epoch > (this.#ring.current?.epoch ?? -1n);
    if (!isFresh && !isLater) {
      // Dated before one that is known: good for reading, never for writing.
      const before = this.#ring.keys().length;
      this.#ring.installRetired({ epoch, key, issuedAt });
      return this.#ring.keys().length > before;
    }
    const outcome = this.#ring.install({ epoch, key, issuedAt });
    if (outcome === "known") return false;
    this.#advance(issuedAt);
    if (outcome === "current") this.#sealed = 0;
    return true;
  }

  #rotation(
    { epoch, key }: { epoch: bigint; key: Uint8Array },
    recipients: readonly PublicKey[],
  ): KeyRotation | undefined {
    if (recipients.length === 0) return undefined;
    const { clock, groupId, random, secret } = this.#options;
    const ephemeral = SecretKey.generate(random);
    const wall = clock.wall();
    const newest = [this.#issued, this.#watermark ?? 0n].reduce((a, b) => a > b ? a : b);
    const issuedAt = this.#issued = wall > newest ? wall : newest + 1n;
    const wraps = wrapGroupKey(key, { recipients, ephemeral, random });
    return signRotation(secret, { groupId, epoch, wraps, issuedAt });
  }

  #advance(issuedAt: bigint): void {
    if (this.#watermark === undefined || issuedAt > this.#watermark) this.#watermark = issuedAt;
  }
}

function nameOf(rotation: KeyRotation): string {
  return rotationDigest(rotation).slice(0, 2 * LEAF_NAME_BYTES);
}

/** A new key of our own. */
export interface OwnRotation {
  readonly epoch: bigint;
  readonly key: Uint8Array;
  /** What tells others; undefined where there is nobody. */
  readonly rotation: KeyRotation | undefined;
}
