import { utf8Text } from "#kit";
import { FieldError, FieldReader, FieldWriter } from "./byte_fields.ts";
import type { HistoryRecord } from "./record.ts";
import { formatTimestamp } from "./timestamp.ts";

/** What a record's value leaves out because its key says it. */
export interface RecordPlace {
  /** 66 hex digits. */
  readonly peer: string;
  /** The number in its key: the time in nanoseconds, or the next one that was free. */
  readonly key: bigint;
}

const OUTGOING = 1;
const SHIFTED = 2;
const EXTRA = 4;

/** Fields that few records have; kept as JSON. `from` is null where an inbound record has none. */
interface Extra {
  readonly from?: string | null;
  readonly file_id?: string;
  readonly file_name?: string;
  readonly file_size?: number;
  readonly file_status?: string;
  readonly file_url?: string;
}

/**
 * The bytes of a record beside its key: flags, id, quoted id, distance to its true time if any, rare
 * fields if any, and the text to the end.
 *
 * @param time nanoseconds since 1970 that the record says; at most `place.key`
 */
export function encodeRecord(
  record: HistoryRecord,
  { peer, key, time }: RecordPlace & { readonly time: bigint },
): Uint8Array {
  const extra = extraOf(record, peer);
  const writer = new FieldWriter()
    .byte(
      (record.outgoing ? OUTGOING : 0) + (key === time ? 0 : SHIFTED) +
        (extra === undefined ? 0 : EXTRA),
    )
    .text(record.id || undefined)
    .text(record.reply_to || undefined);
  if (key !== time) writer.number(Number(key - time));
  if (extra !== undefined) writer.text(JSON.stringify(extra));
  return writer.rest(record.text).finish();
}

/** The inverse; undefined for bytes that are no record: readers skip those (history.md 3). */
export function decodeRecord(bytes: Uint8Array, place: RecordPlace): HistoryRecord | undefined {
  try {
    return readRecord(bytes, place);
  } catch (error) {
    if (error instanceof FieldError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readRecord(bytes: Uint8Array, { peer, key }: RecordPlace): HistoryRecord {
  const reader = new FieldReader(bytes);
  const flags = reader.byte();
  const id = reader.text();
  const replyTo = reader.text();
  const shift = (flags & SHIFTED) === 0 ? 0 : reader.number();
  const extra = (flags & EXTRA) === 0 ? {} : parseExtra(reader.text() ?? "");
  const outgoing = (flags & OUTGOING) !== 0;
  const { from = outgoing ? null : peer, ...file } = extra;
  return {
    peer,
    ...(from === null ? {} : { from }),
    outgoing,
    text: utf8Text(reader.rest()),
    timestamp: formatTimestamp(key - BigInt(shift)),
    ...(id === undefined ? {} : { id }),
    ...(replyTo === undefined ? {} : { reply_to: replyTo }),
    ...file,
  };
}

function parseExtra(json: string): Extra {
  const extra: unknown = JSON.parse(json);
  if (typeof extra === "object" && extra !== null) return extra;
  throw new FieldError("Cannot read a record: its rare fields are no object");
}

function extraOf(record: HistoryRecord, peer: string): Extra | undefined {
  const expected = record.outgoing ? undefined : peer;
  const from = record.from || undefined;
  const extra = {
    from: from === expected ? undefined : from ?? null,
    file_id: record.file_id || undefined,
    file_name: record.file_name || undefined,
    file_size: record.file_size || undefined,
    file_status: record.file_status || undefined,
    file_url: record.file_url || undefined,
  };
  return Object.values(extra).some((value) => value !== undefined) ? extra as Extra : undefined;
}
