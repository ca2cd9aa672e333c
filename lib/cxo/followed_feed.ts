import { type Clock, equalBytes, type Timer } from "#kit";
import { type Rate, RateLimiter } from "#net";
import type { ComingObjects } from "./coming_objects.ts";
import { CxoFault } from "./fault.ts";
import {
  Filler,
  type FillLimits,
  type FillView,
  MAX_FILL_BYTES,
  MAX_FILL_OBJECTS,
} from "./fill.ts";
import { FILL_LIMIT_MS, type FillEnd, FillRun } from "./fill_run.ts";
import type { RootMessage } from "./messages.ts";
import type { CxoObject, KeyHex, ObjectId } from "./object_id.ts";
import { ObjectShelf } from "./object_shelf.ts";
import { acceptRoot, decodeRoot, type Root, rootTreeNode, type SignedRoot } from "./root.ts";
import type { RootSource, SharedFeed } from "./shared_feed.ts";
import { diffTreesSliced, salvageLeaves, type TreeChange } from "./walk.ts";

/** Most bytes kept of Roots that could not be completed; with more, the next one starts from nothing (ours). */
export const MAX_LEFTOVER_BYTES = 33_554_432;

/** Time for which the objects of a Root that was given back are kept, milliseconds (ours). */
export const GIVEN_MS: number = 5 * FILL_LIMIT_MS;

/** Roots of one feed that may break: the next is begun later (ours). */
const BROKEN_RATE: Rate = { perSecond: 0.2, burst: 10 };

/** What became different in a followed feed. */
export interface FeedUpdate {
  /** The Root that says so. */
  readonly root: SignedRoot;
  /** Sorted by path. After a broken fill: every leaf that arrived, and none that is gone. */
  readonly changes: readonly TreeChange[];
  /** Whether all of the Root is there. */
  readonly complete: boolean;
}

/** What a followed feed is made with. */
export interface FollowedFeedOptions {
  /** Whose feed. */
  readonly key: KeyHex;
  /** For the limit on one Root, and for {@link FollowedFeed.completedAt}. */
  readonly clock: Clock;
  /** How much one Root may bring. */
  readonly limits?: FillLimits;
  /**
   * Objects that are held for other feeds: they need not be fetched, and are not held twice. Feeds of a
   * group are nearly the same tree.
   */
  readonly known?: (id: ObjectId) => CxoObject | undefined;
  /** What is on its way to those feeds. */
  readonly coming?: ComingObjects;
  /** Handles what is new; the next Root waits until it is done. */
  readonly onUpdate: (update: FeedUpdate) => Promise<void>;
  /** Told how each Root ended, after {@link onUpdate}. */
  readonly onEnd: (end: FillEnd, root: SignedRoot) => void;
}

/** A Root that was given back, its tree, and when that is let go. */
interface Given {
  readonly signed: SignedRoot;
  readonly node: ObjectId;
  readonly timer: Timer;
}

/** A Root, and who has it. */
interface Offer {
  readonly signed: SignedRoot;
  readonly source: RootSource;
}

/**
 * The reader's side of one feed (cxo.md 4.9): takes Roots, fetches their objects, and reports what is new.
 *
 * Held are the objects of the last complete Root and of the one being fetched, and after a broken fill
 * what arrived of it, so that a long feed makes progress over a bad line. Only the newest Root waits.
 */
export class FollowedFeed implements SharedFeed {
  readonly key: KeyHex;
  readonly #options: FollowedFeedOptions;
  readonly #most: Required<FillLimits>;
  readonly #shelf = new ObjectShelf();
  /** What broken fills left: objects whose subtrees may be missing. */
  readonly #leftover = new Map<ObjectId, CxoObject>();
  #leftoverBytes = 0;
  #last: SignedRoot | undefined;
  #completedAt: number | undefined;
  /** What was given back, the newest first. */
  #given: readonly Given[] = [];
  #current: (Offer & { readonly run: FillRun; readonly filler: Filler }) | undefined;
  #pending: Offer | undefined;
  #work: Promise<void> = Promise.resolve();
  #closed = false;
  readonly #broken: RateLimiter;
  #breathing = false;

  /** Nothing is known yet. */
  constructor(options: FollowedFeedOptions) {
    this.key = options.key;
    this.#options = options;
    this.#most = { objects: MAX_FILL_OBJECTS, bytes: MAX_FILL_BYTES, ...options.limits };
    this.#broken = new RateLimiter({ clock: options.clock, capacity: 1 });
  }

  get last(): SignedRoot | undefined {
    return this.#last;
  }

  /** When a Root was completed last, on the clock of durations; undefined before the first. */
  get completedAt(): number | undefined {
    return this.#completedAt;
  }

  /** Objects held. */
  get objects(): number {
    return this.#shelf.size + this.#leftover.size;
  }

  giveBack(): readonly SignedRoot[] {
    const last = this.#last;
    const node = nodeOf(last?.root);
    const isNew = last !== undefined && this.#given.every(({ signed }) => signed !== last);
    if (isNew && node !== undefined) {
      this.#shelf.retain(node);
      const given: Given = {
        signed: last,
        node,
        timer: this.#options.clock.after(GIVEN_MS, () => this.#dropGiven(given)),
      };
      this.#given = [given, ...this.#given];
      const [, , oldest] = this.#given;
      if (oldest !== undefined) this.#dropGiven(oldest);
    }
    // Who lost the objects of an earlier one on the way, and published meanwhile, still needs that.
    return this.#given.map(({ signed }) => signed);
  }

  object(id: ObjectId): Uint8Array | undefined {
    return this.#shelf.get(id);
  }

  /** An object that is held, be it of a Root that is not complete yet, with what it is said to name. */
  held(id: ObjectId): CxoObject | undefined {
    return this.#shelf.held(id) ?? this.#current?.filler.objects.get(id) ?? this.#leftover.get(id);
  }

  offer(message: RootMessage, source: RootSource): CxoFault | "stale" | undefined {
    if (this.#closed || message.feed !== this.key) return undefined;
    const { value } = message;
    const { run, signed: current } = this.#current ?? {};
    if (current !== undefined && equalBytes(current.value, value)) {
      run?.addSource(source);
      return undefined;
    }
    if (this.#last !== undefined && equalBytes(this.#last.value, value)) return undefined;
    const root = decodeRoot(value);
    if (root instanceof CxoFault) return root;
    // Before the signature is looked at, which costs a thousand times more.
    if (!supersedes(root, this.#last)) return "stale";
    if (!supersedes(root, current) || !supersedes(root, this.#pending?.signed)) return undefined;
    const signed = acceptRoot(message);
    if (signed instanceof CxoFault) return signed;
    this.#pending = { signed, source };
    this.#startNext();
    return undefined;
  }

  /** Takes nothing more; resolves when what was under way is handled. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#pending = undefined;
    this.#current?.run.stop("closed");
    this.#dropAllGiven();
    await this.#work;
  }

  #startNext(): void {
    const offer = this.#pending;
    if (this.#current !== undefined || this.#breathing || offer === undefined) return;
    this.#pending = undefined;
    const { clock, coming } = this.#options;
    const filler = new Filler(offer.signed.root, this.#view(), this.#most);
    const run = new FillRun(filler, { source: offer.source, clock, coming });
    this.#current = { ...offer, run, filler };
    this.#work = this.#finish(offer.signed, filler, run);
  }

  #view(): FillView {
    return {
      has: (id) => this.#shelf.has(id),
      get: (id) => this.#leftover.get(id)?.bytes,
      borrow: (id) => this.#options.known?.(id),
    };
  }

  async #finish(signed: SignedRoot, filler: Filler, run: FillRun): Promise<void> {
    let end = await run.ended;
    if (end.kind === "complete") {
      const fault = await this.#apply(signed, filler);
      if (fault !== undefined) {
        const source = this.#current?.source;
        if (source !== undefined) end = { kind: "hostile", fault, source };
      }
    } else if (end.kind === "broken") await this.#salvage(signed, filler);
    this.#current = undefined;
    this.#options.onEnd(end, signed);
    if (end.kind === "broken") await this.#breathe();
    if (!this.#closed) this.#startNext();
  }

  /** Where Roots keep breaking, the next one waits: what came of each is walked, which may take a second. */
  async #breathe(): Promise<void> {
    this.#breathing = true;
    const { clock } = this.#options;
    while (!this.#closed && !this.#broken.take("", BROKEN_RATE)) await clock.sleep(1_000);
    this.#breathing = false;
  }

  /** Makes a filled Root the last one, and reports how it differs from the one before. */
  async #apply(signed: SignedRoot, filler: Filler): Promise<CxoFault | undefined> {
    const [before, after] = [nodeOf(this.#last?.root), nodeOf(signed.root)];
    const shelf = this.#shelf;
    const { clock, onUpdate } = this.#options;
    const changes = await diffTreesSliced(
      { before, after },
      (id) => this.#lookUp(id, filler),
      () => clock.sleep(0),
    );
    if (changes instanceof CxoFault) return changes;
    shelf.add(this.#leftover.values());
    shelf.add(filler.objects.values());
    if (after !== undefined) shelf.retain(after);
    if (before !== undefined) shelf.release(before);
    shelf.prune(this.#leftover.keys());
    shelf.prune(filler.objects.keys());
    this.#clearLeftover();
    this.#last = signed;
    const { bytes, objects } = this.#most;
    if (shelf.bytes > bytes || shelf.size > objects) this.#dropAllGiven();
    if (shelf.bytes > bytes) return this.#outgrown();
    await onUpdate({ root: signed, changes, complete: true });
    this.#completedAt = clock.now();
    return undefined;
  }

  #dropGiven(given: Given): void {
    given.timer.cancel();
    this.#shelf.release(given.node);
    this.#given = this.#given.filter((other) => other !== given);
  }

  #dropAllGiven(): void {
    for (const given of this.#given) this.#dropGiven(given);
  }

  /** Each Root may bring little and keep all that came before. Nothing of such a feed stays. */
  #outgrown(): CxoFault {
    this.#shelf.clear();
    this.#last = undefined;
    return new CxoFault("too-large", "a feed that has grown too large to be held");
  }

  /** Reports what arrived of a Root that cannot be completed, and keeps it for the next one (cxo.md 6.5). */
  async #salvage(signed: SignedRoot, filler: Filler): Promise<void> {
    if (this.#closed) return;
    const { clock, onUpdate } = this.#options;
    const changes = await salvageLeaves(
      nodeOf(signed.root),
      (id) => this.#lookUp(id, filler),
      () => clock.sleep(0),
    );
    for (const object of filler.objects.values()) {
      if (!filler.borrowed.has(object.id)) this.#leftover.set(object.id, object);
    }
    this.#leftoverBytes += filler.bytes;
    const isTooMuch = this.#leftoverBytes > MAX_LEFTOVER_BYTES;
    if (isTooMuch || this.#leftover.size > this.#most.objects) this.#clearLeftover();
    await onUpdate({ root: signed, changes, complete: false });
  }

  #lookUp(id: ObjectId, filler: Filler): Uint8Array | undefined {
    const held = filler.objects.get(id) ?? this.#leftover.get(id);
    return this.#shelf.get(id) ?? held?.bytes;
  }

  #clearLeftover(): void {
    this.#leftover.clear();
    this.#leftoverBytes = 0;
  }
}

/**
 * Whether a Root takes the place of another (cxo.md 4.5, 5.3, 5.8): a higher Seq of the same head, or a
 * later Time, be it of another head or of a publisher that began anew.
 */
function supersedes(root: Root, known: SignedRoot | undefined): boolean {
  if (known === undefined || root.time > known.root.time) return true;
  return root.nonce === known.root.nonce && root.seq > known.root.seq;
}

/** The tree of a Root that was accepted before; a Root that names none has none. */
function nodeOf(root: Root | undefined): ObjectId | undefined {
  const node = root && rootTreeNode(root);
  return node instanceof CxoFault ? undefined : node;
}
