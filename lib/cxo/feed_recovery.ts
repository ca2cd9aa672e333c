import type { Clock } from "#kit";
import { CxoFault } from "./fault.ts";
import { Filler } from "./fill.ts";
import { FillRun } from "./fill_run.ts";
import type { RootMessage } from "./messages.ts";
import type { ObjectId } from "./object_id.ts";
import type { ObjectShelf } from "./object_shelf.ts";
import { acceptRoot, decodeRoot, rootTreeNode, type SignedRoot } from "./root.ts";
import type { RootChain } from "./root_chain.ts";
import type { RootSource } from "./shared_feed.ts";
import { diffTreesSliced, type TreeLeaf } from "./walk.ts";

/** Peers whose Roots wait for their turn (ours). */
const MAX_WAITING = 16;

/** What a recovery is made with. */
export interface FeedRecoveryOptions {
  readonly clock: Clock;
  readonly chain: RootChain;
  /** The objects of the own feed. */
  readonly shelf: Pick<ObjectShelf, "get" | "has">;
  /** The tree of the own feed now. */
  readonly node: () => ObjectId | undefined;
  /** Takes a Root that a former process published, and the leaves that are otherwise or not in the own feed. */
  readonly onRoot: (signed: SignedRoot, leaves: readonly TreeLeaf[]) => Promise<void>;
}

/**
 * Fetches Roots of the own feed that a former process published and that peers give back (cxo.md 5.8): after
 * a restart without a store, after an old store was restored, after a disk that refused. Each that is newer
 * than the ones before, one at a time. Where nothing was lost, all of its objects are there already.
 */
export class FeedRecovery {
  readonly #options: FeedRecoveryOptions;
  #run: FillRun | undefined;
  /** The newest Root of each peer that has to wait; whoever kept us waiting in vain comes after the others. */
  readonly #waiting = new Map<RootSource, SignedRoot>();
  readonly #failed = new WeakSet<RootSource>();
  /** Time of the newest Root that was taken. */
  #recovered: bigint | undefined;
  #closed = false;

  /** Nothing was given back yet. */
  constructor(options: FeedRecoveryOptions) {
    this.#options = options;
  }

  /** Takes what a peer gave back; a fault that no honest peer makes. */
  offer(message: RootMessage, source: RootSource): CxoFault | undefined {
    if (this.#closed) return undefined;
    const root = decodeRoot(message.value);
    if (root instanceof CxoFault) return root;
    if (this.#options.chain.isOwn(root) || this.#isKnown(root.time)) return undefined;
    const signed = acceptRoot(message);
    if (signed instanceof CxoFault) return signed;
    if (this.#waiting.size < MAX_WAITING || this.#waiting.has(source)) {
      this.#waiting.set(source, signed);
    }
    this.#startNext();
    return undefined;
  }

  /** Gives up what is under way. */
  close(): void {
    this.#closed = true;
    this.#run?.stop("closed");
  }

  #isKnown(time: bigint): boolean {
    return this.#recovered !== undefined && time <= this.#recovered;
  }

  /** The newest first: where the others are part of it, they are not fetched. */
  #startNext(): void {
    if (this.#run !== undefined || this.#closed) return;
    const newest = [...this.#waiting].sort(([, a], [, b]) => a.root.time > b.root.time ? -1 : 1);
    const next = newest.find(([source]) => !this.#failed.has(source)) ?? newest[0];
    const [source, signed] = next ?? [];
    if (source === undefined || signed === undefined) return;
    this.#waiting.delete(source);
    if (this.#isKnown(signed.root.time)) return this.#startNext();
    const { clock, shelf } = this.#options;
    const filler = new Filler(signed.root, { has: (id) => shelf.has(id), get: () => undefined });
    this.#run = new FillRun(filler, { source, clock });
    void this.#finish(signed, filler, { run: this.#run, source });
  }

  async #finish(
    signed: SignedRoot,
    filler: Filler,
    { run, source }: { run: FillRun; source: RootSource },
  ): Promise<void> {
    const { clock, node, onRoot, shelf } = this.#options;
    const { kind } = await run.ended;
    if (kind !== "complete") this.#failed.add(source);
    const after = rootTreeNode(signed.root);
    if (kind === "complete" && !(after instanceof CxoFault)) {
      const changes = await diffTreesSliced(
        { before: node(), after },
        (id) => shelf.get(id) ?? filler.objects.get(id)?.bytes,
        () => clock.sleep(0),
      );
      // What this node signed it also wrote: a tree that cannot be walked is nobody's loss.
      if (!(changes instanceof CxoFault)) {
        this.#recovered = signed.root.time;
        await onRoot(
          signed,
          changes.flatMap(({ path, value, id }) =>
            value === undefined || id === undefined ? [] : [{ path, value, id }]
          ),
        );
      }
    }
    this.#run = undefined;
    this.#startNext();
  }
}
