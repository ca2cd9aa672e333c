import { PUBLIC_KEY_LENGTH, type SecretKey, sha256 } from "#crypto";
import { toHex, utf8 } from "#kit";
import { isGovernable, uuidBytes } from "./group_id.ts";
import { LeafFault } from "./leaf_fault.ts";
import { isUnsigned, signCanonical, verifyCanonical } from "./signing.ts";
import {
  isPoint,
  keyBytes,
  readWire,
  undecodable,
  wireKey,
  wireTime,
  ZERO_TIME,
} from "./wire_json.ts";

/** The three families of governance that share one envelope; each is a folder of a feed. */
export type MutationFamily = "roster" | "admin" | "mod";

/** All of them, in the order in which records of the same time are applied (groups.md 2.6). */
export const FAMILIES: readonly MutationFamily[] = ["roster", "admin", "mod"];

/** What a governance leaf does (groups.md 2.4). */
export type MutationOp =
  | "add"
  | "remove"
  | "promote"
  | "demote"
  | "ban"
  | "unban"
  | "mute"
  | "unmute"
  | "read-only"
  | "read-write"
  | "backfill-on"
  | "backfill-off";

/** A signed change of who belongs to a group, who governs it, and who may speak. */
export interface Mutation {
  /** Which folder it belongs in; part of what is signed. */
  readonly family: MutationFamily;
  /** Canonical UUID; empty when the leaf had none. */
  readonly groupId: string;
  /** What it does. */
  readonly op: MutationOp;
  /** Whom it concerns: 66 hex digits, empty for the whole group. */
  readonly peer: string;
  /** Signed, always 0, never looked at. */
  readonly parentSeq: bigint;
  /** The issuer's clock, Unix nanoseconds. */
  readonly issuedAt: bigint;
  /** Who signed it: 66 hex digits, empty when the leaf had none. */
  readonly issuer: string;
  /** 65 bytes: r, s, recovery id. */
  readonly signature: Uint8Array;
}

/** What a governor decides about a new mutation; the rest follows. */
export interface MutationContent {
  /** Canonical UUID. */
  readonly groupId: string;
  /** What it does. */
  readonly op: MutationOp;
  /** Whom it concerns: 66 hex digits, empty for the whole group. */
  readonly peer: string;
  /** The issuer's clock, Unix nanoseconds. */
  readonly issuedAt: bigint;
}

/** Operations of a family, by number from 1. */
const OPS: Readonly<Record<MutationFamily, readonly MutationOp[]>> = {
  roster: ["add", "remove"],
  admin: ["promote", "demote"],
  mod: [
    "ban",
    "unban",
    "mute",
    "unmute",
    "read-only",
    "read-write",
    "backfill-on",
    "backfill-off",
  ],
};
const DOMAINS: Readonly<Record<MutationFamily, number>> = { roster: 1, admin: 2, mod: 3 };
const GROUP_OPS: ReadonlySet<MutationOp> = new Set(OPS.mod.slice(4));

const VERSION = 1;
const GROUP_AT = 2;
const OP_AT = 18;
const PEER_AT = 19;
const PARENT_AT = PEER_AT + PUBLIC_KEY_LENGTH;
const ISSUED_AT = PARENT_AT + 8;
const ISSUER_AT = ISSUED_AT + 8;
const CANONICAL_BYTES = ISSUER_AT + PUBLIC_KEY_LENGTH;
const MAX_OP = 255n;
const EARLIEST = -(2n ** 63n);
const LATEST = 2n ** 63n - 1n;

/** The family of an operation. */
export function familyOf(op: MutationOp): MutationFamily {
  if (OPS.roster.includes(op)) return "roster";
  return OPS.admin.includes(op) ? "admin" : "mod";
}

/** Whether an operation concerns the whole group, and so names no peer. */
export function isGroupOp(op: MutationOp): boolean {
  return GROUP_OPS.has(op);
}

/**
 * Signs a mutation as its issuer.
 *
 * @throws {RangeError} for what breaks the field rules of groups.md 2.4: an id that is no canonical
 * UUID, a peer missing or too many, a time beyond 64 bits.
 */
export function signMutation(secret: SecretKey, content: MutationContent): Mutation {
  const { groupId, op, peer, issuedAt } = content;
  const issuer = secret.publicKey.hex;
  const body = { family: familyOf(op), groupId, op, peer, parentSeq: 0n, issuedAt, issuer };
  if (!isGovernable(groupId) || !hasFields(body) || (peer !== "" && !isPoint(peer))) {
    throw new RangeError(`Cannot sign ${op} of "${peer}" in "${groupId}" dated ${issuedAt}`);
  }
  return { ...body, signature: signCanonical(secret, digestOf(body)) };
}

/** The JSON of a mutation: every key, in the order of groups.md 2.4. */
export function encodeMutation(mutation: Mutation): Uint8Array {
  const { family, groupId, op, peer, parentSeq, issuedAt, issuer, signature } = mutation;
  return utf8(
    `{"group_id":"${groupId}","op":${OPS[family].indexOf(op) + 1},"peer_pk":${wireKey(peer)}` +
      `,"parent_seq":${parentSeq},"issued_at":${wireTime(issuedAt)}` +
      `,"issuer_pk":${wireKey(issuer)},"signature":"${toHex(signature)}"}`,
  );
}

/** Reads the mutation in a leaf of a family: shapes, and that the operation is known. */
export function decodeMutation(bytes: Uint8Array, family: MutationFamily): Mutation | LeafFault {
  const fields = readWire(bytes);
  if (fields instanceof LeafFault) return fields;
  const groupId = fields.uuid("group_id");
  const number = fields.unsigned("op", MAX_OP);
  const peer = fields.key("peer_pk");
  const parentSeq = fields.unsigned("parent_seq");
  const issuedAt = fields.time("issued_at");
  const issuer = fields.digits("issuer_pk");
  const signature = fields.signature("signature");
  if (groupId === undefined) return undecodable("group_id");
  if (number === undefined || parentSeq === undefined) return undecodable("op or parent_seq");
  if (peer === undefined || issuer === undefined) return undecodable("peer_pk or issuer_pk");
  if (issuedAt === undefined) return undecodable("issued_at");
  if (signature === undefined) return undecodable("signature");
  const op = OPS[family][Number(number) - 1];
  if (op === undefined) return new LeafFault("unknown-op", "gossip: unknown op");
  return { family, groupId, op, peer, parentSeq, issuedAt, issuer, signature };
}

/** Mutations that were found genuine: a mutation never changes, and its signature costs 0.3 ms. */
const GENUINE = new WeakSet<Mutation>();
/** Their digests, which are asked for whenever something is decided. */
const DIGESTS = new WeakMap<Mutation, string>();

/** Checks the field rules of groups.md 2.4 and the signature; undefined when all hold. */
export function verifyMutation(mutation: Mutation): LeafFault | undefined {
  const { issuer, signature } = mutation;
  if (GENUINE.has(mutation)) return undefined;
  if (!hasFields(mutation) || isUnsigned(signature)) {
    return new LeafFault("missing-field", "gossip: missing required field");
  }
  if (!verifyCanonical(issuer, signature, digestOf(mutation))) {
    return new LeafFault("bad-signature", "gossip: bad signature");
  }
  GENUINE.add(mutation);
  return undefined;
}

/**
 * Hex of the SHA-256 of the canonical bytes: the same for every copy of one decision.
 *
 * @throws {RangeError} for a mutation without a group id, which {@link verifyMutation} refuses.
 */
export function mutationDigest(mutation: Mutation): string {
  const known = DIGESTS.get(mutation);
  if (known !== undefined) return known;
  const digest = toHex(digestOf(mutation));
  DIGESTS.set(mutation, digest);
  return digest;
}

function hasFields(body: Omit<Mutation, "signature">): boolean {
  const { groupId, op, peer, issuedAt, issuer } = body;
  if (groupId === "" || issuer === "" || issuedAt === ZERO_TIME) return false;
  return issuedAt >= EARLIEST && issuedAt <= LATEST && (peer === "") === isGroupOp(op);
}

function digestOf(body: Omit<Mutation, "signature">): Uint8Array {
  const { family, groupId, op, peer, parentSeq, issuedAt, issuer } = body;
  const canonical = new Uint8Array(CANONICAL_BYTES);
  const view = new DataView(canonical.buffer);
  canonical[0] = VERSION;
  canonical[1] = DOMAINS[family];
  canonical.set(uuidBytes(groupId), GROUP_AT);
  canonical[OP_AT] = OPS[family].indexOf(op) + 1;
  canonical.set(keyBytes(peer), PEER_AT);
  view.setBigUint64(PARENT_AT, parentSeq);
  view.setBigUint64(ISSUED_AT, BigInt.asUintN(64, issuedAt));
  canonical.set(keyBytes(issuer), ISSUER_AT);
  return sha256(canonical);
}
