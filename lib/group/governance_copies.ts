import type { Mutation } from "./mutation.ts";
import type { Roster } from "./roster.ts";
import type { Turns } from "./turns.ts";

/** Admins beside the founder whose word on the same decision is copied (ours): some of them may lose their seat. */
const MAX_VOICES = 4;

/** What was decided, whoever says it. */
export type Decision = Pick<Mutation, "issuedAt" | "op" | "peer">;

/** The same as a text. */
export function decisionText({ issuedAt, op, peer }: Decision): string {
  return `${op} ${peer} ${issuedAt}`;
}

/**
 * One after the other, since each costs a signature: those of some records of other admins that the own feed is to have too. Several may say the same: what the
 * founder says stands, and of the others any may be an admin no more.
 *
 * @param there the records that it has
 * @param isGenuine looks at the signature, of those alone that are wanted
 */
export async function* uncopied(
  mutations: readonly Mutation[],
  { isGenuine, roster, there, turns }: {
    readonly there: Iterable<Mutation>;
    readonly roster: Pick<Roster, "isAdmin" | "owner">;
    readonly isGenuine: (mutation: Mutation) => boolean;
    readonly turns: Pick<Turns, "spend">;
  },
): AsyncGenerator<Mutation> {
  const voices = new Map<string, Set<string>>();
  const issuersOf = (mutation: Mutation): Set<string> => {
    const decision = decisionText(mutation);
    const issuers = voices.get(decision) ?? new Set();
    voices.set(decision, issuers);
    return issuers;
  };
  for (const record of there) issuersOf(record).add(record.issuer);
  for (const mutation of mutations) {
    const { issuer } = mutation;
    const issuers = issuersOf(mutation);
    if (issuers.has(issuer) || issuers.has(roster.owner)) continue;
    const admins = [...issuers].filter((pk) => roster.isAdmin(pk));
    if (issuer !== roster.owner && admins.length >= MAX_VOICES) continue;
    await turns.spend();
    if (!isGenuine(mutation)) continue;
    issuers.add(issuer);
    yield mutation;
  }
}
