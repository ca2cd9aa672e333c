import { outboxKey, outboxPlace, outboxRange } from "./keyspace.ts";
import type { OutboxEntry, OutboxTable } from "./outbox_table.ts";
import type { StoreOwner } from "./store_owner.ts";
import { piecesOf, wholeRows } from "./whole_rows.ts";
import { utf8, utf8Text } from "#kit";

interface Placed {
  readonly place: number;
  /** Rows on disk. */
  readonly pieces: number;
  readonly entry: OutboxEntry;
}

/**
 * Queued messages in a Deno KV database. Memory has them all; every change is one commit, in the
 * order of the calls.
 */
export class KvOutbox implements OutboxTable {
  readonly #kv: Deno.Kv;
  readonly #owner: StoreOwner;
  readonly #write: <T>(job: () => Promise<T>) => Promise<T>;
  readonly #entries = new Map<string, Placed>();
  #nextPlace = 1;

  /** `write` runs a change in its turn: the queue of the store that the database belongs to. */
  constructor(
    { kv, owner }: { readonly kv: Deno.Kv; readonly owner: StoreOwner },
    write: <T>(job: () => Promise<T>) => Promise<T>,
  ) {
    this.#kv = kv;
    this.#owner = owner;
    this.#write = write;
  }

  /** Reads what is on disk, at opening. Rows that are no entry are left alone. */
  async load(): Promise<void> {
    for await (
      const { key, value, pieces } of wholeRows(this.#kv, outboxRange(), { keyParts: 2 })
    ) {
      const place = outboxPlace(key);
      this.#nextPlace = Math.max(this.#nextPlace, place + 1);
      const entry = parseEntry(utf8Text(value));
      if (entry !== undefined) this.#entries.set(entry.id, { place, pieces, entry });
    }
  }

  list(): readonly OutboxEntry[] {
    return [...this.#entries.values()].map(({ entry }) => entry);
  }

  put(entry: OutboxEntry): Promise<void> {
    return this.#write(async () => {
      const old = this.#entries.get(entry.id);
      const place = old?.place ?? this.#nextPlace++;
      const pieces = piecesOf(utf8(JSON.stringify(entry)));
      const transaction = this.#owner.begin();
      for (let index = pieces.length; index < (old?.pieces ?? 0); index++) {
        transaction.delete(outboxKey(place, index));
      }
      pieces.forEach((piece, index) => transaction.set(outboxKey(place, index), piece));
      await transaction.commit();
      this.#entries.set(entry.id, { place, pieces: pieces.length, entry });
    });
  }

  remove(id: string): Promise<boolean> {
    return this.#write(async () => {
      const old = this.#entries.get(id);
      if (old === undefined) return false;
      const transaction = this.#owner.begin();
      for (let index = 0; index < old.pieces; index++) {
        transaction.delete(outboxKey(old.place, index));
      }
      await transaction.commit();
      return this.#entries.delete(id);
    });
  }
}

const TEXTS = ["id", "to", "text", "queuedAt", "expiresAt"] as const;

function parseEntry(json: string): OutboxEntry | undefined {
  try {
    const entry = JSON.parse(json);
    return TEXTS.every((name) => typeof entry?.[name] === "string") ? entry : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
