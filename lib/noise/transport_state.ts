import { CodedError } from "#kit";
import { type Cipher, cipherOf, TAG_LENGTH } from "#crypto";
import { BAD_TAG, failure, type NoiseRead } from "./failure.ts";
import { FRAME_PREFIX_LENGTH, MAX_FRAME_BODY_LENGTH } from "./frame.ts";
import type { TransportKeys } from "./transport_keys.ts";

/** Bytes of the record number at the front of every record. */
const NUMBER_LENGTH = 8;
const HEADER_LENGTH = FRAME_PREFIX_LENGTH + NUMBER_LENGTH;
/** Bytes that one record adds to its plaintext on the wire: prefix, number, tag. */
export const RECORD_OVERHEAD: number = HEADER_LENGTH + TAG_LENGTH;
/** Most plaintext bytes in one record (noise.md 6). */
export const MAX_RECORD_PLAINTEXT: number = MAX_FRAME_BODY_LENGTH - NUMBER_LENGTH - TAG_LENGTH;
/** The largest record number that is sent: 2^64 - 1 is reserved by the Noise specification. */
export const MAX_RECORD_NUMBER: bigint = 2n ** 64n - 2n;

/** All record numbers of a direction are used up: open a new connection. */
export class NonceExhaustedError extends CodedError {
  constructor() {
    super("nonce-exhausted", "Cannot seal: all record numbers are used; open a new connection");
  }
}

/**
 * Both directions of a session after the handshake (noise.md 6).
 *
 * A deviation from the Noise specification, whose transport messages carry no number: every record
 * carries its own as be64, the AEAD has it as le64, counting starts at 1, and a receiver accepts
 * any number above the last one it saw.
 */
export class TransportState {
  readonly #send: Cipher;
  readonly #receive: Cipher;
  #sent: bigint;
  #seen = 0n;

  /** `sent` is the last number used for sending; a new session has used none. */
  constructor(keys: TransportKeys, sent = 0n) {
    this.#send = cipherOf(keys.send);
    this.#receive = cipherOf(keys.receive);
    this.#sent = sent;
  }

  /**
   * The records of one write, ready for the wire: ceil(N / 4070), none for no bytes.
   *
   * @throws {NonceExhaustedError} before anything is sealed.
   */
  seal(plaintext: Uint8Array): Uint8Array {
    const count = Math.ceil(plaintext.length / MAX_RECORD_PLAINTEXT);
    return this.#sealRecords(plaintext, count);
  }

  /**
   * One record of no plaintext, 26 bytes; a receiver skips it.
   *
   * @throws {NonceExhaustedError}
   */
  sealEmpty(): Uint8Array {
    return this.#sealRecords(new Uint8Array(0), 1);
  }

  /**
   * The plaintext of one record's body (number, ciphertext, tag), decrypted where it lies: a view of
   * `body`, which is overwritten. The number counts as seen before the tag is checked, as at
   * deployed peers: a bad record burns its number.
   */
  open(body: Uint8Array): NoiseRead {
    if (body.length < NUMBER_LENGTH) {
      return failure(
        "record-too-short",
        "noise decrypt unsafe: ciphertext cannot be less than 8 bytes",
      );
    }
    const number = new DataView(body.buffer, body.byteOffset).getBigUint64(0);
    if (number <= this.#seen) {
      return failure(
        "nonce-not-larger",
        `received decryption nonce (${number}) is not larger than previous (${this.#seen})`,
      );
    }
    this.#seen = number;
    const plaintext = this.#receive.openInPlace(number, body.subarray(NUMBER_LENGTH));
    return plaintext === undefined ? BAD_TAG : { ok: true, bytes: plaintext };
  }

  #sealRecords(plaintext: Uint8Array, count: number): Uint8Array {
    if (this.#sent + BigInt(count) > MAX_RECORD_NUMBER) throw new NonceExhaustedError();
    const wire = new Uint8Array(plaintext.length + count * RECORD_OVERHEAD);
    const view = new DataView(wire.buffer);
    let offset = 0;
    for (let index = 0; index < count; index++) {
      const start = index * MAX_RECORD_PLAINTEXT;
      const piece = plaintext.subarray(start, start + MAX_RECORD_PLAINTEXT);
      const number = ++this.#sent;
      view.setUint16(offset, NUMBER_LENGTH + piece.length + TAG_LENGTH);
      view.setBigUint64(offset + FRAME_PREFIX_LENGTH, number);
      this.#send.sealInto(wire, offset + HEADER_LENGTH, number, piece);
      offset += piece.length + RECORD_OVERHEAD;
    }
    return wire;
  }
}
