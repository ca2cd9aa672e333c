import type { Clock } from "#kit";
import { CxoFault } from "./fault.ts";
import { Filler } from "./fill.ts";
import { type FillEnd, FillRun } from "./fill_run.ts";
import type { RootMessage } from "./messages.ts";
import type { KeyHex, ObjectId } from "./object_id.ts";
import type { ObjectShelf } from "./object_shelf.ts";
import { acceptRoot, decodeRoot, type Root, rootTreeNode, type SignedRoot } from "./root.ts";
import type { RootChain } from "./root_chain.ts";
import type { RootSource } from "./shared_feed.ts";
import { diffTreesSliced, isLeaf, type TreeLeaf } from "./walk.ts";

/** Peers whose Roots wait for their turn (ours). */
export const MAX_WAITING_RECOVERIES = 64;
/** Roots that are fetched at a time: peers that answer slowly hold up others no longer than needed (ours). */
export const MAX_RECOVERIES = 4;
/** Time for each object of one, milliseconds (ours): whoever wants to help has it at hand. */
export const RECOVERY_REQUEST_MS = 5_000;
/** Objects that a peer has to bring in this time while others wait (ours). */
const MIN_PROGRESS = 20;
/** Attempts that a peer may spoil before it is asked no more (ours). */
const MAX_SPOILT = 2;
/** Peers remembered for that. */
const MAX_SPOILERS = 1_024;

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
  /** Told who sent what no honest peer sends. */
  readonly onHostile: (source: RootSource, fault: CxoFault) => void;
}

/**
 * Fetches Roots of the own feed that a former process published and that peers give back (cxo.md 5.8): after
 * a restart without a store, after an old store was restored, after a disk that refused. The newest first.
 * Where nothing was lost, all of its objects are there already.
 */
export class FeedRecovery {
  readonly #options: FeedRecoveryOptions;
  readonly #running = new Map<RootSource, FillRun>();
  /** The newest Root of each peer that has to wait. */
  readonly #waiting = new Map<RootSource, SignedRoot>();
  /** How often peers gave a Root and then not its objects, by node id. */
  readonly #spoilt = new Map<KeyHex, number>();
  /** Time of the newest Root that was taken. */
  #recovered: bigint | undefined;
  #taking: Promise<void> = Promise.resolve();
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
    // Before the signature is looked at, which costs a thousand times more.
    if (this.#options.chain.isOwn(root) || this.#isKnown(root.time)) return undefined;
    if ((this.#spoilt.get(source.peer) ?? 0) >= MAX_SPOILT || this.#hasBetter(source, root)) {
      return undefined;
    }
    const signed = acceptRoot(message);
    if (signed instanceof CxoFault) return signed;
    this.#waiting.set(source, signed);
    if (this.#waiting.size > MAX_WAITING_RECOVERIES) this.#dropWorst();
    this.#startNext();
    return undefined;
  }

  /** Gives up what is under way. */
  close(): void {
    this.#closed = true;
    for (const run of this.#running.values()) run.stop("closed");
  }

  #isKnown(time: bigint): boolean {
    return this.#recovered !== undefined && time <= this.#recovered;
  }

  #hasBetter(source: RootSource, root: Root): boolean {
    const known = this.#waiting.get(source);
    return known !== undefined && known.root.time >= root.time;
  }

  /** The oldest Root goes; of several, that of whoever waits longest, which strangers in a crowd do not choose. */
  #dropWorst(): void {
    let worst: RootSource | undefined;
    let oldest: bigint | undefined;
    for (const [source, { root }] of this.#waiting) {
      if (oldest === undefined || root.time < oldest) [worst, oldest] = [source, root.time];
    }
    if (worst !== undefined) this.#waiting.delete(worst);
  }

  #startNext(): void {
    while (this.#running.size < MAX_RECOVERIES && !this.#closed) {
      const [source, signed] = this.#best() ?? [];
      if (source === undefined || signed === undefined) return;
      this.#waiting.delete(source);
      if (this.#isKnown(signed.root.time)) continue;
      const { clock, shelf } = this.#options;
      const filler = new Filler(signed.root, { has: (id) => shelf.has(id), get: () => undefined });
      const run = new FillRun(filler, { source, clock, requestMs: RECOVERY_REQUEST_MS });
      this.#running.set(source, run);
      void this.#finish(signed, filler, { run, source });
    }
  }

  /** The newest Root, of whoever spoilt least: where the others are part of it, they are not fetched. */
  #best(): [RootSource, SignedRoot] | undefined {
    const spoilt = ([{ peer }]: [RootSource, SignedRoot]) => this.#spoilt.get(peer) ?? 0;
    const free = [...this.#waiting].filter(([source]) => !this.#running.has(source));
    return free.sort((a, b) =>
      spoilt(a) - spoilt(b) || (a[1].root.time > b[1].root.time ? -1 : 1)
    )[0];
  }

  async #finish(
    signed: SignedRoot,
    filler: Filler,
    { run, source }: { run: FillRun; source: RootSource },
  ): Promise<void> {
    const end = await this.#watched(run, filler);
    if (end.kind === "complete") {
      // One after the other: two that took the same leaves at a time would put each of them twice.
      this.#taking = this.#taking.then(() => this.#take(signed, filler));
      await this.#taking;
    } else if (end.kind === "hostile" || end.reason !== "closed") this.#spoil(source.peer);
    if (end.kind === "hostile") this.#options.onHostile(end.source, end.fault);
    this.#running.delete(source);
    this.#startNext();
  }

  /** While others wait, whoever brings next to nothing is not waited for. */
  async #watched(run: FillRun, filler: Filler): Promise<FillEnd> {
    const { clock } = this.#options;
    let brought = 0;
    const look = () => {
      const { size } = filler.objects;
      if (this.#waiting.size > 0 && size - brought < MIN_PROGRESS) run.stop("too slow");
      brought = size;
      timer = clock.after(RECOVERY_REQUEST_MS, look);
    };
    let timer = clock.after(RECOVERY_REQUEST_MS, look);
    const end = await run.ended;
    timer.cancel();
    return end;
  }

  #spoil(peer: KeyHex): void {
    this.#spoilt.set(peer, (this.#spoilt.get(peer) ?? 0) + 1);
    const [first] = this.#spoilt.keys();
    if (this.#spoilt.size > MAX_SPOILERS && first !== undefined) this.#spoilt.delete(first);
  }

  async #take(signed: SignedRoot, filler: Filler): Promise<void> {
    const { clock, node, onRoot, shelf } = this.#options;
    const after = rootTreeNode(signed.root);
    if (after instanceof CxoFault || this.#isKnown(signed.root.time)) return;
    const changes = await diffTreesSliced(
      { before: node(), after },
      (id) => shelf.get(id) ?? filler.objects.get(id)?.bytes,
      () => clock.sleep(0),
    );
    // What this node signed it also wrote: a tree that cannot be walked is nobody's loss.
    if (changes instanceof CxoFault) return;
    this.#recovered = signed.root.time;
    await onRoot(signed, changes.filter(isLeaf));
  }
}
