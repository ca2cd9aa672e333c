import { formatRfc3339 } from "#kit";
import {
  type Fact,
  type Facts,
  isNewer,
  MUTATION_OPS,
  type Register,
  registersOf,
  type SaidFact,
} from "./facts.ts";
import type { WireValue } from "./json_text.ts";
import { isGroupOp } from "./mutation.ts";
import {
  exactNumber,
  isKeyText,
  readRecordText,
  RecordError,
  RecordReader,
  ZERO_TIME_TEXT,
} from "./record_reader.ts";
import { watermarks } from "./replay_guard.ts";
import { type GroupCharter, Roster } from "./roster.ts";

export { RecordError };

/** Where a node can stand with a group (groups.md 1.4); left, revoked, denied and banned are final. */
export const GROUP_STATUSES = [
  "pending",
  "active",
  "left",
  "revoked",
  "awaiting_approval",
  "denied",
  "banned",
] as const;

/** One of {@link GROUP_STATUSES}. */
export type GroupStatus = typeof GROUP_STATUSES[number];

/** A key of a private group as it stands on disk (groups.md 7.2). */
export interface StoredGroupKey {
  /** 64 bits, unsigned. */
  readonly epoch: bigint;
  /** Sealed with the identity of this node. */
  readonly sealed: Uint8Array;
  /** When it was issued, nanoseconds since 1970; undefined when nobody knows. */
  readonly issuedAt: bigint | undefined;
}

/** The last number this node gave a leaf of each family; 0 where it has issued none. */
export interface GovernanceSeq {
  readonly roster: number;
  readonly admin: number;
  readonly mod: number;
  readonly keys: number;
}

/**
 * What a node keeps of a group in `record.json` (groups.md 1.4, 7.3). Keys are 66 hex digits, times
 * nanoseconds since 1970. Members, admins, bans and the like are not in it: they follow from the
 * facts.
 */
export interface GroupRecordFile {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  /** Of the listener; 8870 where there is none to name. */
  readonly port: number;
  readonly mode: "public" | "private";
  readonly kind: "public" | "private" | "channel";
  /** Whose decisions count; ours. */
  readonly governance: "owner" | "all";
  readonly role: "owner" | "member";
  readonly status: GroupStatus;
  /** Whom flags or the invite list, this node included. */
  readonly baseMembers: readonly string[];
  readonly facts: Facts;
  /** What admins said beside the facts, which counts where those do not any more; ours. */
  readonly beside?: readonly SaidFact[];
  /** Key -> `host:port`. */
  readonly addresses: ReadonlyMap<string, string>;
  readonly createdAt: bigint;
  readonly joinedAt: bigint;
  readonly lastMessageAt: bigint | undefined;
  /** Keys of a private group; retired ones newest first. */
  readonly keyRing?: {
    readonly current: StoredGroupKey | undefined;
    readonly retired: readonly StoredGroupKey[];
  };
  readonly governanceSeq: GovernanceSeq;
}

/** The part of a record from which, with its facts, the roster follows. */
export function charterOf(record: GroupRecordFile): GroupCharter {
  const { baseMembers: members, governance, id, kind, mode, owner } = record;
  return { id, owner, mode, kind, members, governance };
}

/**
 * The text of `record.json`: the keys of groups.md 1.4 in its order and form, so that whoever knows
 * those can read it, then ours: `peer_addrs`, `base_members`, `governance`, `facts`, `beside`,
 * `governance_seq`. What follows from the facts is written, but not read back.
 */
export function encodeGroupRecord(record: GroupRecordFile): string {
  const roster = new Roster(charterOf(record), record.facts);
  const document = {
    id: record.id,
    name: record.name,
    owner_pk: record.owner,
    admins: unlessEmpty([...roster.admins]),
    port: record.port,
    mode: record.mode,
    kind: record.kind,
    ...moderationFields(record, roster),
    ...keyFields(record),
    members: [...roster.members],
    role: record.role,
    mutation_seen: unlessNone(times(watermarks(record.facts))),
    status: record.status,
    created_at: formatRfc3339(record.createdAt),
    joined_at: formatRfc3339(record.joinedAt),
    last_message_at: timeText(record.lastMessageAt),
    peer_addrs: Object.fromEntries(byKey(record.addresses)),
    base_members: record.baseMembers,
    governance: record.governance,
    facts: factList(record.facts),
    beside: unlessEmpty(factList(record.beside ?? [])),
    governance_seq: record.governanceSeq,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/**
 * Reads what {@link encodeGroupRecord} wrote.
 *
 * @throws {RecordError} when it is no such record. Facts are all or nothing: a record without them,
 * as a visor has it, would let banned peers back in.
 */
export function decodeGroupRecord(text: string): GroupRecordFile {
  const document = readRecordText(text);
  const keyRing = readKeyRing(document);
  const beside = readSaid(document, "beside");
  return {
    id: document.text("id", (id): id is string => id !== ""),
    name: document.text("name"),
    owner: document.publicKey("owner_pk"),
    port: document.count("port", 65_535),
    mode: document.text("mode", oneOf(["public", "private"])),
    kind: document.text("kind", oneOf(["public", "private", "channel"])),
    governance: document.text("governance", oneOf(["owner", "all"])),
    role: document.text("role", oneOf(["owner", "member"])),
    status: document.text("status", oneOf(GROUP_STATUSES)),
    baseMembers: document.list("base_members", readKey),
    facts: readFacts(document),
    ...(beside.length > 0 && { beside }),
    addresses: readAddresses(document),
    createdAt: document.moment("created_at"),
    joinedAt: document.moment("joined_at"),
    lastMessageAt: document.time("last_message_at"),
    ...(keyRing !== undefined && { keyRing }),
    governanceSeq: readGovernanceSeq(document.object("governance_seq")),
  };
}

function moderationFields({ facts }: GroupRecordFile, roster: Roster): object {
  return {
    banned: unlessEmpty([...roster.banned]),
    muted: unlessEmpty([...roster.muted.keys()]),
    muted_since: unlessNone(times(roster.muted)),
    read_only: roster.readOnlySince === undefined ? undefined : true,
    peer_backfill_disabled: facts.get("backfill")?.op === "backfill-off" ? true : undefined,
    read_only_since: timeText(roster.readOnlySince),
  };
}

function keyFields({ keyRing }: GroupRecordFile): object {
  const { current, retired = [] } = keyRing ?? {};
  return {
    aes_key_sealed: current?.sealed.toBase64(),
    key_epoch: current === undefined || current.epoch === 0n
      ? undefined
      : exactNumber(current.epoch),
    key_issued_at: timeText(current?.issuedAt),
    key_ring: unlessEmpty(retired.map(({ epoch, issuedAt, sealed }) => ({
      epoch: exactNumber(epoch),
      key_sealed: sealed.toBase64(),
      added_at: timeText(issuedAt),
    }))),
  };
}

function readKeyRing(document: RecordReader): GroupRecordFile["keyRing"] {
  const retired = document.list("key_ring", (value, name) => {
    const entry = new RecordReader(value, name);
    return {
      epoch: entry.uint64("epoch"),
      sealed: entry.bytes("key_sealed"),
      issuedAt: entry.time("added_at"),
    };
  });
  const current = document.has("aes_key_sealed")
    ? {
      epoch: document.uint64("key_epoch"),
      sealed: document.bytes("aes_key_sealed"),
      issuedAt: document.time("key_issued_at"),
    }
    : undefined;
  return current === undefined && retired.length === 0 ? undefined : { current, retired };
}

/** One decision may stand in two registers; it is written once. */
function factList(facts: Iterable<SaidFact>): object[] {
  const decisions = new Map<string, object>();
  const sorted = [...facts].sort(([a, { digest: one }], [b, { digest: other }]) =>
    `${a} ${one}` < `${b} ${other}` ? -1 : 1
  );
  for (const [register, { digest, issuedAt, issuer, op }] of sorted) {
    const [, peer] = register.split(":");
    const issued_at = formatRfc3339(issuedAt);
    decisions.set(`${peer} ${digest}`, { op, peer_pk: peer, issued_at, issuer_pk: issuer, digest });
  }
  return [...decisions.values()];
}

/** The join of all decisions, in whatever order they stand there. */
function readFacts(document: RecordReader): Facts {
  if (!document.has("facts")) throw document.error("facts");
  const facts = new Map<Register, Fact>();
  for (const [register, fact] of readSaid(document, "facts")) {
    if (isNewer(fact, facts.get(register))) facts.set(register, fact);
  }
  return facts;
}

function readSaid(document: RecordReader, key: string): readonly SaidFact[] {
  const said = document.list(key, (value, name): SaidFact[] => {
    const entry = new RecordReader(value, name);
    const op = entry.text("op", oneOf(MUTATION_OPS));
    const fact: Fact = {
      op,
      issuedAt: entry.moment("issued_at"),
      issuer: entry.publicKey("issuer_pk"),
      digest: entry.text("digest", isDigest),
    };
    const registers = registersOf(op, isGroupOp(op) ? "" : entry.publicKey("peer_pk"));
    return registers.map((register): SaidFact => [register, fact]);
  });
  return said.flat();
}

function readAddresses(document: RecordReader): ReadonlyMap<string, string> {
  if (!document.has("peer_addrs")) return new Map();
  const addresses = document.object("peer_addrs");
  return new Map([...addresses.names].map((key) => {
    if (!isKeyText(key)) throw document.error("peer_addrs");
    return [key, addresses.text(key)];
  }));
}

function readGovernanceSeq(reader: RecordReader): GovernanceSeq {
  const [roster, admin] = [reader.count("roster"), reader.count("admin")];
  return { roster, admin, mod: reader.count("mod"), keys: reader.count("keys") };
}

function readKey(value: WireValue, name: string): string {
  if (isKeyText(value)) return value;
  throw new RecordError(`${name} is no public key`);
}

/** A test for one of these words. */
function oneOf<T extends string>(words: readonly T[]): (text: string) => text is T {
  return (text): text is T => words.some((word) => word === text);
}

function isDigest(text: string): text is string {
  return /^[0-9a-f]{64}$/.test(text);
}

function timeText(nanos: bigint | undefined): string {
  return nanos === undefined ? ZERO_TIME_TEXT : formatRfc3339(nanos);
}

function times(map: ReadonlyMap<string, bigint>): Record<string, string> {
  return Object.fromEntries(byKey(map).map(([key, nanos]) => [key, formatRfc3339(nanos)]));
}

/** In the order of the keys, so that equal records are equal texts. */
function byKey<K extends string, V>(map: ReadonlyMap<K, V>): (readonly [K, V])[] {
  return [...map].sort(([a], [b]) => a < b ? -1 : 1);
}

/** Undefined leaves the key out, as upstream does where a list is empty. */
function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

function unlessNone(fields: Record<string, string>): Record<string, string> | undefined {
  return Object.keys(fields).length === 0 ? undefined : fields;
}
