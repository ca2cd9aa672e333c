import { hkdfSha256, loadAesGcm, openWithNonce, sealWithNonce, type SecretKey } from "#crypto";
import { concat, NO_BYTES, type Random, utf8, utf8Text } from "#kit";
import { GROUP_KEY_LENGTH } from "./key_rotation.ts";
import { LeafFault } from "./leaf_fault.ts";
import { MAX_LEAF_BYTES } from "./wire_json.ts";

const aes = await loadAesGcm();

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEAL_MAGIC = utf8("SKG1");
const STORE_LABEL = utf8("skychat:group-store-seal:v1");

/** A body as a message of a private group carries it. */
export interface SealedBody {
  /** AES-256-GCM ciphertext and tag. */
  readonly ciphertext: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
}

/** Which stored key a seal is for. */
export interface StoredKeyPlace {
  /** The group. */
  readonly groupId: string;
  /** Number of a retired key; without it the current one. */
  readonly epoch?: bigint;
}

/** Seals the text of a message under the key of its group (groups.md 3.1). */
export function sealBody(key: Uint8Array, text: string, random: Random): SealedBody {
  const nonce = random.bytes(NONCE_BYTES);
  return { ciphertext: aes.seal(key, nonce, utf8(text)), nonce };
}

/** The text of a sealed message under the first of the keys that opens it; undefined when none does. */
export function openBody(keys: readonly Uint8Array[], body: SealedBody): string | undefined {
  const plain = openFirst(keys, body.nonce, body.ciphertext);
  return plain && utf8Text(plain).toWellFormed();
}

/** Seals the JSON of a mutation for a private group (groups.md 3.4). */
export function sealGovernance(key: Uint8Array, json: Uint8Array, random: Random): Uint8Array {
  const nonce = random.bytes(NONCE_BYTES);
  return concat(SEAL_MAGIC, nonce, aes.seal(key, nonce, json));
}

/** Whether a governance leaf is sealed; one that is not is JSON, in any group. */
export function isSealed(leaf: Uint8Array): boolean {
  return SEAL_MAGIC.every((byte, index) => leaf[index] === byte);
}

/**
 * The JSON in a governance leaf: as it is when not sealed, else under the first of the keys that opens
 * it. `no-key` when none does, for keeping it until a further key is known; a fault when none can.
 */
export function openGovernance(
  keys: readonly Uint8Array[],
  leaf: Uint8Array,
): Uint8Array | "no-key" | LeafFault {
  if (leaf.length > MAX_LEAF_BYTES) {
    return new LeafFault("too-large", `leaf of ${leaf.length} bytes, at most ${MAX_LEAF_BYTES}`);
  }
  if (!isSealed(leaf)) return leaf;
  const body = leaf.subarray(SEAL_MAGIC.length);
  if (body.length < NONCE_BYTES + TAG_BYTES) {
    return new LeafFault("malformed-seal", `sealed governance leaf of ${leaf.length} bytes`);
  }
  return openFirst(keys, body.subarray(0, NONCE_BYTES), body.subarray(NONCE_BYTES)) ?? "no-key";
}

/** Seals a group key for the disk, so that only this identity can read it (groups.md 7.2). */
export function sealStoredKey(
  identity: SecretKey,
  key: Uint8Array,
  options: StoredKeyPlace & { readonly random: Random },
): Uint8Array {
  const { random } = options;
  return sealWithNonce(storeKey(identity), key, { random, associated: placeText(options) });
}

/** Opens what {@link sealStoredKey} made for the same identity and place; undefined for the rest. */
export function openStoredKey(
  identity: SecretKey,
  sealed: Uint8Array,
  place: StoredKeyPlace,
): Uint8Array | undefined {
  const associated = placeText(place);
  const key = openWithNonce(storeKey(identity), sealed, associated);
  return key?.length === GROUP_KEY_LENGTH ? key : undefined;
}

function openFirst(
  keys: readonly Uint8Array[],
  nonce: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  for (const key of keys) {
    const plain = aes.open(key, nonce, sealed);
    if (plain !== undefined) return plain;
  }
  return undefined;
}

function storeKey(identity: SecretKey): Uint8Array {
  const ikm = identity.reveal();
  return hkdfSha256({ ikm, salt: NO_BYTES, info: STORE_LABEL, length: GROUP_KEY_LENGTH });
}

function placeText({ groupId, epoch }: StoredKeyPlace): Uint8Array {
  return utf8(epoch === undefined ? `cur|${groupId}` : `ring|${groupId}|${epoch}`);
}
