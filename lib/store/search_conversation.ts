import { TextBlock } from "./search_block.ts";

/** The indexed texts of one conversation, in blocks. */
export class ConversationTexts {
  #blocks: TextBlock[] = [];
  #below: bigint | undefined;
  #newest: bigint | undefined;
  #cost = 0;

  /** Characters in memory, as {@link TextBlock.cost} counts. */
  get cost(): number {
    return this.#cost;
  }

  get blocks(): readonly TextBlock[] {
    return this.#blocks;
  }

  /** Records with a smaller key are not in memory, but may be on disk; undefined: all are. */
  get below(): bigint | undefined {
    return this.#below;
  }

  /** Adds a folded text; false when it was here, or is older than what memory has room for. */
  add(key: bigint, folded: string): boolean {
    if (this.#below !== undefined && key < this.#below) return false;
    if (this.#newest === undefined || key > this.#newest) this.#newest = key;
    else if (this.#find(key) !== undefined) return false;
    let block = this.#blocks.at(-1);
    if (block === undefined || block.isFull) this.#blocks.push(block = new TextBlock());
    const before = block.cost;
    block.add(key, folded);
    this.#cost += block.cost - before;
    return true;
  }

  /** Removes records; with `now` their text leaves the memory at once. */
  remove(keys: readonly bigint[], now: boolean): void {
    const touched = new Set<TextBlock>();
    for (const key of keys) {
      const place = this.#find(key);
      if (place === undefined) continue;
      place.block.bury(place.index);
      touched.add(place.block);
    }
    if (now) touched.forEach((block) => block.pack());
    if (touched.size > 0) this.#keep(({ size }) => size > 0);
  }

  /** Drops the block that is oldest, as {@link below} says from then on. */
  dropOldest(): void {
    const oldest = this.oldest();
    if (oldest === undefined) return;
    this.#keep((block) => block !== oldest);
    if (this.#below === undefined || oldest.newest >= this.#below) this.#below = oldest.newest + 1n;
  }

  /** The block with the smallest {@link TextBlock.newest}. */
  oldest(): TextBlock | undefined {
    let oldest = this.#blocks[0];
    for (const block of this.#blocks) {
      if (oldest === undefined || block.newest < oldest.newest) oldest = block;
    }
    return oldest;
  }

  #keep(wanted: (block: TextBlock) => boolean): void {
    this.#blocks = this.#blocks.filter(wanted);
    this.#cost = this.#blocks.reduce((sum, block) => sum + block.cost, 0);
  }

  #find(key: bigint): { block: TextBlock; index: number } | undefined {
    for (let at = this.#blocks.length - 1; at >= 0; at--) {
      const block = this.#blocks[at];
      const index = block?.find(key) ?? -1;
      if (block !== undefined && index >= 0) return { block, index };
    }
    return undefined;
  }
}
