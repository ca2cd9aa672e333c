/** The vectors of groups.md, typed as far as these tests look at them. */
import { fromHex, utf8 } from "#kit";
import { PublicKey, SecretKey } from "#crypto";
import { LeafFault } from "../../lib/group/leaf_fault.ts";
import type { MutationFamily } from "../../lib/group/mutation.ts";
import text from "../vectors/groups.json" with { type: "json" };

/** A signed thing with every step of its signature. */
export interface VectorSigned {
  canonical_hex: string;
  digest1_hex: string;
  sign_hash_hex: string;
  signature_hex: string;
  path: string;
  leaf_json: string;
}

/** A message leaf. */
export interface VectorMessage extends VectorSigned {
  name: string;
  sender: string;
  ts_unix_nano: string;
  plaintext: string;
}

/** A message leaf of a private group. */
export interface VectorPrivateMessage extends VectorMessage {
  group_key_hex: string;
  nonce_hex: string;
  ciphertext_hex: string;
}

/** A governance leaf. */
export interface VectorMutation extends VectorSigned {
  name: string;
  kind: MutationFamily;
  op: number;
  issuer: string;
  issued_at_unix_nano: string;
}

/** One key sealed to one member. */
export interface VectorWrap {
  recipient: string;
  shared_secret_hex: string;
  nonce_hex: string;
  tag_hex: string;
  sealed_hex: string;
}

interface Vectors {
  group_id: string;
  identities: { name: string; sk_hex: string; pk_hex: string }[];
  messages: VectorMessage[];
  unsigned_leaf: { leaf_json: string };
  private_message: VectorPrivateMessage;
  governance: VectorMutation[];
  sealed_governance: {
    group_key_hex: string;
    nonce_hex: string;
    plaintext_json: string;
    leaf_hex: string;
    leaf_len: number;
  };
  key_rotation: VectorSigned & {
    epoch: number;
    new_key_hex: string;
    ephemeral_sk_hex: string;
    wraps: VectorWrap[];
    wraps_sorted: string[];
    wraps_digest_hex: string;
  };
  invite: { json: string; link: string };
  join_pow: {
    requester: string;
    solutions: {
      bits: number;
      ts_unix: number;
      nonce: string;
      preimage_hex: string;
      hash_hex: string;
      strength: number;
    }[];
  };
  store_seal: {
    identity: string;
    seal_key_hex: string;
    aad_utf8: string;
    nonce_hex: string;
    plaintext_hex: string;
    sealed_base64: string;
    ring_aad_example: string;
  };
  file_key: { group_key_hex: string; file_id: string; info: string; key_hex: string };
  rotation_jitter: { identity: string; first8_hex: string; jitter_ns: string }[];
  key_install: {
    install_only: {
      have: { epoch: number; key: string; issued_at?: string };
      in: { epoch: number; key: string; issued_at: string };
      current: string;
      ring: string[];
    }[];
  };
  leaf_checks: { case: string; path: string; leaf_json: string; strict: string }[];
  zero_time_unix_nano_u64_hex: string;
}

// The file's own types are those of its values; the ones above are those of its documentation.
export const vectors: Vectors = text as unknown as Vectors;

/** Bytes of hex that a test knows to be hex. */
export function bytes(hex: string): Uint8Array {
  const found = fromHex(hex);
  if (found === undefined) throw new Error(`not hex: ${hex.slice(0, 40)}`);
  return found;
}

/** The secret key of a named identity. */
export function secretOf(name: string): SecretKey {
  return SecretKey.parse(identity(name).sk_hex);
}

/** The public key of a named identity, hex. */
export function pkOf(name: string): string {
  return identity(name).pk_hex;
}

/** The public key of a named identity. */
export function publicOf(name: string): PublicKey {
  return PublicKey.parse(pkOf(name));
}

/** The value, when a test knows that there is one. */
export function sound<T>(value: T | LeafFault): T {
  if (value instanceof LeafFault) throw new Error(`${value.code}: ${value.message}`);
  return value;
}

/** The code of a fault, undefined for a value. */
export function faultCode(value: unknown): string | undefined {
  return value instanceof LeafFault ? value.code : undefined;
}

/**
 * The JSON of a leaf with some members replaced by literals, or taken out where the literal is
 * empty; a member that is not there is added at the end.
 */
export function altered(json: string, literals: Readonly<Record<string, string>>): Uint8Array {
  const members = new Map(
    Object.entries(JSON.parse(json)).map(([key, value]) => [key, JSON.stringify(value)]),
  );
  for (const [key, literal] of Object.entries(literals)) {
    if (literal === "") members.delete(key);
    else members.set(key, literal);
  }
  const body = [...members].map(([key, literal]) => `${JSON.stringify(key)}:${literal}`);
  return utf8(`{${body.join(",")}}`);
}

function identity(name: string): { sk_hex: string; pk_hex: string } {
  const found = vectors.identities.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no identity ${name}`);
  return found;
}
