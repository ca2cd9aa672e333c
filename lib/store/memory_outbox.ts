import type { OutboxEntry, OutboxTable } from "./outbox_table.ts";

/** A queue that ends with the process. */
export class MemoryOutbox implements OutboxTable {
  readonly #entries = new Map<string, OutboxEntry>();

  list(): readonly OutboxEntry[] {
    return [...this.#entries.values()];
  }

  put(entry: OutboxEntry): Promise<void> {
    this.#entries.set(entry.id, entry);
    return Promise.resolve();
  }

  remove(id: string): Promise<boolean> {
    return Promise.resolve(this.#entries.delete(id));
  }
}
