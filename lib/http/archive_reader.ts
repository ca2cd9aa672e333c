import { ByteQueue, utf8Text } from "#kit";
import { BodyError, firstJsonValue } from "./json_body.ts";
import { MAX_ARCHIVE_FRAME_BYTES, MAX_IMPORT_RECORDS, MAX_RECORD_BYTES } from "./limits.ts";
import type { ImportRecords } from "./ports.ts";

/** What an archive holds (http-api.md 4.17). Contents of records are for whoever stores them to check. */
export interface Archive {
  /** Names by key; neither is checked. */
  readonly contacts: Readonly<Record<string, unknown>>;
  readonly records: ImportRecords;
}

/** Keys of a record that are kept; all others are ignored (history.md 3). */
const KEYS = {
  messages: [
    "peer",
    "from",
    "outgoing",
    "text",
    "timestamp",
    "id",
    "reply_to",
    "file_id",
    "file_name",
    "file_size",
    "file_status",
    "file_url",
  ],
  group_messages: ["group_id", "sender_pk", "outgoing", "text", "timestamp"],
} as const;

type ListName = keyof typeof KEYS;

/** Bytes of the longest way to write the name of a list: `\u0067` and so on. A longer key is none. */
const MAX_KEY_BYTES = 6 * "group_messages".length;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Reads an archive of `/export` out of bytes, sans-io: {@link push} what came, then {@link finish}.
 *
 * Each record is parsed as soon as it is there, so neither bytes nor text of the whole document are
 * ever held, and no single step is long. Nothing is read after the first {@link fault}. What is left of the document without its records, its
 * frame, is parsed at the end like any other body.
 */
export class ArchiveReader {
  readonly #frame = new ByteQueue();
  readonly #record = new ByteQueue();
  readonly #lists: Record<ListName, object[]> = { messages: [], group_messages: [] };
  /** The list whose records are being read. */
  #list: ListName | undefined;
  /** The string of the frame that is being read, or was last; undefined when it is too long for a key. */
  #key: number[] | undefined;
  /** The list whose value comes next. */
  #announced: ListName | undefined;
  readonly #seen = new Set<ListName>();
  /** Whether a comma came before the current record. */
  #afterComma = false;
  #depth = 0;
  #inText = false;
  #escaped = false;
  #over = false;
  #fault: string | undefined;

  /** Why this will never be an archive, as soon as that is known: text of http-api.md 4.17. */
  get fault(): string | undefined {
    return this.#fault === undefined ? undefined : unreadable(this.#fault).message;
  }

  /** Takes the next bytes and keeps what it needs of them. */
  push(bytes: Uint8Array): void {
    let from = 0;
    for (let at = 0; at < bytes.length && !this.#over; at++) {
      const byte = bytes[at] ?? 0;
      if (this.#inText) {
        this.#text(byte);
      } else if (byte === QUOTE) {
        this.#inText = true;
        this.#key = [];
      } else if (byte === COLON && this.#list === undefined && this.#depth === 1) {
        this.#announced = this.#listOfKey();
      } else if (byte === COMMA && this.#list === undefined && this.#depth === 1) {
        this.#announced = undefined;
      } else if (byte === COMMA && this.#list !== undefined && this.#depth === 2) {
        this.#keep(bytes.subarray(from, at));
        this.#endRecord();
        this.#afterComma = true;
        from = at + 1;
      } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        this.#depth++;
        if (byte !== OPEN_LIST || this.#depth !== 2 || this.#announced === undefined) continue;
        this.#keep(bytes.subarray(from, at + 1));
        this.#list = this.#announced;
        this.#announced = undefined;
        this.#afterComma = false;
        from = at + 1;
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        this.#depth--;
        if (this.#list !== undefined && this.#depth === 1) {
          this.#keep(bytes.subarray(from, at));
          this.#endList();
          from = at;
        }
        // Only the first value of a body is read (http-api.md 1.3).
        if (this.#depth <= 0) this.#over = true;
        if (this.#over) this.#keep(bytes.subarray(from, at + 1));
      }
    }
    if (!this.#over) this.#keep(bytes.subarray(from));
  }

  /**
   * What was read, once everything has come.
   *
   * @throws {BodyError} with the text of http-api.md 4.17 for what is no archive.
   */
  finish(): Archive {
    if (this.#fault !== undefined) throw unreadable(this.#fault);
    const frame = frameOf(utf8Text(this.#frame.peek(this.#frame.length) ?? new Uint8Array(0)));
    for (const name of ["messages", "group_messages"] as const) {
      const value = frame[name] ?? [];
      if (!Array.isArray(value)) throw unreadable(`${name} must be a list`);
    }
    const contacts = frame.contacts ?? {};
    if (!isObject(contacts)) throw unreadable("contacts must be an object");
    const { messages, group_messages: groupMessages } = this.#lists;
    // Their shape is claimed and not known: the port rejects what is none, one by one.
    return { contacts, records: { messages, groupMessages } as unknown as ImportRecords };
  }

  #text(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inText = false;
    if (!this.#inText || this.#key === undefined) return;
    if (this.#key.length < MAX_KEY_BYTES) this.#key.push(byte);
    else this.#key = undefined;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#fault !== undefined || bytes.length === 0) return;
    const [queue, limit] = this.#list === undefined
      ? [this.#frame, MAX_ARCHIVE_FRAME_BYTES]
      : [this.#record, MAX_RECORD_BYTES];
    if (queue.length + bytes.length <= limit) return queue.push(bytes);
    if (this.#list === undefined) return this.#fail("too much besides the messages");
    this.#fail(`${this.#place(this.#list)} is too large`);
  }

  /** The list that the last string names, decoded as the JSON that it is. A name may come only once. */
  #listOfKey(): ListName | undefined {
    if (this.#key === undefined) return undefined;
    const name = parsed(`"${utf8Text(Uint8Array.from(this.#key))}"`);
    if (name !== "messages" && name !== "group_messages") return undefined;
    if (this.#seen.has(name)) this.#fail(`${name} is there twice`);
    this.#seen.add(name);
    return name;
  }

  #endRecord(): void {
    const list = this.#list;
    const bytes = this.#record.peek(this.#record.length) ?? new Uint8Array(0);
    if (list === undefined || this.#fault !== undefined) return;
    const value = parsed(utf8Text(bytes));
    this.#record.clear();
    if (value === undefined) return this.#fail(`${this.#place(list)} is not valid JSON`);
    if (!isObject(value)) return this.#fail(`${this.#place(list)} is not an object`);
    const count = this.#lists.messages.length + this.#lists.group_messages.length;
    if (count >= MAX_IMPORT_RECORDS) {
      return this.#fail(`more than ${MAX_IMPORT_RECORDS} messages`);
    }
    this.#lists[list].push(pick(value, KEYS[list]));
  }

  #endList(): void {
    const bytes = this.#record.peek(this.#record.length) ?? new Uint8Array(0);
    const blank = bytes.every((byte) => " \t\r\n".includes(String.fromCharCode(byte)));
    if (!blank || this.#afterComma) this.#endRecord();
    this.#record.clear();
    this.#list = undefined;
  }

  #place(list: ListName): string {
    return `${list}[${this.#lists[list].length}]`;
  }

  /** Nothing that came so far is of use any more. */
  #fail(reason: string): void {
    this.#fault = reason;
    this.#over = true;
    this.#frame.clear();
    this.#record.clear();
    this.#lists.messages = [];
    this.#lists.group_messages = [];
  }
}

/** The document without its records, once it says that it is one that we can read. */
function frameOf(text: string): Readonly<Record<string, unknown>> {
  let frame: unknown;
  try {
    frame = firstJsonValue(text);
  } catch (thrown) {
    throw thrown instanceof BodyError ? unreadable(thrown.reason) : thrown;
  }
  if (!isObject(frame) || frame.format !== "skychat-archive") {
    throw new BodyError("not a SkyChat archive");
  }
  const { version } = frame;
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1) {
    throw unreadable("version must be a positive integer");
  }
  if (version === 1) return frame;
  throw new BodyError(
    `archive is version ${version}; this SkyChat reads up to 1 — update it first`,
  );
}

function unreadable(reason: string): BodyError {
  return new BodyError(`not a readable archive: ${reason}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The known keys. A list or object in place of a text becomes null, which no record may hold. */
function pick(value: Readonly<Record<string, unknown>>, keys: readonly string[]): object {
  const record: Record<string, unknown> = {};
  for (const key of keys) {
    const field = value[key] ?? undefined;
    if (field !== undefined) record[key] = typeof field === "object" ? null : field;
  }
  return record;
}
