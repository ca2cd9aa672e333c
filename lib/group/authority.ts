import { type Fact, type Facts, mergeFacts, NO_FACTS, type Register } from "./facts.ts";
import { type GroupCharter, Roster } from "./roster.ts";

/** What holds: the facts that count, and what they say. */
export interface Settled {
  readonly facts: Facts;
  readonly roster: Roster;
  /** On whose facts that depends, and on nobody else's: admins, and those through whom they became admins. */
  readonly heard: ReadonlySet<string>;
}

/**
 * What holds when each of these issuers said what they said (ours): exactly the facts of the founder and of
 * those count who are admins because of the facts that count. A function of its arguments alone, so that
 * nodes which heard the same agree, in whatever order they heard it.
 *
 * Whoever gave the office back by itself is no admin, but what it said until then counts. Admins who take the
 * office from each other would go around in circles: then those that got it last have none, which no false
 * date can change, since somebody else dated it. Nodes that knew of one before the other came do not get here
 * (`Governance`).
 */
export function settle(charter: GroupCharter, said: ReadonlyMap<string, Facts>): Settled {
  const heard = new Set<string>();
  for (const resigned = resignations(said);;) {
    const settled = settleWith(charter, said, { heard, resigned });
    const promoted = [...resigned.keys()]
      .filter((pk) => settled.facts.get(`admin:${pk}`)?.op === "promote");
    if (promoted.length === 0) return settled;
    // What it said since it got the office once more counts too.
    for (const pk of promoted) resigned.delete(pk);
  }
}

function settleWith(
  charter: GroupCharter,
  said: ReadonlyMap<string, Facts>,
  { heard, resigned }: { heard: Set<string>; resigned: ReadonlyMap<string, Fact> },
): Settled {
  const counted = new Map(Array.from(said, ([pk, facts]): [string, Facts] => {
    const until = resigned.get(pk)?.issuedAt;
    return [pk, until === undefined ? withoutOwnEnd(pk, facts) : saidUntil(pk, facts, until)];
  }));
  const excluded = new Set<string>();
  for (;;) {
    const { admins, circle, facts, met } = walk(charter, counted, excluded);
    for (const pk of met.flat()) heard.add(pk);
    if (circle === undefined) {
      const last = new Map(
        [...resigned].filter(([pk]) => admins.includes(pk))
          .map(([pk, fact]): [Register, Fact] => [`admin:${pk}`, fact]),
      );
      const all = mergeFacts(facts, last);
      return { facts: all, heard, roster: new Roster(charter, all) };
    }
    excluded.add(lastOf(circle, counted));
  }
}

function withoutOwnEnd(pk: string, facts: Facts): Facts {
  if (facts.get(`admin:${pk}`)?.op !== "demote") return facts;
  return new Map([...facts].filter(([register]) => register !== `admin:${pk}`));
}

function saidUntil(pk: string, facts: Facts, until: bigint): Facts {
  return new Map(
    [...withoutOwnEnd(pk, facts)].filter(([, { issuedAt }]) => issuedAt <= until),
  );
}

/** Who gave the office back by itself, and where it said so. */
function resignations(said: ReadonlyMap<string, Facts>): Map<string, Fact> {
  const found = new Map<string, Fact>();
  for (const [pk, facts] of said) {
    const fact = facts.get(`admin:${pk}`);
    if (fact?.op === "demote") found.set(pk, fact);
  }
  return found;
}

/** What the walk of {@link walk} came to. */
interface Walk {
  readonly admins: readonly string[];
  readonly facts: Facts;
  /** All sets of admins on the way. */
  readonly met: readonly (readonly string[])[];
  /** Sets of admins that follow each other without end. */
  readonly circle?: readonly (readonly string[])[];
}

/** From the founder on to whom it promoted, and on, until nothing changes any more. */
function walk(
  charter: GroupCharter,
  said: ReadonlyMap<string, Facts>,
  excluded: ReadonlySet<string>,
): Walk {
  const met: (readonly string[])[] = [];
  for (let admins: readonly string[] = [charter.owner];;) {
    const facts = without(
      admins.reduce<Facts>((all, pk) => mergeFacts(all, said.get(pk) ?? NO_FACTS), NO_FACTS),
      excluded,
    );
    const name = admins.join();
    const known = met.findIndex((each) => each.join() === name);
    if (known >= 0) return { admins, facts, met, circle: met.slice(known) };
    const next = [...new Roster(charter, facts).admins].filter((pk) => !excluded.has(pk)).sort();
    met.push(admins);
    if (next.join() === name) return { admins, facts, met };
    admins = next;
  }
}

/** The facts without the promotions of some. */
function without(facts: Facts, excluded: ReadonlySet<string>): Facts {
  if (excluded.size === 0) return facts;
  const kept = new Map(facts);
  for (const pk of excluded) {
    if (kept.get(`admin:${pk}`)?.op === "promote") kept.delete(`admin:${pk}`);
  }
  return kept;
}

/** Of those who are admins in a part of a circle only, whoever was promoted last. */
function lastOf(
  circle: readonly (readonly string[])[],
  said: ReadonlyMap<string, Facts>,
): string {
  const everybody = [...new Set(circle.flat())].sort();
  const doubtful = everybody.filter((pk) => !circle.every((admins) => admins.includes(pk)));
  const promotedAt = (pk: string): bigint =>
    everybody.reduce((newest, issuer) => {
      const fact = said.get(issuer)?.get(`admin:${pk}`);
      return fact?.op === "promote" && fact.issuedAt > newest ? fact.issuedAt : newest;
    }, 0n);
  return doubtful.reduce((last, pk) => promotedAt(pk) > promotedAt(last) ? pk : last);
}
