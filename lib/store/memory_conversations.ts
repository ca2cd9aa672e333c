import { PEER_OVERHEAD_BYTES, RECORD_KEY_BYTES } from "./policy.ts";
import type { HistoryRecord } from "./record.ts";
import { encodeRecord } from "./record_codec.ts";

/** A record of a conversation in memory. */
export interface KeptRecord {
  /** Its time, or the next key that was free. */
  readonly key: bigint;
  readonly time: bigint;
  readonly bytes: number;
  readonly record: HistoryRecord;
}

/** Records of conversations without a disk. */
export class MemoryConversations {
  readonly #cap: number;
  /** By peer, in the order of keys; none is empty. */
  readonly #kept = new Map<string, KeptRecord[]>();
  #bytes = 0;

  /** `cap` records a conversation; 0 is no limit. */
  constructor(cap: number) {
    this.#cap = cap;
  }

  /** Bytes of all of them, and 64 a conversation. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All of them, and their conversations. */
  get figures(): { readonly messages: number; readonly peers: number } {
    let messages = 0;
    for (const kept of this.#kept.values()) messages += kept.length;
    return { messages, peers: this.#kept.size };
  }

  /** Keys with a conversation, in byte order. */
  peers(): readonly string[] {
    return [...this.#kept.keys()].sort();
  }

  /** The records of a conversation by their keys, without those at and before `after`. */
  of(peer: string, after?: bigint): readonly KeptRecord[] {
    const kept = this.#kept.get(peer) ?? [];
    return after === undefined ? [...kept] : kept.filter(({ key }) => key > after);
  }

  /** Keeps a record under its time or the next key that is free; how many the cap pushed out. */
  add(record: HistoryRecord, time: bigint): number {
    const { peer } = record;
    let kept = this.#kept.get(peer);
    if (kept === undefined) {
      this.#kept.set(peer, kept = []);
      this.#bytes += PEER_OVERHEAD_BYTES;
    }
    const taken = new Set(kept.map(({ key }) => key));
    let key = time;
    while (taken.has(key)) key++;
    const bytes = RECORD_KEY_BYTES + encodeRecord(record, { peer, key, time }).length;
    const place = kept.findLastIndex((other) => other.key < key) + 1;
    kept.splice(place, 0, { key, time, bytes, record });
    this.#bytes += bytes;
    let evicted = 0;
    for (; this.#cap > 0 && kept.length > this.#cap; evicted++) {
      this.#bytes -= kept.shift()?.bytes ?? 0;
    }
    return evicted;
  }

  /** Removes records of a conversation; the number. */
  remove(peer: string, match: (kept: KeptRecord) => boolean): number {
    const kept = this.#kept.get(peer);
    if (kept === undefined) return 0;
    const rest = kept.filter((one) => !match(one));
    for (const one of kept) if (match(one)) this.#bytes -= one.bytes;
    if (rest.length > 0) this.#kept.set(peer, rest);
    else {
      this.#kept.delete(peer);
      this.#bytes -= PEER_OVERHEAD_BYTES;
    }
    return kept.length - rest.length;
  }
}
