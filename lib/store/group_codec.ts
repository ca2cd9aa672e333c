import { utf8Text } from "#kit";
import { FieldError, FieldReader, FieldWriter, orUndefined } from "./byte_fields.ts";
import type { GroupRecord } from "./record.ts";
import { formatTimestamp } from "./timestamp.ts";

/** Bits of the first byte. A program that does not know the second takes the author's time for text. */
const OUTGOING = 1;
const SENT_AT = 2;
/** Bytes of the author's time, which is last. */
const SENT_AT_BYTES = 8;

/** Where a group record lies. */
export interface GroupPlace {
  readonly group: string;
  /** Its time in nanoseconds, or the next key that was free. */
  readonly at: bigint;
}

/** The times of a group record, nanoseconds since 1970. */
export interface RecordTimes {
  /** Its key: `time`, or the next that was free. */
  readonly at: bigint;
  /** Its timestamp. */
  readonly time: bigint;
  /** What its author says, which is later than `time` where it was far ahead. */
  readonly sentAt: bigint;
}

/** The bytes of a group record beside its key. `time` is at most `at`. */
export function encodeGroupRecord(
  record: GroupRecord,
  { at, time, sentAt }: RecordTimes,
): Uint8Array {
  const isMoved = sentAt !== time;
  const writer = new FieldWriter()
    .byte((record.outgoing ? OUTGOING : 0) + (isMoved ? SENT_AT : 0))
    .number(Number(at - time))
    .text(record.sender_pk)
    .rest(record.text);
  return (isMoved ? writer.long(sentAt) : writer).finish();
}

/** The inverse, without the author's time; undefined for bytes that are no record. */
export function decodeGroupRecord(
  bytes: Uint8Array,
  { group, at }: GroupPlace,
): GroupRecord | undefined {
  return orUndefined(() => {
    const reader = new FieldReader(bytes);
    const flags = reader.byte();
    const shift = reader.number();
    const sender = reader.text() ?? "";
    const rest = reader.rest();
    const length = rest.length - ((flags & SENT_AT) === 0 ? 0 : SENT_AT_BYTES);
    if (length < 0) throw new FieldError("Cannot read a record: its author's time is missing");
    return {
      group_id: group,
      sender_pk: sender,
      outgoing: (flags & OUTGOING) !== 0,
      text: utf8Text(rest.subarray(0, length)),
      timestamp: formatTimestamp(at - BigInt(shift)),
    };
  });
}

/**
 * The timestamp of a group record, nanoseconds since 1970, without reading the rest of it; undefined for
 * bytes that are no record.
 */
export function groupRecordTime(bytes: Uint8Array, at: bigint): bigint | undefined {
  return orUndefined(() => {
    const reader = new FieldReader(bytes);
    reader.byte();
    return at - BigInt(reader.number());
  });
}

/** The author's time of a group record in the same way: later than its timestamp where it was far ahead. */
export function groupRecordSentAt(bytes: Uint8Array, at: bigint): bigint | undefined {
  return orUndefined(() => {
    const reader = new FieldReader(bytes);
    const flags = reader.byte();
    const shift = reader.number();
    if ((flags & SENT_AT) === 0) return at - BigInt(shift);
    return new FieldReader(bytes.subarray(-SENT_AT_BYTES)).long();
  });
}
