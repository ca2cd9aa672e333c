import { utf8Text } from "#kit";
import { FieldError, FieldReader, FieldWriter } from "./byte_fields.ts";
import type { GroupRecord } from "./record.ts";
import { formatTimestamp } from "./timestamp.ts";

/** Where a group record lies. */
export interface GroupPlace {
  readonly group: string;
  /** Its time in nanoseconds, or the next key that was free. */
  readonly at: bigint;
}

/** The bytes of a group record beside its key. `time` is at most `place.at`. */
export function encodeGroupRecord(
  record: GroupRecord,
  { at, time }: { at: bigint; time: bigint },
): Uint8Array {
  return new FieldWriter()
    .byte(record.outgoing ? 1 : 0)
    .number(Number(at - time))
    .text(record.sender_pk)
    .rest(record.text)
    .finish();
}

/** The inverse; undefined for bytes that are no record. */
export function decodeGroupRecord(
  bytes: Uint8Array,
  { group, at }: GroupPlace,
): GroupRecord | undefined {
  try {
    const reader = new FieldReader(bytes);
    const outgoing = reader.byte() === 1;
    const shift = reader.number();
    return {
      group_id: group,
      sender_pk: reader.text() ?? "",
      outgoing,
      text: utf8Text(reader.rest()),
      timestamp: formatTimestamp(at - BigInt(shift)),
    };
  } catch (error) {
    if (error instanceof FieldError) return undefined;
    throw error;
  }
}

/**
 * The true time of a group record, nanoseconds since 1970, without reading the rest of it; undefined for
 * bytes that are no record.
 */
export function groupRecordTime(bytes: Uint8Array, at: bigint): bigint | undefined {
  try {
    const reader = new FieldReader(bytes);
    reader.byte();
    return at - BigInt(reader.number());
  } catch (error) {
    if (error instanceof FieldError) return undefined;
    throw error;
  }
}
