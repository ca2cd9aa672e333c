import { type Clock, type Log, quoteForLog } from "#kit";
import {
  addsTo,
  type Fact,
  type Facts,
  factsOf,
  hasRoomFor,
  isNewer,
  MAX_REGISTERS,
  NO_FACTS,
  type Register,
  registersOf,
  type SaidFact,
} from "./facts.ts";
import { settle, type Settled } from "./authority.ts";
import { type Mutation, mutationDigest, verifyMutation } from "./mutation.ts";
import { freshness, MAX_SKEW_NANOS } from "./replay_guard.ts";
import type { GroupCharter, Roster } from "./roster.ts";
import { MAX_WAITING_OF_ISSUER, MAX_WAITING_RECORDS, WaitingRecords } from "./waiting_records.ts";

/** Facts of all issuers together (ours): each admin says again what others decided. */
const MAX_SAID = 4 * MAX_REGISTERS;

/** What became of a record that came from a feed. */
export type RecordVerdict =
  /** It changed what holds. */
  | { readonly kind: "applied" }
  /** It, or something newer about the same, is known. */
  | { readonly kind: "known" }
  /** Its issuer is no admin now, or it is dated too far ahead; it counts once that changes. */
  | { readonly kind: "waiting" }
  /** It counts for nothing. */
  | { readonly kind: "refused"; readonly reason: string };

const WAITING: RecordVerdict = { kind: "waiting" };

/** What {@link Governance} is made with. */
export interface GovernanceOptions {
  readonly charter: GroupCharter;
  /** What was known before: the facts that counted, and those beside them. */
  readonly facts: Iterable<SaidFact>;
  readonly clock: Pick<Clock, "wall">;
  readonly log: Log;
  /** Told of each record that changed something. */
  readonly onApplied: (mutation: Mutation) => void;
  /**
   * Told of each record of an admin that stands, or that counts though its issuer gave the office back. Also
   * where it says what is known already; then its signature may not have been looked at.
   */
  readonly onStanding?: (mutation: Mutation) => void;
}

/**
 * Who belongs to a group and what they may do, as the signed records say (groups.md 2.6, 2.7). What holds
 * depends on which records came, not on their order: those of whoever is an admin after all of them count,
 * be they older than its promotion, and those of whoever is none any more do not, be they older than its
 * demotion. Whoever takes an admin's seat therefore signs what it decided once more.
 */
export class Governance {
  readonly #options: GovernanceOptions;
  /** What each issuer said last about each thing, whether it counts or not. */
  readonly #said = new Map<string, Map<Register, Fact>>();
  /** Records that nobody was told of, by digest, oldest first: they do not count yet. */
  readonly #untold = new Map<string, Mutation>();
  /** Records that are dated too far ahead. */
  readonly #early = new WaitingRecords();
  /** Records of people whom nobody listed yet. */
  readonly #ofStrangers = new WaitingRecords();
  #settled: Settled;

  /** Nothing waits yet. */
  constructor(options: GovernanceOptions) {
    this.#options = options;
    for (const said of options.facts) this.#note(said);
    this.#settled = settle(options.charter, this.#said);
  }

  /** What holds now. */
  get roster(): Roster {
    return this.#settled.roster;
  }

  /** The newest record that counts about each person and each setting. */
  get facts(): Facts {
    return this.#settled.facts;
  }

  /** What admins said beside the facts that count: without it, other people could be admins after a restart. */
  get beside(): readonly SaidFact[] {
    const { facts: counted, heard } = this.#settled;
    return [...this.#said].flatMap(([issuer, facts]) =>
      heard.has(issuer)
        ? [...facts].filter(([register, { digest }]) => counted.get(register)?.digest !== digest)
        : []
    );
  }

  /** Records that wait for their issuer or for their date. */
  get waiting(): number {
    return this.#early.size + this.#ofStrangers.size +
      [...this.#outsiders()].reduce((sum, [, { size }]) => sum + size, 0);
  }

  /** Whether something newer took the place of a record. */
  isSuperseded(mutation: Mutation): boolean {
    const { issuedAt, op, peer } = mutation;
    const [register] = registersOf(op, peer);
    const known = register && this.facts.get(register);
    if (known === undefined || addsTo(this.facts, mutation)) return false;
    // What somebody decided who gave the office back rests on having had it.
    if (op === "promote" && known.op === "demote" && known.issuer === peer) return false;
    return known.op !== op || known.issuedAt !== issuedAt;
  }

  /** Takes a record from a feed, with the checks of groups.md 2.6. */
  take(mutation: Mutation): RecordVerdict {
    const [verdict = WAITING] = this.takeAll([mutation]);
    return verdict;
  }

  /**
   * Takes records that came together.
   *
   * @param bringer in whose feed they were; empty where in several
   */
  takeAll(mutations: readonly Mutation[], bringer = ""): readonly RecordVerdict[] {
    const { heard } = this.#settled;
    const refusals = mutations.map((mutation) => this.#add(mutation, bringer));
    const added = mutations.filter((_, index) => refusals[index] === undefined);
    // What depends on nobody who said something new is as it was.
    if (added.some(({ issuer }) => heard.has(issuer))) this.#settle();
    else if (added.length > 0) this.#dropExcess();
    this.#dropUntold();
    return mutations.map((mutation, index) => refusals[index] ?? this.#verdictOf(mutation));
  }

  /** Applies own records, whose right was checked. */
  applyOwn(mutations: readonly Mutation[]): void {
    const added = mutations.filter((mutation) => !this.knows(mutation));
    for (const mutation of added) this.#keep(mutation);
    if (added.length > 0) this.#settle();
  }

  /** Whether its issuer said this, or something newer about the same, before. */
  knows(mutation: Mutation): boolean {
    return !addsTo(this.#said.get(mutation.issuer) ?? NO_FACTS, mutation);
  }

  /** Takes what was dated too far ahead and is not any more. */
  retry(): void {
    const due = this.#early.take((mutation) => !this.#isEarly(mutation));
    if (due.length > 0) this.takeAll(due);
  }

  /**
   * Whether somebody who was put out wants to put out an admin. Dates say nothing here, since whoever signs
   * chooses them: what this node knew first holds.
   */
  #isRevenge({ issuer, op, peer }: Mutation): boolean {
    if (!AGAINST.has(op) || !this.roster.isAdmin(peer) || this.roster.isAdmin(issuer)) return false;
    return [this.facts.get(`admin:${issuer}`), this.facts.get(`ban:${issuer}`)].some((end) =>
      // Who gave the office back itself was put out by nobody.
      (end?.op === "demote" || end?.op === "ban") && end.issuer !== issuer
    );
  }

  #isKnown({ issuer }: Mutation): boolean {
    return this.roster.isKnown(issuer) || this.roster.isAdmin(issuer);
  }

  /** Takes what people said who are known now. */
  #admitStrangers(): void {
    const known = this.#ofStrangers.take((mutation) => this.#isKnown(mutation));
    if (known.length > 0) this.takeAll(known);
  }

  /** Keeps a record that may count; undefined where it has to be looked at what that changes. */
  #add(mutation: Mutation, bringer: string): RecordVerdict | undefined {
    const { charter, clock } = this.#options;
    const { groupId, issuedAt, issuer, op, peer } = mutation;
    if (groupId !== charter.id) return refused("it is of another group");
    // Early, because it costs least and most of what a restart brings is known.
    if (this.knows(mutation)) {
      this.#tellIfStanding(mutation);
      return { kind: "known" };
    }
    const fault = verifyMutation(mutation);
    if (fault !== undefined) return refused(fault.message);
    if (!this.#isKnown(mutation)) {
      // What makes somebody known may come from another feed. Of people whom nobody listed little is kept.
      this.#ofStrangers.add(mutation, bringer);
      return WAITING;
    }
    if (this.#isRevenge(mutation)) return refused("its issuer is no admin any more");
    if (peer === charter.owner && AGAINST.has(op)) return refused("it is against the founder");
    // Clocks differ: others may believe it already, and they must not differ from this node for good.
    const now = clock.wall();
    if (this.#isEarly(mutation) && issuedAt <= now + 2n * MAX_SKEW_NANOS) {
      this.#early.add(mutation, issuer);
      return WAITING;
    }
    // Against what is known it was checked above, thing by thing.
    const fresh = freshness(issuedAt, { now, watermark: undefined });
    if (fresh !== "apply") return refused(fresh);
    if (!this.#hasRoom(mutation)) return refused("the group has too many records");
    this.#keep(mutation);
    return undefined;
  }

  #tellIfStanding(mutation: Mutation): void {
    const hasSay = this.roster.isAdmin(mutation.issuer) || this.#counts(mutation);
    if (hasSay && !this.isSuperseded(mutation)) this.#options.onStanding?.(mutation);
  }

  /** The founder has a room of its own, so that no other admin can fill it. */
  #hasRoom(mutation: Mutation): boolean {
    const { issuer } = mutation;
    if (issuer === this.#options.charter.owner) {
      return hasRoomFor(this.#said.get(issuer) ?? NO_FACTS, mutation);
    }
    const total = [...this.#said.values()].reduce((sum, { size }) => sum + size, 0);
    return total < MAX_SAID && hasRoomFor(this.facts, mutation);
  }

  #keep(mutation: Mutation): void {
    for (const said of factsOf(mutation)) this.#note(said);
    this.#untold.set(mutationDigest(mutation), mutation);
  }

  #note([register, fact]: SaidFact): void {
    const said = this.#said.get(fact.issuer) ?? new Map<Register, Fact>();
    if (isNewer(fact, said.get(register))) said.set(register, fact);
    this.#said.set(fact.issuer, said);
  }

  /** Works out what holds, and tells what that changed. */
  #settle(): void {
    const { charter, clock, log, onApplied } = this.#options;
    const before = this.facts;
    this.#settled = settle(charter, this.#said);
    this.#dropExcess();
    for (const [digest, mutation] of [...this.#untold]) {
      // Of whoever gave the office back, what was said until then counts.
      if (!this.roster.isAdmin(mutation.issuer) && !this.#counts(mutation)) continue;
      this.#untold.delete(digest);
      this.#tellIfStanding(mutation);
      if (!this.#isNews(mutation, before)) continue;
      if (mutation.issuedAt > clock.wall()) {
        log.warn(`skychat: cxo-group: ${describe(mutation)} is dated ahead of now`);
      }
      onApplied(mutation);
    }
    this.#admitStrangers();
  }

  #verdictOf(mutation: Mutation): RecordVerdict {
    if (!this.roster.isAdmin(mutation.issuer)) return WAITING;
    return this.#counts(mutation) ? { kind: "applied" } : { kind: "known" };
  }

  #counts(mutation: Mutation): boolean {
    const digest = mutationDigest(mutation);
    return registersOf(mutation.op, mutation.peer).some((register) =>
      this.facts.get(register)?.digest === digest
    );
  }

  /** Two admins may sign the same decision. */
  #isNews(mutation: Mutation, before: Facts): boolean {
    const { issuedAt, op, peer } = mutation;
    return this.#counts(mutation) && registersOf(op, peer).some((register) => {
      const known = before.get(register);
      return known?.op !== op || known.issuedAt !== issuedAt;
    });
  }

  /** What people said who are no admins. */
  *#outsiders(): Iterable<[string, Map<Register, Fact>]> {
    for (const entry of this.#said) if (!this.roster.isAdmin(entry[0])) yield entry;
  }

  /** Of people who are no admins only so much is kept, and whoever said most loses its oldest. */
  #dropExcess(): void {
    const outsiders = [...this.#outsiders()].sort(([, a], [, b]) => b.size - a.size);
    let total = outsiders.reduce((sum, [, { size }]) => sum + size, 0);
    for (const [issuer, facts] of outsiders) {
      const excess = Math.max(facts.size - MAX_WAITING_OF_ISSUER, total - MAX_WAITING_RECORDS, 0);
      if (excess === 0) continue;
      if (excess >= facts.size) this.#said.delete(issuer);
      else this.#said.set(issuer, new Map([...facts].slice(excess)));
      total -= Math.min(excess, facts.size);
    }
  }

  #dropUntold(): void {
    for (const digest of this.#untold.keys()) {
      if (this.#untold.size <= MAX_WAITING_RECORDS) return;
      this.#untold.delete(digest);
    }
  }

  /** Whether its date is not to be believed yet, by the clock of this node (groups.md 2.7). */
  #isEarly({ issuedAt }: Mutation): boolean {
    return issuedAt > this.#options.clock.wall() + MAX_SKEW_NANOS;
  }
}

/** What the founder cannot suffer. */
const AGAINST: ReadonlySet<Mutation["op"]> = new Set(["remove", "demote", "ban", "mute"]);

function refused(reason: string): RecordVerdict {
  return { kind: "refused", reason };
}

/** `roster add <pk>`: the text of a system event and of log lines (groups.md 6.3). */
export function describe({ family, op, peer }: Mutation): string {
  return quoteForLog([family, op, peer].filter((word) => word !== "").join(" "));
}
