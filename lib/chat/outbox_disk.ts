import { errorText, type Log, quoteForLog } from "#kit";
import type { QueuedMessage, QueueTable } from "./outbox_plan.ts";

/** The table of queued messages as the outbox uses it: failures are logged, nothing rejects. */
export class OutboxDisk {
  readonly #table: QueueTable;
  readonly #log: Log;
  readonly #writes = new Set<Promise<unknown>>();

  constructor(options: { table: QueueTable; log: Log }) {
    this.#table = options.table;
    this.#log = options.log;
  }

  /** Undefined once the message is on disk, else why it is not. */
  put(message: QueuedMessage): Promise<string | undefined> {
    return this.#watched(this.#table.put(message), `cannot write ${message.id}`);
  }

  /** Undefined once the message is off the disk, else why it is not. */
  remove(id: string): Promise<string | undefined> {
    return this.#watched(this.#table.remove(id), `cannot remove ${id}`);
  }

  /** Resolves when every write so far ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writes);
  }

  async #watched(write: Promise<unknown>, what: string): Promise<string | undefined> {
    this.#writes.add(write);
    try {
      await write;
      return undefined;
    } catch (error) {
      const reason = quoteForLog(errorText(error));
      this.#log.warn(`skychat/dm: outbox: ${what}: ${reason}`);
      return reason;
    } finally {
      this.#writes.delete(write);
    }
  }
}
