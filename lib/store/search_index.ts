import type { Clock } from "#kit";
import type { SearchHit } from "./history.ts";
import type { TextBlock } from "./search_block.ts";
import { ConversationTexts } from "./search_conversation.ts";
import { hitOf, matches, needleOf, searchableText } from "./search_match.ts";
import { Needle } from "./search_needle.ts";
import { newerFirst, NewestPlaces } from "./search_newest.ts";
import { olderMatches } from "./search_older.ts";
import type { PlacedRecord, RecordRef, SearchSource } from "./search_source.ts";

/**
 * Characters that an index keeps, `RECORD_COST` a record included: at most 64 MiB, and all that
 * the default total cap admits three times over. What is older is looked for on disk.
 */
export const INDEXED_CHARACTERS = 33_554_432;
/** Characters looked through before everything else gets a turn: some milliseconds. */
export const SCAN_CHARACTERS = 4_194_304;
/** Records asked of the store at once to see that they are still there. */
export const VERIFIED_AT_ONCE = 100;

/** How an index is set up. */
export interface SearchIndexOptions {
  /** Lets others have a turn during a long search; unused by short ones. */
  readonly clock: Pick<Clock, "sleep">;
  /** {@link INDEXED_CHARACTERS} unless a test wants to reach it sooner. */
  readonly maxCharacters?: number;
}

/** What changed while everything is read: what was read before the change must not bring it back. */
interface Loading {
  readonly done: Promise<void>;
  readonly goneConversations: Set<string>;
  readonly goneRecords: Map<string, Set<bigint>>;
}

/**
 * Finds stored texts without reading the store (http-api.md 4.10): all texts in memory, folded and
 * packed. The store says what it committed and deleted; what is found is read from the store before
 * it is shown, so a record that is gone is never shown, whatever the order of these calls.
 */
export class SearchIndex {
  readonly #source: SearchSource;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #maxCharacters: number;
  readonly #conversations = new Map<string, ConversationTexts>();
  #characters = 0;
  /** Undefined before the first load and after one that failed. */
  #loading: Loading | undefined;
  #isLoaded = false;
  #isClosed = false;

  constructor(source: SearchSource, { clock, maxCharacters }: SearchIndexOptions) {
    this.#source = source;
    this.#clock = clock;
    this.#maxCharacters = maxCharacters ?? INDEXED_CHARACTERS;
  }

  /** Characters in memory, `RECORD_COST` a record included. */
  get characters(): number {
    return this.#characters;
  }

  /**
   * Reads everything that is stored, once, in the background; searches wait for it. Resolves when it
   * is read; rejects with what the source threw, and the next search tries again. Call it when the
   * store is open; without it the first search does it. Nobody has to wait for what it returns.
   */
  load(): Promise<void> {
    if (this.#loading === undefined && !this.#isClosed) {
      const changes = { goneConversations: new Set<string>(), goneRecords: new Map() };
      const done = this.#readAll(changes);
      this.#loading = { done, ...changes };
      // A failed load shows where somebody waits for it; elsewhere it is no failure yet.
      done.catch(() => this.#clear());
    }
    return this.#loading?.done ?? Promise.resolve();
  }

  /**
   * A record was committed, by an append or an import. `text` as stored, still wrapped. Does nothing
   * while nobody loads: reading everything will find it.
   */
  add(peer: string, key: bigint, text: string): void {
    if (this.#loading === undefined || this.#isClosed) return;
    this.#add({ peer, key, text });
  }

  /** Records were deleted on purpose or expired: their text leaves the memory now. */
  forget(peer: string, keys: readonly bigint[]): void {
    this.#remove(peer, keys, true);
  }

  /** Records fell out at a cap: found no more, their text leaves the memory some evictions later. */
  evict(peer: string, keys: readonly bigint[]): void {
    this.#remove(peer, keys, false);
  }

  /** A conversation was deleted: its text leaves the memory now. */
  forgetPeer(peer: string): void {
    if (!this.#isLoaded) this.#loading?.goneConversations.add(peer);
    this.#changed(peer, () => this.#conversations.delete(peer));
  }

  /**
   * The newest `limit` records that hold the query, newest first; none for a blank one. Rejects with
   * what the source threw.
   */
  async search(query: string, limit: number): Promise<readonly SearchHit[]> {
    const folded = needleOf(query);
    if (folded === undefined || limit < 1) return [];
    await this.load();
    const found = await this.#inMemory(folded, limit);
    const bounds = [...this.#conversations].flatMap(([peer, { below }]) =>
      below === undefined ? [] : [{ peer, before: below }]
    );
    const all = await olderMatches(this.#source, { bounds, needle: folded, limit, found });
    return all.map(({ record }) => hitOf(record));
  }

  /** Lets go of everything; a load that runs ends after its page, later searches find nothing. */
  close(): void {
    this.#isClosed = true;
    this.#clear();
  }

  #clear(): void {
    this.#loading = undefined;
    this.#conversations.clear();
    this.#characters = 0;
  }

  async #readAll(gone: Omit<Loading, "done">): Promise<void> {
    for await (const page of this.#source.everything()) {
      if (this.#isClosed) return;
      for (const { peer, key, record } of page) {
        if (gone.goneConversations.has(peer) || gone.goneRecords.get(peer)?.has(key)) continue;
        this.#add({ peer, key, text: record.text });
      }
    }
    this.#isLoaded = true;
    gone.goneConversations.clear();
    gone.goneRecords.clear();
  }

  #add({ peer, key, text }: RecordRef & { text: string }): void {
    this.#changed(peer, () => {
      const texts = this.#conversations.get(peer) ?? new ConversationTexts();
      this.#conversations.set(peer, texts);
      texts.add(key, searchableText(text));
    });
    if (this.#characters > this.#maxCharacters) this.#makeRoom();
  }

  #remove(peer: string, keys: readonly bigint[], now: boolean): void {
    if (this.#loading !== undefined && !this.#isLoaded) {
      const gone = this.#loading.goneRecords.get(peer) ?? new Set();
      this.#loading.goneRecords.set(peer, gone);
      keys.forEach((key) => gone.add(key));
    }
    this.#changed(peer, () => this.#conversations.get(peer)?.remove(keys, now));
  }

  /** Drops the oldest blocks; more of them than needed, because finding them takes a while. */
  #makeRoom(): void {
    const enough = this.#maxCharacters * 7 / 8;
    const oldestFirst = this.#placedBlocks().sort((a, b) => newerFirst(b, a));
    for (const { peer } of oldestFirst) {
      if (this.#characters <= enough) return;
      this.#changed(peer, (texts) => texts?.dropOldest());
    }
  }

  /** Runs a change of one conversation and keeps the sum of the characters right. */
  #changed(peer: string, change: (texts: ConversationTexts | undefined) => void): void {
    const before = this.#conversations.get(peer)?.cost ?? 0;
    change(this.#conversations.get(peer));
    const texts = this.#conversations.get(peer);
    this.#characters += (texts?.cost ?? 0) - before;
    if (texts?.blocks.length === 0 && texts.below === undefined) this.#conversations.delete(peer);
  }

  /** The newest records in memory that hold the needle and are still in the store. */
  async #inMemory(folded: string, limit: number): Promise<PlacedRecord[]> {
    const needle = new Needle(folded);
    const found: PlacedRecord[] = [];
    let before: RecordRef | undefined;
    for (;;) {
      const wanted = limit - found.length;
      const places = await this.#places(needle, new NewestPlaces(wanted, before));
      for (let at = 0; at < places.length; at += VERIFIED_AT_ONCE) {
        const refs = places.slice(at, at + VERIFIED_AT_ONCE);
        const records = await this.#source.get(refs);
        refs.forEach((ref, index) => {
          const record = records[index];
          if (record !== undefined && matches(record, folded)) found.push({ ...ref, record });
        });
      }
      before = places.at(-1);
      if (found.length >= limit || places.length < wanted) return found;
    }
  }

  async #places(needle: Needle, newest: NewestPlaces): Promise<readonly RecordRef[]> {
    let scanned = 0;
    for (const { peer, block } of this.#placedBlocks().sort(newerFirst)) {
      if (newest.isTooOld(block.newest)) break;
      block.scan(needle, (key) => newest.offer({ peer, key }));
      scanned += block.cost;
      if (scanned < SCAN_CHARACTERS) continue;
      scanned = 0;
      await this.#clock.sleep(0);
    }
    return newest.take();
  }

  /** Every block with its conversation, placed by its newest record. */
  #placedBlocks(): (RecordRef & { block: TextBlock })[] {
    return [...this.#conversations].flatMap(([peer, texts]) =>
      texts.blocks.map((block) => ({ peer, key: block.newest, block }))
    );
  }
}
