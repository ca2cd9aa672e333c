import { NO_BYTES } from "#kit";
import { GobMismatch } from "./gob_fault.ts";

/** Seconds from 0001-01-01 to 1970-01-01, both UTC. */
const UNIX_EPOCH_SECONDS = 62_135_596_800n;
const NANOS_PER_SECOND = 1_000_000_000n;
const ZONE_UTC = -1;

/**
 * Octets of a time (visor.md 4.5), version 1 and UTC, of nanoseconds since 1970. The zero time, year 1, gives
 * no octets: the field is then left out, and means "none".
 *
 * @throws {RangeError} for a time whose seconds do not fit 64 bits.
 */
export function gobTime(wallNanos: bigint): Uint8Array {
  const nanos = modulo(wallNanos, NANOS_PER_SECOND);
  const seconds = (wallNanos - nanos) / NANOS_PER_SECOND + UNIX_EPOCH_SECONDS;
  if (seconds !== BigInt.asIntN(64, seconds)) {
    throw new RangeError(`A time of ${wallNanos} ns has no encoding`);
  }
  if (seconds === 0n && nanos === 0n) return NO_BYTES;
  const octets = new Uint8Array(15);
  const view = new DataView(octets.buffer);
  view.setUint8(0, 1);
  view.setBigInt64(1, seconds);
  view.setInt32(9, Number(nanos));
  view.setInt16(13, ZONE_UTC);
  return octets;
}

/**
 * Nanoseconds since 1970 of the octets of a time, version 1 or 2; the zone says nothing about the instant.
 * Undefined for no octets and for the zero time.
 *
 * @throws {GobMismatch} for octets that are no time.
 */
export function gobTimeNanos(octets: Uint8Array): bigint | undefined {
  if (octets.length === 0) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const version = view.getUint8(0);
  // Version 2 has one octet more, for zones that are not of whole minutes.
  const length = version === 1 ? 15 : version === 2 ? 16 : undefined;
  if (octets.length !== length) {
    throw new GobMismatch("bad-time", `time of version ${version} in ${octets.length} octets`);
  }
  const seconds = view.getBigInt64(1);
  const nanos = view.getInt32(9);
  if (nanos < 0 || nanos > 999_999_999) {
    throw new GobMismatch("bad-time", `time with ${nanos} nanoseconds in a second`);
  }
  if (seconds === 0n && nanos === 0) return undefined;
  return (seconds - UNIX_EPOCH_SECONDS) * NANOS_PER_SECOND + BigInt(nanos);
}

function modulo(value: bigint, by: bigint): bigint {
  return (value % by + by) % by;
}
