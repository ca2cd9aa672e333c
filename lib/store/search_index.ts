import type { Clock } from "#kit";
import type { SearchHit } from "./history.ts";
import type { SearchSource } from "./search_source.ts";

/** (Interface first; the implementation follows within minutes.) */
export class SearchIndex {
  readonly #source: SearchSource;

  constructor(source: SearchSource, _options: { clock: Clock; maxCharacters?: number }) {
    this.#source = source;
  }

  /**
   * Reads everything that is stored, once, in the background; searches wait for it. Resolves when it
   * is read; rejects with what the source threw, and the next search tries again. Call it when the
   * store is open; without it the first search does it.
   */
  load(): Promise<void> {
    void this.#source;
    return Promise.resolve();
  }

  /** A record was committed (by an append or an import). `text` as stored, still wrapped. */
  add(_peer: string, _key: bigint, _text: string): void {}

  /** Records were deleted on purpose or expired: their text leaves the memory now. */
  forget(_peer: string, _keys: readonly bigint[]): void {}

  /** Records fell out at a cap: cheap; found no more, their text leaves the memory a little later. */
  evict(_peer: string, _keys: readonly bigint[]): void {}

  /** A conversation was deleted: its text leaves the memory now. */
  forgetPeer(_peer: string): void {}

  /** The newest `limit` records that hold the query, newest first; none for a blank one. */
  search(_query: string, _limit: number): Promise<readonly SearchHit[]> {
    return Promise.resolve([]);
  }

  /** Lets go of everything; a load that runs ends after its page. */
  close(): void {}
}
