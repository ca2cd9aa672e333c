import { rfc3339 } from "#kit";
import type { GroupStatus } from "./group_record.ts";
import { STANDALONE_PORT } from "./group_recorder.ts";
import { formatInvite } from "./invite.ts";
import { type GroupKey, rotationJitterNanos } from "./key_ring.ts";
import type { MemberState } from "./member_link.ts";
import { ZERO_TIME_TEXT } from "./record_reader.ts";
import type { GroupCharter, Roster } from "./roster.ts";

/** Silence of all members after which a member counts as cut off, milliseconds (groups.md 6.4). */
export const ALIVE_MS = 100_000;
/** How a member refuses who has no seat (cxo.md 13). */
const REFUSED = "subscribe rejected";
const NANOS_PER_SECOND = 1_000_000_000n;
/** Age at which keys rotate, seconds, without the share of each admin. */
const ROTATION_SECONDS = 604_800;

/** What a group is at, for {@link groupInfo}. */
export interface GroupState {
  /** What flags or an invite say of it. */
  readonly charter: GroupCharter;
  /** Display name; may be empty. */
  readonly name: string;
  /** Key of this node. */
  readonly self: string;
  /** The founder's node, or another. */
  readonly role: "owner" | "member";
  /** How this node stands with it, before the roster is asked. */
  readonly status: GroupStatus;
  /** Where the own feed is served, `host:port`; empty where it is not. */
  readonly listen: string;
  /** Who may do what. */
  readonly roster: Roster;
  /** What messages of a private group are sealed with now; undefined without one, and in a public group. */
  readonly key: Pick<GroupKey, "epoch" | "issuedAt"> | undefined;
  /** Nanoseconds since 1970. */
  readonly createdAt: bigint;
  /** Nanoseconds since 1970. */
  readonly joinedAt: bigint;
  /** Newest time of a message, by its author; undefined before the first. */
  readonly lastMessageAt: bigint | undefined;
  /** What the feed of each other member is at. */
  readonly members: readonly MemberState[];
  /** Messages shown. */
  readonly delivered: number;
  /** Whether the last change is on disk. */
  readonly saved: boolean;
}

/** Counts of the whole node that a group's view shows. */
export interface NodeCounts {
  /** Events that slow readers lost. */
  readonly dropped: number;
  /** Events written to readers. */
  readonly streamed: number;
}

/** The GroupInfo of groups.md 6.4, with its standalone fills; ready for JSON. */
export function groupInfo(
  state: GroupState,
  { counts, wall }: { counts: NodeCounts; wall: bigint },
): Record<string, unknown> {
  const { charter, members, name, role, roster, self } = state;
  const isPrivate = charter.mode === "private";
  const cannotPost = cannotPostReason(state);
  return {
    id: charter.id,
    name,
    owner_pk: charter.owner,
    port: portOf(state.listen),
    mode: charter.mode,
    kind: charter.kind,
    join_policy: isPrivate ? "approval" : "open",
    post_policy: charter.kind === "channel" || roster.readOnlySince !== undefined
      ? "admins"
      : "all",
    ...some("banned", [...roster.banned]),
    ...some("muted", [...roster.muted.keys()]),
    ...(roster.readOnlySince !== undefined && { read_only: true }),
    join_pow_bits: 0,
    peer_backfill: roster.backfill,
    ...(isPrivate && keyFields(state, wall)),
    can_post: cannotPost === undefined,
    ...(cannotPost !== undefined && { cannot_post_reason: cannotPost }),
    ...some("admins", [...roster.admins]),
    members: [...roster.members],
    self_pk: self,
    role,
    status: statusOf(state),
    created_at: rfc3339(state.createdAt),
    joined_at: rfc3339(state.joinedAt),
    last_message_at: timeText(state.lastMessageAt),
    subscriber_alive: isAlive(state, wall),
    ...perMember("peer_last_inbound", members, ({ lastInbound }) => timeText(lastInbound)),
    sub_drop_count: counts.dropped,
    deliver_count: state.delivered,
    stream_send_count: counts.streamed,
    ...perMember("peer_update_count", members, ({ updates }) => updates),
    ...perMember("peer_addrs", members, ({ address }) => address),
    ...perMember("peer_connected", members, ({ following }) => following),
    ...perMember("peer_trouble", members, ({ trouble }) => trouble),
    ...(!state.saved && { stored: false }),
  };
}

/** What `/status` says of a group (groups.md 6.5), with additions of ours. */
export interface GroupStatusEntry {
  /** Of the group. */
  readonly id: string;
  /** Display name; may be empty. */
  readonly name: string;
  /** The founder's node, or another. */
  readonly role: "owner" | "member";
  /** How this node stands with it. */
  readonly status: GroupStatus;
  /** Ours. */
  readonly mode: "public" | "private";
  /** Whether messages are sealed; ours. */
  readonly encrypted: boolean;
  /** This node included. */
  readonly members_count: number;
  /** Members whose feeds are followed now; ours. */
  readonly members_connected: number;
  /** RFC 3339. */
  readonly last_message_at: string;
  /** Seconds since then; null before the first message. */
  readonly lag_seconds: number | null;
  /** Whether anything comes in; true for the owner. */
  readonly subscriber_alive: boolean;
  /** Events that slow readers lost. */
  readonly sub_drop_count: number;
  /** Where members reach this node; empty where they do not. Ours. */
  readonly listen: string;
}

/** The entry of `/status`. */
export function groupStatusEntry(
  state: GroupState,
  { counts, wall }: { counts: NodeCounts; wall: bigint },
): GroupStatusEntry {
  const { charter, lastMessageAt, members, name, role, roster } = state;
  const lag = lastMessageAt === undefined ? undefined : (wall - lastMessageAt) / NANOS_PER_SECOND;
  return {
    id: charter.id,
    name,
    role,
    status: statusOf(state),
    mode: charter.mode,
    encrypted: charter.mode === "private",
    members_count: roster.members.size,
    members_connected: members.filter(({ following }) => following).length,
    last_message_at: timeText(lastMessageAt),
    lag_seconds: lag === undefined ? null : Number(lag < 0n ? 0n : lag),
    subscriber_alive: isAlive(state, wall),
    sub_drop_count: counts.dropped,
    listen: state.listen,
  };
}

/**
 * A link to a group with every address of a member that is known, the owner's first (groups.md 5.1).
 *
 * @param own `host:port` at which members reach this node; undefined where nobody knows
 */
export function groupInvite(
  { charter: { id, kind, mode, owner }, listen, name, roster, self }: GroupState,
  { addresses, own }: {
    addresses: ReadonlyMap<string, string>;
    own: string | undefined;
  },
): string {
  const known = new Map([...addresses].filter(([pk]) => roster.isMember(pk)));
  if (own !== undefined) known.set(self, own);
  return formatInvite({
    ...{ id, kind, mode, owner, name },
    port: portOf(listen) || STANDALONE_PORT,
    // Whoever hands out the link is asked first.
    admins: [self, ...roster.admins].filter((pk) => pk !== owner && roster.isAdmin(pk)),
    powBits: 0,
    addresses: [...new Set([owner, self, ...known.keys()])].flatMap((pk) => {
      const at = known.get(pk);
      return at === undefined ? [] : [`tcp://${pk}@${at}`];
    }),
  });
}

/** Why this node's user cannot write, for that user; undefined when it can. */
export function cannotPostReason(
  { charter, key, roster, self }: GroupState,
): string | undefined {
  const reason = roster.mayPost(self);
  if (reason !== undefined) return reason;
  if (charter.mode === "public" || key !== undefined) return undefined;
  return "no key of this private group yet — an admin has to be online once";
}

function keyFields({ key, self }: GroupState, wall: bigint): Record<string, unknown> {
  if (key === undefined) return { governance_sealed: true };
  const age = Number((wall - key.issuedAt) / NANOS_PER_SECOND);
  const jitter = Number(rotationJitterNanos(self) / NANOS_PER_SECOND);
  return {
    key_epoch: Number(key.epoch),
    key_age_seconds: Math.max(0, age),
    key_rotates_in_seconds: Math.max(0, ROTATION_SECONDS + jitter - age),
    governance_sealed: true,
  };
}

function isAlive({ members, role }: GroupState, wall: bigint): boolean {
  if (role === "owner") return true;
  const oldest = wall - BigInt(ALIVE_MS) * 1_000_000n;
  return members.some(({ following, lastInbound }) =>
    following || (lastInbound !== undefined && lastInbound >= oldest)
  );
}

/** What the roster says comes first; whom nobody lets in still waits for that. */
function statusOf({ members, roster, self, status }: GroupState): GroupStatus {
  if (roster.banned.has(self)) return "banned";
  if (!roster.isMember(self)) return "revoked";
  const isRefused = members.some(({ trouble }) => trouble?.startsWith(REFUSED)) &&
    members.every(({ following }) => !following);
  return isRefused && (status === "active" || status === "pending") ? "awaiting_approval" : status;
}

function perMember<T>(
  key: string,
  members: readonly MemberState[],
  of: (member: MemberState) => T | undefined,
): Record<string, unknown> {
  const entries = members.flatMap((member) => {
    const value = of(member);
    return value === undefined ? [] : [[member.member, value] as const];
  });
  return entries.length === 0 ? {} : { [key]: Object.fromEntries(entries) };
}

function some(key: string, list: readonly string[]): Record<string, unknown> {
  return list.length === 0 ? {} : { [key]: list };
}

/** The port of `host:port`; 0 where nothing listens. */
export function portOf(listen: string): number {
  return Number(listen.slice(listen.lastIndexOf(":") + 1)) || 0;
}

function timeText(time: bigint | undefined): string {
  return time === undefined ? ZERO_TIME_TEXT : rfc3339(time);
}
