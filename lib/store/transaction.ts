import type { Key } from "./keyspace.ts";
import type { StoreError } from "./store_error.ts";

/** Changes that one commit of ours holds; Deno KV takes 1,000. */
export const MAX_COMMIT_CHANGES = 950;
/** Bytes of one commit of ours; Deno KV takes 819,200. */
export const MAX_COMMIT_BYTES = 786_432;

/** More than any key of ours takes in a commit, group names aside. */
const KEY_BYTES = 64;

/** What must still be so for a commit to be made. */
export interface Condition {
  /** The row that says who owns the store, as this process wrote it. */
  readonly owned: Deno.AtomicCheck;
  /** What a commit throws where that row is another one. */
  readonly displaced: () => StoreError;
}

/** Changes that happen together or not at all. */
export class Transaction {
  readonly #displaced: () => StoreError;
  readonly #operation: Deno.AtomicOperation;
  #changes = 0;
  #bytes = 0;

  constructor(kv: Deno.Kv, { owned, displaced }: Condition) {
    this.#operation = kv.atomic().check(owned);
    this.#displaced = displaced;
  }

  /** Whether there is nothing to do. */
  get empty(): boolean {
    return this.#changes === 0;
  }

  /** Whether so much more still fits. */
  hasRoom(changes: number, bytes = 0): boolean {
    return this.#changes + changes <= MAX_COMMIT_CHANGES &&
      this.#bytes + bytes + changes * KEY_BYTES <= MAX_COMMIT_BYTES;
  }

  /** Writes a row. The bytes must be an array of their own, not a view. */
  set(key: Key, value: Uint8Array | string | number): this {
    this.#operation.set(key, value);
    this.#changes++;
    this.#bytes += KEY_BYTES + (typeof value === "number" ? 8 : value.length);
    return this;
  }

  /** Removes a row. */
  delete(key: Key): this {
    this.#operation.delete(key);
    this.#changes++;
    this.#bytes += KEY_BYTES;
    return this;
  }

  /**
   * Commits. A failure is tried once more at once: writing the same rows again changes nothing. Then
   * it rejects with what the database said.
   *
   * @throws {StoreError} `displaced`; nothing was changed
   */
  async commit(): Promise<void> {
    if (this.empty) return;
    const { ok } = await this.#operation.commit().catch(() => this.#operation.commit());
    if (!ok) throw this.#displaced();
  }
}
