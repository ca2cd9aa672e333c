import { ContactsError } from "./contacts_error.ts";
import { JsonFile, type JsonFileOptions } from "./json_file.ts";
import { compareKeys, requireKey, storedKey } from "./public_key.ts";

/** Entries of an address book, and of each list of the privacy settings (http-api.md 4.11). */
export const MAX_CONTACTS = 5_000;
/** Characters (code points) of a name; the rest is cut off (http-api.md 4.11). */
export const MAX_NAME = 40;

/**
 * The address book: private names for public keys (http-api.md 4.11). Memory changes only after the
 * file has; it has the shape of the `ContactsPort` of `#http`.
 */
export class Contacts {
  readonly #file: JsonFile;
  /** Replaced as a whole, so that a change that cannot be written leaves no trace. */
  #names: ReadonlyMap<string, string>;
  #sorted: Readonly<Record<string, string>> | undefined;

  private constructor(file: JsonFile, names: ReadonlyMap<string, string>) {
    this.#file = file;
    this.#names = names;
  }

  /** Reads the file, which need not be there; undefined and a log line when it cannot be used. */
  static async open(options: Omit<JsonFileOptions, "what">): Promise<Contacts | undefined> {
    const opened = await JsonFile.open({ ...options, what: "address book" }, parseNames);
    return opened && new Contacts(opened.file, opened.contents);
  }

  /** Names by key, sorted by key. Not to be changed. */
  all(): Readonly<Record<string, string>> {
    return this.#sorted ??= sorted(this.#names);
  }

  /** The name of a key in lower-case hex, if it has one. */
  nameOf(pkHex: string): string | undefined {
    return this.#names.get(pkHex);
  }

  /**
   * Names a key and returns the name as stored; an empty one removes.
   *
   * @throws {ContactsError} codes `contacts-invalid-key`, `contacts-full`, `contacts-unavailable`.
   */
  async set(pk: string, name: string): Promise<string> {
    const key = requireKey(pk, "contacts");
    const clean = cleanName(name);
    await this.#change((names) => {
      if (clean === "") names.delete(key);
      else names.set(key, clean);
      if (names.size > MAX_CONTACTS && names.size > this.#names.size) {
        throw new ContactsError("contacts-full", "skychat contacts: address book is full");
      }
      return clean !== (this.#names.get(key) ?? "");
    });
    return clean;
  }

  /**
   * Adds names for keys that have none, as far as there is room, and returns how many. What is no key
   * or no name is passed over.
   *
   * @throws {ContactsError} code `contacts-unavailable`.
   */
  async merge(names: Readonly<Record<string, unknown>>): Promise<number> {
    let added = 0;
    await this.#change((next) => {
      for (const [pk, name] of Object.entries(names)) {
        if (next.size >= MAX_CONTACTS) break;
        const key = storedKey(pk);
        const clean = typeof name === "string" ? cleanName(name) : "";
        if (key === undefined || clean === "" || next.has(key)) continue;
        next.set(key, clean);
        added++;
      }
      return added > 0;
    });
    return added;
  }

  /** Edits a copy; when that says so, the copy is written and then taken. */
  #change(edit: (names: Map<string, string>) => boolean): Promise<void> {
    return this.#file.serially(async () => {
      const next = new Map(this.#names);
      if (!edit(next)) return;
      const document = sorted(next);
      try {
        await this.#file.replace(document);
      } catch (cause) {
        throw new ContactsError("contacts-unavailable", "address book unavailable", { cause });
      }
      this.#names = next;
      this.#sorted = document;
    });
  }
}

/**
 * A name as it is stored: whitespace runs become a space, ends are trimmed, control characters go, and
 * {@link MAX_NAME} characters stay.
 */
export function cleanName(name: string): string {
  const clean = name.replace(/(?![\t-\r\u0085])\p{Cc}/gu, "").replace(/[\s\u0085]+/g, " ").trim();
  // The first cut, in code units, keeps the second from spreading a whole body.
  const cut = Array.from(clean.slice(0, 2 * MAX_NAME)).slice(0, MAX_NAME).join("");
  return cut.toWellFormed().trimEnd();
}

function parseNames(document: unknown): ReadonlyMap<string, string> {
  if (document === undefined) return new Map();
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new Error("it is not an object of names");
  }
  const names = new Map<string, string>();
  for (const [pk, name] of Object.entries(document)) {
    const key = storedKey(pk);
    // Passing it over would lose it at the next change.
    if (key === undefined || typeof name !== "string") {
      throw new Error("it has an entry that is not a public key with a name");
    }
    const clean = cleanName(name);
    if (clean !== "") names.set(key, clean);
  }
  return names;
}

function sorted(names: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...names].sort(([a], [b]) => compareKeys(a, b)));
}
