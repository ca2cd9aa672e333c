import type { Clock } from "#kit";
import { ownerKey } from "./keyspace.ts";
import { StoreError } from "./store_error.ts";
import { Transaction } from "./transaction.ts";

/**
 * The right to write to a store. A lock file can be deleted, and then a second process gets a lock of
 * its own; so whoever opens a store also writes a row, and every commit checks that this row is still
 * the one that it wrote. The version that the database gives a row never comes again.
 */
export class StoreOwner {
  readonly #kv: Deno.Kv;
  readonly #path: string;
  readonly #versionstamp: string;

  constructor(kv: Deno.Kv, { path, versionstamp }: { path: string; versionstamp: string }) {
    this.#kv = kv;
    this.#path = path;
    this.#versionstamp = versionstamp;
  }

  /** Takes a store over; from now on the commits of whoever had it before fail. */
  static async claim(
    kv: Deno.Kv,
    { path, clock }: { path: string; clock: Pick<Clock, "wall"> },
  ): Promise<StoreOwner> {
    // The time is for people who look into a database; only the version matters.
    const { versionstamp } = await kv.set(ownerKey(), Number(clock.wall() / 1_000_000n));
    return new StoreOwner(kv, { path, versionstamp });
  }

  /** Begins a commit, which fails with {@link StoreError} `displaced` once somebody else is the owner. */
  begin(): Transaction {
    const owned = { key: ownerKey(), versionstamp: this.#versionstamp };
    return new Transaction(this.#kv, { owned, displaced: () => this.#displaced() });
  }

  #displaced(): StoreError {
    return new StoreError(
      "displaced",
      `another process has taken ${this.#path} over: this one writes no more; ` +
        "stop one of them, then restart the other",
    );
  }
}
