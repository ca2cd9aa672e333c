import { dropOfHeaviest } from "./fair_drop.ts";
import { type Mutation, mutationDigest } from "./mutation.ts";

/** Decisions kept of people who are no admins, or that are dated too far ahead (groups.md 4.7). */
export const MAX_WAITING_RECORDS = 256;
/** Those of one issuer (ours), so that no member pushes out the records of all others. */
export const MAX_WAITING_OF_ISSUER = 64;

/** Records that do not count yet, within bounds, oldest first. */
export class WaitingRecords {
  /** By whoever brought them, and digest. */
  readonly #records = new Map<string, Mutation>();

  /** How many there are. */
  get size(): number {
    return this.#records.size;
  }

  /**
   * Keeps a record. Anybody can make up issuers, so where there is no room whoever brought most loses its oldest.
   *
   * @param bringer in whose feed it was; empty where that does not matter
   */
  add(mutation: Mutation, bringer: string): void {
    const place = `${bringer}/${mutationDigest(mutation)}`;
    if (this.#records.has(place)) return;
    const ofIssuer = [...this.#records].filter(([key, { issuer }]) =>
      issuer === mutation.issuer && key.startsWith(`${bringer}/`)
    );
    const [first] = ofIssuer;
    if (first !== undefined && ofIssuer.length >= MAX_WAITING_OF_ISSUER) {
      this.#records.delete(first[0]);
    }
    this.#records.set(place, mutation);
    if (this.#records.size > MAX_WAITING_RECORDS) {
      dropOfHeaviest(this.#records, (key) => key.split("/", 1)[0] ?? "");
    }
  }

  /** Gives those that need not wait any more, and keeps the others. */
  take(isDue: (mutation: Mutation) => boolean): readonly Mutation[] {
    const due = [...this.#records].filter(([, mutation]) => isDue(mutation));
    for (const [place] of due) this.#records.delete(place);
    return due.map(([, mutation]) => mutation);
  }
}
