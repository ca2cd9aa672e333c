import type { Fact, Facts } from "./facts.ts";
import { ZERO_TIME } from "./wire_json.ts";

/** Members a group may have (groups.md 4.7). */
export const MAX_MEMBERS = 256;

/** What flags, an invite or the record say before governance has its say. */
export interface GroupCharter {
  /** Of the group. */
  readonly id: string;
  /** The founder, 66 hex digits. */
  readonly owner: string;
  /** Whether messages are sealed. */
  readonly mode: "public" | "private";
  /** What it is for (groups.md 1.2). */
  readonly kind: "public" | "private" | "channel";
  /** Whom the flags list, in their order; this node included. */
  readonly members: readonly string[];
  /** Whose decisions count: those of the founder and whom it promoted, or those of all members. */
  readonly governance: "owner" | "all";
}

/**
 * Who may do what in a group: a pure function of the charter and the facts (groups.md 1.7, 2.6).
 *
 * The owner is always a member and an admin, and nothing that any fact says changes that. Keys are 66
 * hex digits, times nanoseconds since 1970.
 */
export class Roster {
  /** Of the charter. */
  readonly kind: GroupCharter["kind"];
  /** Of the charter. */
  readonly owner: string;
  /** At most {@link MAX_MEMBERS}: the owner, whom the charter lists, then who was added, oldest first. */
  readonly members: ReadonlySet<string>;
  /** The governance set: the owner, then the others by key. They need not be members. */
  readonly admins: ReadonlySet<string>;
  /** By key. */
  readonly banned: ReadonlySet<string>;
  /** Key -> since when. */
  readonly muted: ReadonlyMap<string, bigint>;
  /** Since when only admins may write; undefined while everybody may. */
  readonly readOnlySince: bigint | undefined;
  /** Whether members repeat what others wrote; never in a channel. */
  readonly backfill: boolean;
  /** Whom the charter lists although governance put them out: worth a log line. */
  readonly removedByFlags: readonly string[];
  readonly #charter: GroupCharter;
  readonly #listed: ReadonlySet<string>;
  readonly #facts: Facts;
  readonly #targets: Targets;

  /** What the facts say of this group. */
  constructor(charter: GroupCharter, facts: Facts) {
    this.kind = charter.kind;
    this.owner = charter.owner;
    this.#charter = charter;
    this.#listed = new Set(charter.members);
    this.#facts = facts;
    this.#targets = targetsIn(facts, charter.owner);
    this.banned = new Set(this.#targets.ban.map(([pk]) => pk));
    this.members = this.#seats();
    this.admins = new Set([charter.owner, ...this.#adminKeys()]);
    this.muted = new Map(this.#targets.mute.map(([pk, { issuedAt }]) => [pk, issuedAt]));
    const readOnly = facts.get("read-only");
    this.readOnlySince = readOnly?.op === "read-only" ? readOnly.issuedAt : undefined;
    this.backfill = charter.kind !== "channel" && facts.get("backfill")?.op !== "backfill-off";
    this.removedByFlags = [...this.#listed].filter((pk) => !this.#belongs(pk));
  }

  /** Whether this peer holds a seat. */
  isMember(pk: string): boolean {
    return this.members.has(pk);
  }

  /** Whether what this peer decides counts. */
  isAdmin(pk: string): boolean {
    return this.admins.has(pk);
  }

  /** Whether this peer has ever been listed: by the charter or by a roster decision. */
  isKnown(pk: string): boolean {
    return pk === this.owner || this.#listed.has(pk) || this.#facts.has(`roster:${pk}`);
  }

  /** Why this peer cannot write now, for its user; undefined when it can (groups.md 1.7). */
  mayPost(pk: string): string | undefined {
    if (this.banned.has(pk)) return "you are banned from this group";
    if (this.muted.has(pk)) return "you are restricted from sending messages in this group";
    if (this.kind === "channel" && !this.isAdmin(pk)) {
      return "this is a channel — only admins can post";
    }
    if (this.readOnlySince !== undefined && !this.isAdmin(pk)) {
      return "this group is read-only — only admins can send messages";
    }
    // Ours: groups.md has no text for it, because upstream delivers what a removed member writes.
    return this.#removedSince(pk) === undefined ? undefined : "you were removed from this group";
  }

  /**
   * Why a message of this sender and time is not shown; undefined when it is (groups.md 1.7). A ban
   * and a channel concern messages of every age, the rest those from its beginning on.
   *
   * @param ts of the message; a zero time counts as covered by everything.
   */
  refusalOf(sender: string, ts: bigint): string | undefined {
    if (this.banned.has(sender)) return "banned";
    if (covers(this.muted.get(sender), ts)) return "muted";
    const admin = this.isAdmin(sender);
    if (this.kind === "channel" && !admin) return "channel is admins-only";
    if (!admin && covers(this.readOnlySince, ts)) return "group is read-only";
    return covers(this.#removedSince(sender), ts) ? "removed" : undefined;
  }

  #seats(): Set<string> {
    const added = this.#targets.roster
      .toSorted(([, a], [, b]) => a.issuedAt === b.issuedAt ? 0 : a.issuedAt < b.issuedAt ? -1 : 1)
      .map(([pk]) => pk);
    const all = [...this.#listed, ...added].filter((pk) => this.#belongs(pk));
    return new Set([...new Set([this.owner, ...all])].slice(0, MAX_MEMBERS));
  }

  /** Whether the decisions give this peer a seat, if there is room. */
  #belongs(pk: string): boolean {
    if (pk === this.owner) return true;
    if (this.banned.has(pk)) return false;
    const roster = this.#facts.get(`roster:${pk}`);
    if (roster?.op === "remove") return false;
    if (roster === undefined && !this.#listed.has(pk)) return false;
    const evicted = this.#evictedAt(pk);
    return evicted === undefined || (roster !== undefined && roster.issuedAt > evicted);
  }

  #adminKeys(): string[] {
    const promoted = this.#targets.admin
      .filter(([pk, { issuedAt }]) => {
        const evicted = this.#evictedAt(pk);
        return !this.banned.has(pk) && (evicted === undefined || issuedAt > evicted);
      })
      .map(([pk]) => pk);
    if (this.#charter.governance === "owner") return promoted;
    const members = [...this.members]
      .filter((pk) => this.#facts.get(`admin:${pk}`)?.op !== "demote");
    return [...new Set([...promoted, ...members])].sort();
  }

  /**
   * When a peer was last banned; what was decided for it before is void even when the ban is lifted,
   * which does not re-admit (groups.md 2.6). Only bans count: an unban repeated by a second admin would
   * else put out whom the first has added again.
   */
  #evictedAt(pk: string): bigint | undefined {
    return this.#facts.get(`eviction:${pk}`)?.issuedAt;
  }

  /** Since when a peer is put out: by a remove, or by a ban that was lifted. */
  #removedSince(pk: string): bigint | undefined {
    if (this.#belongs(pk)) return undefined;
    const roster = this.#facts.get(`roster:${pk}`);
    if (roster?.op === "remove") return roster.issuedAt;
    return this.#evictedAt(pk);
  }
}

/** Peers whose newest decision of each kind is the one that a group acts on, by key; never the owner. */
type Targets = Readonly<Record<keyof typeof ACTED_ON, readonly (readonly [string, Fact])[]>>;

/** Kind of a register -> the decision that a group acts on. */
const ACTED_ON = { admin: "promote", ban: "ban", mute: "mute", roster: "add" } as const;

function targetsIn(facts: Facts, owner: string): Targets {
  const found: Record<keyof Targets, [string, Fact][]> = {
    admin: [],
    ban: [],
    mute: [],
    roster: [],
  };
  for (const [register, fact] of facts) {
    const colon = register.indexOf(":");
    const kind = register.slice(0, Math.max(colon, 0));
    const pk = register.slice(colon + 1);
    if (isActedOn(kind) && fact.op === ACTED_ON[kind] && pk !== owner) found[kind].push([pk, fact]);
  }
  for (const targets of Object.values(found)) targets.sort(([a], [b]) => a < b ? -1 : 1);
  return found;
}

function isActedOn(kind: string): kind is keyof Targets {
  return Object.hasOwn(ACTED_ON, kind);
}

/** Whether a measure that began at `since` concerns a message of that time. */
function covers(since: bigint | undefined, ts: bigint): boolean {
  return since !== undefined && (ts === ZERO_TIME || ts >= since);
}
