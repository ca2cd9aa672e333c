import type { SearchHit } from "../../lib/store/history.ts";
import type { HistoryRecord } from "../../lib/store/record.ts";
import { hitOf, matches, needleOf } from "../../lib/store/search_match.ts";
import { newerFirst } from "../../lib/store/search_newest.ts";
import type { PlacedRecord, RecordRef, SearchSource } from "../../lib/store/search_source.ts";

const PAGE = 7;

/** A key of the other side, from a small number. */
export function peerKey(number: number): string {
  return `02${number.toString(16).padStart(64, "0")}`;
}

/** A record with its place; `text` as stored. */
export function placed(peer: string, key: bigint, text: string): PlacedRecord {
  return { peer, key, record: { peer, outgoing: false, text, timestamp: `t${key}` } };
}

/** A store in memory, with a naive search to compare with. */
export class MemorySource implements SearchSource {
  readonly records = new Map<string, PlacedRecord>();
  /** Called between two pages of `everything`, after the page was read and before it is handed over. */
  betweenPages: () => void = () => {};
  /** Thrown by the next call that reads. */
  failure: Error | undefined;
  /** Records that were asked for. */
  asked = 0;
  /** Pages read by `older`. */
  olderPages = 0;

  put(record: PlacedRecord): void {
    this.records.set(placeOf(record), record);
  }

  remove(ref: RecordRef): void {
    this.records.delete(placeOf(ref));
  }

  async *everything(): AsyncIterable<readonly PlacedRecord[]> {
    this.#mayFail();
    const all = [...this.records.values()].sort(newerFirst).reverse();
    for (let at = 0; at < all.length; at += PAGE) {
      const page = await Promise.resolve(all.slice(at, at + PAGE));
      this.betweenPages();
      yield page;
    }
  }

  async *older(peer: string, before: bigint): AsyncIterable<readonly PlacedRecord[]> {
    const all = [...this.records.values()].sort(newerFirst)
      .filter((record) => record.peer === peer && record.key < before);
    for (let at = 0; at < all.length; at += PAGE) {
      this.olderPages++;
      yield await Promise.resolve(all.slice(at, at + PAGE));
    }
  }

  get(refs: readonly RecordRef[]): Promise<readonly (HistoryRecord | undefined)[]> {
    this.asked += refs.length;
    return Promise.resolve(refs.map((ref) => this.records.get(placeOf(ref))?.record));
  }

  /** What a search must find. */
  naive(query: string, limit: number): readonly SearchHit[] {
    const needle = needleOf(query);
    if (needle === undefined) return [];
    return [...this.records.values()].sort(newerFirst)
      .filter(({ record }) => matches(record, needle))
      .slice(0, limit)
      .map(({ record }) => hitOf(record));
  }

  #mayFail(): void {
    const failure = this.failure;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }
}

function placeOf({ peer, key }: RecordRef): string {
  return `${peer}/${key}`;
}
