import type { SecretKey } from "#crypto";
import { type Clock, NO_BYTES } from "#kit";
import { CxoFault } from "./fault.ts";
import {
  type ChainState,
  decodeChainState,
  encodeChainState,
  type FeedJournal,
} from "./feed_journal.ts";
import { type ObjectId, ZERO_ID } from "./object_id.ts";
import { REGISTRY, TREE_NODE_SCHEMA } from "./registry.ts";
import { type Root, type SignedRoot, signRoot } from "./root.ts";

/**
 * Roots that may be published before the disk is told again (ours): a restart skips what is left of
 * them, which readers allow (cxo.md 5.3), and heartbeats cost no writes.
 */
export const RESERVED_ROOTS = 1_000n;

/** What a {@link RootChain} is made with. */
export interface RootChainOptions {
  /** The key of the feed. */
  readonly secret: SecretKey;
  /** For the times of Roots, and for the number of a new head. */
  readonly clock: Pick<Clock, "wall">;
  /** Remembers how far the chain got; without one every start begins a new head. */
  readonly journal: FeedJournal | undefined;
}

/**
 * The chain of Roots of an own feed. It never uses a Seq twice, across restarts either: with a journal it
 * goes on where it may have been, without one it begins a head of its own (cxo.md 5.8).
 */
export class RootChain {
  readonly #options: RootChainOptions;
  readonly #nonce: bigint;
  /** Time and Seq of the first Root of this process. */
  #first: { readonly from: bigint; readonly seq: bigint } | undefined;
  /** Seq of the next Root. */
  #next: bigint;
  #reserved: bigint;
  #prev: ObjectId;
  /** No Root gets an earlier time, even where the clock was set back. */
  #time: bigint;

  /** Goes on after a stored state; a state that cannot be read counts as none. */
  constructor(options: RootChainOptions, stored: Uint8Array | undefined) {
    this.#options = options;
    const state = stored && decodeChainState(stored);
    const known: ChainState = state === undefined || state instanceof CxoFault
      ? { nonce: options.clock.wall(), reserved: -1n, prev: ZERO_ID, time: 0n }
      : state;
    this.#nonce = known.nonce;
    this.#reserved = known.reserved;
    this.#next = known.reserved + 1n;
    this.#prev = known.prev;
    this.#time = known.time;
  }

  /** Number of the head. */
  get nonce(): bigint {
    return this.#nonce;
  }

  /** Whether this process published a Root of the own feed, rather than one before it. */
  isOwn(root: Root): boolean {
    const { from, seq } = this.#first ?? {};
    if (from === undefined || seq === undefined || root.nonce !== this.#nonce) return false;
    // Numbers alone do not tell where an old store was restored.
    return root.time >= from && root.seq >= seq && root.seq < this.#next;
  }

  /**
   * Makes the next Root newer than one of the own feed that a peer gave back.
   *
   * @returns whether the last one was not.
   */
  follow({ root, id }: SignedRoot): boolean {
    const isLater = root.time > this.#time;
    if (isLater) this.#time = root.time;
    if (root.nonce !== this.#nonce || root.seq < this.#next) return isLater;
    this.#next = root.seq + 1n;
    this.#prev = id;
    return true;
  }

  /**
   * Signs the next Root, for a tree. Resolves when it may be announced: once in {@link RESERVED_ROOTS}
   * Roots that takes a write.
   */
  async next(object: ObjectId): Promise<SignedRoot> {
    const { clock, secret } = this.#options;
    const wall = clock.wall();
    this.#time = wall > this.#time ? wall : this.#time + 1n;
    this.#first ??= { from: this.#time, seq: this.#next };
    const signed = signRoot({
      refs: [{ object, schema: TREE_NODE_SCHEMA.id }],
      descriptor: NO_BYTES,
      registry: REGISTRY.id,
      pub: secret.publicKey.hex,
      nonce: this.#nonce,
      seq: this.#next,
      time: this.#time,
      prev: this.#prev,
    }, secret);
    this.#next++;
    this.#prev = signed.id;
    if (signed.root.seq > this.#reserved) await this.#reserve(signed);
    return signed;
  }

  /** Where the disk refuses, readers give the last Root back after a restart, and that heals it. */
  async #reserve({ root, id }: SignedRoot): Promise<void> {
    const { journal } = this.#options;
    if (journal === undefined) return;
    const reserved = root.seq + RESERVED_ROOTS - 1n;
    const state = { nonce: root.nonce, reserved, prev: id, time: root.time };
    if (await journal.append([], encodeChainState(state))) this.#reserved = reserved;
  }
}
