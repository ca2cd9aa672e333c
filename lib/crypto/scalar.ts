import { fromHex, toHex } from "#kit";

/** Bytes of a scalar, big-endian. */
export const SCALAR_LENGTH = 32;

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const ORDER_BYTES = bytesOf(ORDER);

/** Whether these are 32 bytes of a number from 1 to n - 1, in a time that does not depend on it. */
export function isScalar(bytes: Uint8Array): boolean {
  if (bytes.length !== SCALAR_LENGTH) return false;
  let any = 0;
  let borrow = 0;
  for (let index = SCALAR_LENGTH - 1; index >= 0; index--) {
    const byte = bytes[index] ?? 0;
    any |= byte;
    borrow = ((byte - (ORDER_BYTES[index] ?? 0) - borrow) >> 8) & 1;
  }
  return borrow === 1 && any !== 0;
}

/**
 * The inverse modulo n of a valid scalar. Its time depends on the number: for one-time random
 * numbers only.
 */
export function invertRandomScalar(scalar: Uint8Array): Uint8Array {
  let [older, newer] = [ORDER, BigInt(`0x${toHex(scalar)}`)];
  let [olderFactor, newerFactor] = [0n, 1n];
  while (newer !== 0n) {
    const quotient = older / newer;
    [older, newer] = [newer, older - quotient * newer];
    [olderFactor, newerFactor] = [newerFactor, olderFactor - quotient * newerFactor];
  }
  return bytesOf(olderFactor < 0n ? olderFactor + ORDER : olderFactor);
}

function bytesOf(scalar: bigint): Uint8Array {
  return fromHex(scalar.toString(16).padStart(2 * SCALAR_LENGTH, "0")) ??
    new Uint8Array(SCALAR_LENGTH);
}
