import {
  ecdh,
  openWithNonce,
  PUBLIC_KEY_LENGTH,
  type PublicKey,
  sealWithNonce,
  type SecretKey,
  sha256,
} from "#crypto";
import { concat, equalBytes, type Random, toHex, utf8 } from "#kit";
import { isGovernable, uuidBytes } from "./group_id.ts";
import { LeafFault } from "./leaf_fault.ts";
import { isUnsigned, keyOf, signCanonical, verifyCanonical } from "./signing.ts";
import {
  isPoint,
  keyBytes,
  readWire,
  undecodable,
  wireBytes,
  type WireFields,
  wireKey,
  wireTime,
  ZERO_TIME,
} from "./wire_json.ts";

/** Bytes of a group key. */
export const GROUP_KEY_LENGTH = 32;
/** Wraps of one rotation at most (ours): twice the members that a group may have. */
export const MAX_WRAPS = 512;

/** A group key sealed to one member (groups.md 2.5). */
export interface KeyWrap {
  /** The member in older rotations: 66 hex digits; empty when only the tag says who. */
  readonly recipient: string;
  /** Blinded address, 16 bytes; empty in older rotations. */
  readonly tag: Uint8Array;
  /** Nonce, ciphertext and tag: 60 bytes. */
  readonly sealed: Uint8Array;
  /** Throwaway key it was sealed with, 66 hex digits; empty: the issuer's own. */
  readonly ephemeral: string;
}

/** A signed change of the key of a private group. */
export interface KeyRotation {
  /** Canonical UUID; empty when the leaf had none. */
  readonly groupId: string;
  /** Number of the new key, 64 bits. */
  readonly epoch: bigint;
  /** The key for each member. */
  readonly wraps: readonly KeyWrap[];
  /** Signed, always 0, never looked at. */
  readonly parentSeq: bigint;
  /** The issuer's clock, Unix nanoseconds. */
  readonly issuedAt: bigint;
  /** Who signed it: 66 hex digits, empty when the leaf had none. */
  readonly issuer: string;
  /** 65 bytes: r, s, recovery id. */
  readonly signature: Uint8Array;
}

/** What an admin puts into a rotation. */
export type RotationContent = Pick<KeyRotation, "groupId" | "epoch" | "wraps" | "issuedAt">;

const VERSION = 1;
const DOMAIN = 4;
const GROUP_AT = 2;
const EPOCH_AT = 18;
const WRAPS_AT = 26;
const PARENT_AT = 58;
const ISSUED_AT = 66;
const ISSUER_AT = 74;
const CANONICAL_BYTES = ISSUER_AT + PUBLIC_KEY_LENGTH;
const TAG_LABEL = utf8("skychat-group-wrap-tag-v1");
const TAG_BYTES = 16;

/**
 * Seals a group key to each recipient (groups.md 3.3).
 *
 * @param options.ephemeral a key made for this rotation, to be forgotten afterwards.
 * @throws {RangeError} for a key of other than 32 bytes, or too many recipients.
 */
export function wrapGroupKey(
  key: Uint8Array,
  options: {
    readonly recipients: readonly PublicKey[];
    readonly ephemeral: SecretKey;
    readonly random: Random;
  },
): KeyWrap[] {
  const { recipients, ephemeral, random } = options;
  if (key.length !== GROUP_KEY_LENGTH || recipients.length > MAX_WRAPS) {
    throw new RangeError(`Cannot wrap ${key.length} key bytes for ${recipients.length} members`);
  }
  return recipients.map((recipient) => {
    const shared = ecdh(ephemeral, recipient);
    const sealed = sealWithNonce(shared, key, { random });
    return { recipient: "", tag: tagOf(shared), sealed, ephemeral: ephemeral.publicKey.hex };
  });
}

/**
 * The group key in a verified rotation, for the member with this identity; undefined when none of the
 * wraps is for it or opens.
 */
export function unwrapGroupKey(rotation: KeyRotation, secret: SecretKey): Uint8Array | undefined {
  const me = secret.publicKey.hex;
  const secrets = new Map<string, { shared: Uint8Array; tag: Uint8Array }>();
  for (const { recipient, tag, sealed, ephemeral } of rotation.wraps) {
    if (recipient !== "" && recipient !== me) continue;
    const sealer = ephemeral === "" ? rotation.issuer : ephemeral;
    const mine = secrets.get(sealer) ?? secretWith(secret, sealer);
    if (mine === undefined) continue;
    secrets.set(sealer, mine);
    if (recipient === "" && !equalBytes(tag, mine.tag)) continue;
    const key = openWithNonce(mine.shared, sealed);
    if (key?.length === GROUP_KEY_LENGTH) return key;
  }
  return undefined;
}

/**
 * Signs a rotation with the identity of an admin.
 *
 * @throws {RangeError} for what breaks the field rules of groups.md 2.5.
 */
export function signRotation(secret: SecretKey, content: RotationContent): KeyRotation {
  const issuer = secret.publicKey.hex;
  const body = { ...content, parentSeq: 0n, issuer };
  if (
    !isGovernable(body.groupId) || !hasFields(body) || body.epoch !== BigInt.asUintN(64, body.epoch)
  ) {
    throw new RangeError(`Cannot sign rotation ${body.epoch} of "${body.groupId}"`);
  }
  return { ...body, signature: signCanonical(secret, digestOf(body)) };
}

/** The JSON of a rotation in the key order of groups.md 2.5. */
export function encodeRotation(rotation: KeyRotation): Uint8Array {
  const { groupId, epoch, wraps, parentSeq, issuedAt, issuer, signature } = rotation;
  return utf8(
    `{"group_id":"${groupId}","epoch":${epoch},"wraps":[${wraps.map(wrapText).join(",")}]` +
      `,"parent_seq":${parentSeq},"issued_at":${wireTime(issuedAt)}` +
      `,"issuer_pk":${wireKey(issuer)},"signature":"${toHex(signature)}"}`,
  );
}

/** Reads a rotation leaf: shapes only. */
export function decodeRotation(bytes: Uint8Array): KeyRotation | LeafFault {
  const fields = readWire(bytes);
  if (fields instanceof LeafFault) return fields;
  const groupId = fields.uuid("group_id");
  const epoch = fields.unsigned("epoch");
  const items = fields.objects("wraps");
  const parentSeq = fields.unsigned("parent_seq");
  const issuedAt = fields.time("issued_at");
  const issuer = fields.digits("issuer_pk");
  const signature = fields.signature("signature");
  if (groupId === undefined) return undecodable("group_id");
  if (epoch === undefined || parentSeq === undefined) return undecodable("epoch or parent_seq");
  if (issuedAt === undefined || issuer === undefined) return undecodable("issued_at or issuer_pk");
  if (signature === undefined || items === undefined) return undecodable("signature or wraps");
  if (items.length > MAX_WRAPS) {
    return new LeafFault("too-large", `${items.length} wraps, at most ${MAX_WRAPS}`);
  }
  const wraps: KeyWrap[] = [];
  for (const item of items) {
    const wrap = readWrap(item);
    if (wrap === undefined) return undecodable("wraps");
    wraps.push(wrap);
  }
  const keys = new Set(wraps.flatMap(({ recipient, ephemeral }) => [recipient, ephemeral]));
  keys.delete("");
  if (![...keys].every(isPoint)) return undecodable("recipient_pk or eph_pk");
  return { groupId, epoch, wraps, parentSeq, issuedAt, issuer, signature };
}

/** Checks the field rules of groups.md 2.5 and the signature; undefined when all hold. */
export function verifyRotation(rotation: KeyRotation): LeafFault | undefined {
  const { issuer, signature } = rotation;
  if (!hasFields(rotation) || isUnsigned(signature)) {
    return new LeafFault("missing-field", "gossip: missing required field");
  }
  return verifyCanonical(issuer, signature, digestOf(rotation))
    ? undefined
    : new LeafFault("bad-signature", "gossip: bad signature");
}

/** Hex of the SHA-256 of the canonical bytes, as for a mutation. */
export function rotationDigest(rotation: KeyRotation): string {
  return toHex(digestOf(rotation));
}

function readWrap(fields: WireFields): KeyWrap | undefined {
  const recipient = fields.digits("recipient_pk");
  const tag = fields.bytes("tag");
  const sealed = fields.bytes("sealed");
  const ephemeral = fields.digits("eph_pk");
  if (recipient === undefined || tag === undefined) return undefined;
  return sealed && ephemeral !== undefined ? { recipient, tag, sealed, ephemeral } : undefined;
}

function wrapText({ recipient, tag, sealed, ephemeral }: KeyWrap): string {
  const address = tag.length === 0 ? "" : `,"tag":${wireBytes(tag)}`;
  return `{"recipient_pk":${wireKey(recipient)}${address}` +
    `,"sealed":${wireBytes(sealed)},"eph_pk":${wireKey(ephemeral)}}`;
}

function hasFields(body: Omit<KeyRotation, "signature">): boolean {
  const { groupId, wraps, issuedAt, issuer } = body;
  if (groupId === "" || issuer === "" || issuedAt === ZERO_TIME) return false;
  if (wraps.length === 0 || wraps.length > MAX_WRAPS) return false;
  return wraps.every(({ recipient, tag, sealed }) =>
    (recipient !== "" || tag.length > 0) && sealed.length > 0
  );
}

function digestOf(body: Omit<KeyRotation, "signature">): Uint8Array {
  const canonical = new Uint8Array(CANONICAL_BYTES);
  const view = new DataView(canonical.buffer);
  canonical[0] = VERSION;
  canonical[1] = DOMAIN;
  canonical.set(uuidBytes(body.groupId), GROUP_AT);
  view.setBigUint64(EPOCH_AT, body.epoch);
  canonical.set(digestOfWraps(body.wraps), WRAPS_AT);
  view.setBigUint64(PARENT_AT, body.parentSeq);
  view.setBigUint64(ISSUED_AT, BigInt.asUintN(64, body.issuedAt));
  canonical.set(keyBytes(body.issuer), ISSUER_AT);
  return sha256(canonical);
}

/** The same for every order of the wraps. */
function digestOfWraps(wraps: readonly KeyWrap[]): Uint8Array {
  const parts = wraps
    .map((wrap) => ({ wrap, order: `${toHex(keyBytes(wrap.recipient))}|${toHex(wrap.tag)}` }))
    .sort((a, b) => a.order < b.order ? -1 : Number(a.order > b.order))
    .map(({ wrap: { recipient, tag, sealed, ephemeral } }) => {
      const length = new Uint8Array(8);
      new DataView(length.buffer).setBigUint64(0, BigInt(sealed.length));
      const sealer = ephemeral === "" ? tag.subarray(0, 0) : keyBytes(ephemeral);
      return concat(keyBytes(recipient), length, sealed, sealer, tag);
    });
  return sha256(concat(...parts));
}

function secretWith(
  secret: SecretKey,
  sealer: string,
): { shared: Uint8Array; tag: Uint8Array } | undefined {
  const key = keyOf(sealer);
  if (key === undefined) return undefined;
  const shared = ecdh(secret, key);
  return { shared, tag: tagOf(shared) };
}

function tagOf(shared: Uint8Array): Uint8Array {
  return sha256(concat(TAG_LABEL, shared)).subarray(0, TAG_BYTES);
}
