import { type Mutation, mutationDigest, type MutationOp } from "./mutation.ts";

/**
 * What one decision is about. Decisions about different things never touch each other.
 *
 * `eviction:<pk>` has the newest ban and nothing else: an unban that comes later takes the ban away,
 * but not the fact that it cost the peer its seat (groups.md 2.6: "does not re-admit").
 */
export type Register =
  | `roster:${string}`
  | `admin:${string}`
  | `ban:${string}`
  | `mute:${string}`
  | `eviction:${string}`
  | "read-only"
  | "backfill";

/** The newest decision of a register: what, when (nanoseconds since 1970) and by whom. */
export interface Fact {
  /** What was decided. */
  readonly op: MutationOp;
  /** When. */
  readonly issuedAt: bigint;
  /** 66 hex digits. */
  readonly issuer: string;
  /** Hex digest1 of the mutation, which covers everything but its signature. */
  readonly digest: string;
}

/**
 * All that governance has decided in one group: for each register the newest decision.
 *
 * It is a join semilattice. {@link mergeFacts} takes the larger of two facts in a total order, so
 * nodes that have seen the same mutations hold the same facts, however those came.
 */
export type Facts = ReadonlyMap<Register, Fact>;

/** A fact and what it is about; of one register there may be several, of different issuers. */
export type SaidFact = readonly [Register, Fact];

/** Where a group begins. */
export const NO_FACTS: Facts = new Map();

/**
 * Registers a group may have (ours). 256 members need five each at most; the rest is for those who
 * went. They are never pruned, so an admin that adds invented keys must meet a bound.
 */
export const MAX_REGISTERS = 16_384;

/** Operations that take something away: they win when two admins decide at the same nanosecond. */
const RESTRICTIVE: ReadonlySet<MutationOp> = new Set<MutationOp>(
  ["remove", "demote", "ban", "mute", "read-only", "backfill-off"],
);

/** Operation -> the register of its target. */
const REGISTER_OF: Readonly<Record<MutationOp, (peer: string) => Register>> = {
  "add": (peer) => `roster:${peer}`,
  "remove": (peer) => `roster:${peer}`,
  "promote": (peer) => `admin:${peer}`,
  "demote": (peer) => `admin:${peer}`,
  "ban": (peer) => `ban:${peer}`,
  "unban": (peer) => `ban:${peer}`,
  "mute": (peer) => `mute:${peer}`,
  "unmute": (peer) => `mute:${peer}`,
  "read-only": () => "read-only",
  "read-write": () => "read-only",
  "backfill-on": () => "backfill",
  "backfill-off": () => "backfill",
};

/** Every operation there is. */
export const MUTATION_OPS: readonly MutationOp[] = Object.keys(REGISTER_OF).filter(isOp);

/** The registers a mutation with this operation writes; `peer` is "" for what concerns the group. */
export function registersOf(op: MutationOp, peer: string): readonly Register[] {
  const register = REGISTER_OF[op](peer);
  return op === "ban" ? [register, `eviction:${peer}`] : [register];
}

/** The facts that one mutation alone makes. Whether it may is not looked at. */
export function factsOf(m: Mutation): Facts {
  const { op, issuedAt, issuer } = m;
  const fact: Fact = { op, issuedAt, issuer, digest: mutationDigest(m) };
  return new Map(registersOf(op, m.peer).map((register) => [register, fact]));
}

/** The join of both: commutative, associative, idempotent. `a` itself when `b` adds nothing. */
export function mergeFacts(a: Facts, b: Facts): Facts {
  let merged: Map<Register, Fact> | undefined;
  for (const [register, fact] of b) {
    if (!isNewer(fact, a.get(register))) continue;
    merged ??= new Map(a);
    merged.set(register, fact);
  }
  return merged ?? a;
}

/** Whether merging the mutation changes anything. */
export function addsTo(facts: Facts, m: Mutation): boolean {
  return [...factsOf(m)].some(([register, fact]) => isNewer(fact, facts.get(register)));
}

/** Whether the registers that the mutation makes still fit below {@link MAX_REGISTERS}. */
export function hasRoomFor(facts: Facts, m: Mutation): boolean {
  const added = registersOf(m.op, m.peer).filter((register) => !facts.has(register)).length;
  return added === 0 || facts.size + added <= MAX_REGISTERS;
}

function isOp(text: string): text is MutationOp {
  return Object.hasOwn(REGISTER_OF, text);
}

/**
 * Whether `fact` takes the place of what is known in its register: later, or at the same nanosecond
 * restrictive where the known one is not, or else of the larger digest. A total order, so that of any
 * number of facts the same one wins in whatever order they are compared.
 */
export function isNewer(fact: Fact, known: Fact | undefined): boolean {
  if (known === undefined) return true;
  if (fact.issuedAt !== known.issuedAt) return fact.issuedAt > known.issuedAt;
  const restrictive = RESTRICTIVE.has(fact.op);
  if (restrictive !== RESTRICTIVE.has(known.op)) return restrictive;
  return fact.digest > known.digest;
}
