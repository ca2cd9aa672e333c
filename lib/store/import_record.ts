import type { GroupRecord, HistoryRecord } from "./record.ts";
import { formatTimestamp, parseTimestamp } from "./timestamp.ts";

/** Characters of an id in an archive: what one frame can carry, so that every export reads back. */
export const MAX_IMPORT_ID = 65_536;
/** Characters of the name, state or address of a file in an archive (ours). */
export const MAX_IMPORT_FILE_FIELD = 4_096;
/** Characters of a group's name in an archive (ours; UUIDs have 36). */
export const MAX_IMPORT_GROUP = 256;

/**
 * Reads one entry of `messages` in an archive (http-api.md 4.17), as JSON gave it: the record of
 * history.md 3 with lower-case keys, its time in UTC, half characters as U+FFFD and unknown keys left
 * out; or a text that says what is wrong with it. Null and empty optional fields count as absent, as
 * upstream writes and reads them. The length of the text is the limits' business.
 */
export function readHistoryRecord(value: unknown): HistoryRecord | string {
  return readOr(value, (fields) => {
    const from = fields.text("from", MAX_IMPORT_ID);
    return {
      peer: fields.key("peer"),
      ...(from === undefined ? {} : { from: fields.key("from") }),
      ...fields.message(),
      ...fields.optional("id", MAX_IMPORT_ID),
      ...fields.optional("reply_to", MAX_IMPORT_ID),
      ...fields.optional("file_id", MAX_IMPORT_ID),
      ...fields.optional("file_name", MAX_IMPORT_FILE_FIELD),
      ...fields.fileSize(),
      ...fields.optional("file_status", MAX_IMPORT_FILE_FIELD),
      ...fields.optional("file_url", MAX_IMPORT_FILE_FIELD),
    };
  });
}

/** The same for an entry of `group_messages`. */
export function readGroupRecord(value: unknown): GroupRecord | string {
  return readOr(value, (fields) => {
    const group = fields.text("group_id", MAX_IMPORT_GROUP);
    if (group === undefined) throw new BadField("group_id is missing");
    return { group_id: group, sender_pk: fields.key("sender_pk"), ...fields.message() };
  });
}

/** What is wrong with a field; never leaves this file. */
class BadField extends Error {}

function readOr<R>(value: unknown, read: (fields: Fields) => R): R | string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return "it is no object";
  }
  try {
    return read(new Fields(value));
  } catch (error) {
    if (error instanceof BadField) return error.message;
    throw error;
  }
}

/** The fields of one entry; every method throws {@link BadField}. */
class Fields {
  readonly #values: { readonly [name: string]: unknown };

  constructor(values: object) {
    this.#values = { ...values };
  }

  /** Undefined when absent, null or empty. */
  text(name: string, limit: number): string | undefined {
    const value = this.#values[name] ?? "";
    if (typeof value !== "string") throw new BadField(`${name} is no text`);
    if (value.length > limit) throw new BadField(`${name} is longer than ${limit} characters`);
    return value === "" ? undefined : value.toWellFormed();
  }

  optional<N extends string>(name: N, limit: number): { readonly [K in N]?: string } {
    const value = this.text(name, limit);
    return value === undefined ? {} : { [name]: value } as { readonly [K in N]?: string };
  }

  /** 66 hex digits, lower-cased. */
  key(name: string): string {
    const value = this.#values[name];
    if (typeof value !== "string" || !/^[0-9a-fA-F]{66}$/.test(value)) {
      throw new BadField(`${name} is no public key`);
    }
    return value.toLowerCase();
  }

  /** What both kinds of records have, in their order. */
  message(): { outgoing: boolean; text: string; timestamp: string } {
    const outgoing = this.#values.outgoing ?? false;
    if (typeof outgoing !== "boolean") throw new BadField("outgoing is neither true nor false");
    const text = this.#values.text;
    if (typeof text !== "string") throw new BadField("text is no text");
    return { outgoing, text: text.toWellFormed(), timestamp: this.#timestamp() };
  }

  fileSize(): { readonly file_size?: number } {
    const value = this.#values.file_size ?? 0;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      throw new BadField("file_size is no whole number of bytes");
    }
    return value === 0 ? {} : { file_size: value };
  }

  #timestamp(): string {
    const value = this.#values.timestamp;
    const nanos = typeof value === "string" ? parseTimestamp(value) : undefined;
    if (nanos === undefined) throw new BadField("timestamp is no RFC 3339 time");
    return formatTimestamp(nanos);
  }
}
