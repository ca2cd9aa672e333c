/** How many ring successors a member follows unless configured otherwise (groups.md 1.6). */
export const DEFAULT_FANOUT = 2;

/** What the rules of groups.md 1.6 look at; a `Roster` has it. Keys are 66 hex digits. */
export interface Topology {
  readonly kind: "public" | "private" | "channel";
  readonly members: ReadonlySet<string>;
  /** With the mesh rule of a standalone group these are all members (groups.md 1.3). */
  readonly admins: ReadonlySet<string>;
  /** Whether members repeat what others wrote; never so in a channel. */
  readonly backfill: boolean;
}

/**
 * The `k` candidates that follow `me` in the order of their hex digits, around the ring; all of them
 * when there are no more. `me` need not be one, and `k` is not negative.
 */
export function ringSuccessors(candidates: Iterable<string>, me: string, k: number): string[] {
  const ring = [...new Set(candidates)].sort();
  if (k >= ring.length) return ring;
  const found = ring.findIndex((key) => key >= me);
  const first = found < 0 ? 0 : found;
  return [...ring.slice(first), ...ring.slice(0, first)].slice(0, k);
}

/** Whom `me` follows: admins in the order of the members, then ring successors (groups.md 1.6). */
export function follows(group: Topology, me: string, fanout: number = DEFAULT_FANOUT): string[] {
  const others = [...group.members].filter((key) => key !== me);
  const admins = others.filter((key) => group.admins.has(key));
  if (group.kind === "channel") return admins;
  if (group.admins.has(me)) return others;
  const rest = others.filter((key) => !group.admins.has(key));
  return [...admins, ...ringSuccessors(rest, me, effectiveFanout(group, fanout))];
}

/** Whether `me` repeats in its own feed what others wrote (groups.md 1.6). */
export function mirrors(group: Topology, me: string, fanout: number = DEFAULT_FANOUT): boolean {
  return group.admins.has(me) || effectiveFanout(group, fanout) > 0;
}

/** Negative counts as none, and so does everything while backfill is off. */
function effectiveFanout({ backfill, kind }: Topology, fanout: number): number {
  return backfill && kind !== "channel" ? Math.max(0, Math.trunc(fanout)) : 0;
}
