import { fromHex } from "#kit";
import { SecretKey } from "#crypto";
import type { Role } from "#noise";
import data from "../vectors/noise.json" with { type: "json" };

/** The keys of one side of a recorded handshake. */
export interface PartyVector {
  readonly static_sk: string;
  readonly static_pk: string;
  readonly ephemeral_sk: string;
  readonly ephemeral_pk: string;
}

/** One recorded handshake: `docs/spec/noise.md` section 10. */
export interface HandshakeVector {
  readonly name: string;
  readonly initiator: PartyVector;
  readonly responder: PartyVector;
  readonly messages: readonly {
    readonly from: string;
    readonly payload: string;
    readonly message: string;
    readonly wire: string;
    readonly length: number;
  }[];
  readonly steps: readonly {
    readonly step: string;
    readonly ck: string;
    readonly h: string;
    readonly k?: string | undefined;
  }[];
  readonly handshake_hash: string;
  readonly split_first: string;
  readonly split_second: string;
  readonly pq: boolean;
  readonly initiator_to_responder: string;
  readonly responder_to_initiator: string;
  readonly mlkem768?: {
    readonly seed: string;
    readonly encapsulation_key: string;
    readonly encapsulation_m?: string | undefined;
    readonly ciphertext?: string | undefined;
    readonly shared_secret?: string | undefined;
  } | undefined;
  readonly transport: readonly {
    readonly from: string;
    readonly nonce: number;
    readonly plaintext: string;
    readonly wire: string;
  }[];
}

/** A sequence of records and what a receiver makes of each. */
export interface ReceiveVector {
  readonly name: string;
  readonly case: string;
  readonly receiver: string;
  readonly frames: readonly {
    readonly ok: boolean;
    readonly wire: string;
    readonly plaintext?: string | undefined;
    readonly error?: string | undefined;
  }[];
  readonly stream_plaintext: string;
  readonly stream_end: string;
}

/** A handshake in which one message was altered. */
export interface RejectVector {
  readonly name: string;
  readonly case: string;
  readonly message_number: number;
  readonly message: string;
  readonly receiver: string;
  readonly ok: boolean;
  readonly error: string;
  readonly panics?: boolean | undefined;
}

/** One large write and the records it becomes. */
export interface SplitVector {
  readonly case: string;
  readonly from: string;
  readonly plaintext_length: number;
  readonly prefixes: readonly number[];
  readonly wire_length: number;
  readonly wire_sha256: string;
}

/** The members of `tests/vectors/noise.json` that handshake and transport are held against. */
export const noiseVectors: {
  readonly constants: typeof data.constants;
  readonly handshakes: readonly HandshakeVector[];
  readonly handshake_reject: readonly RejectVector[];
  readonly transport_receive: readonly ReceiveVector[];
  readonly write_split: readonly SplitVector[];
} = data;

/** The recorded handshake of this name. */
export function handshakeVector(name: string): HandshakeVector {
  const found = noiseVectors.handshakes.find((vector) => vector.name === name);
  if (found === undefined) throw new Error(`No handshake vector is called ${name}`);
  return found;
}

/** Bytes of a vector's hex. */
export function hex(digits: string | undefined): Uint8Array {
  const bytes = fromHex(digits ?? "missing");
  if (bytes === undefined) throw new Error(`A vector holds no hex here: ${digits}`);
  return bytes;
}

/** The side that a vector names. */
export function roleOf(name: string): Role {
  if (name !== "initiator" && name !== "responder") throw new Error(`No role is called ${name}`);
  return name;
}

/** Secret key of a vector's hex. */
export function secretKey(digits: string): SecretKey {
  return SecretKey.parse(digits);
}

/** The text a refusal has here; what made deployed peers panic is reported with a prefix. */
export function rejectText(vector: { error: string; panics?: boolean | undefined }): string {
  return vector.panics === true ? `handshake panic: ${vector.error}` : vector.error;
}
