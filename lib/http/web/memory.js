// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/** What this browser remembers between visits: what was read, receipts, and what is to stay hidden. */

/** Entries of each kind; the oldest go first. */
const MOST = 1_000;

/** @typedef {Record<string, unknown>} Table */

/** What was read last, by name: each message asks, and reading takes time. @type {Map<string, { text: string, table: Table }>} */
const parsed = new Map();

/**
 * @param {string} name
 * @returns {Table} empty when there is none, or when the browser keeps nothing
 */
function read(name) {
  try {
    const text = localStorage.getItem(`skychat.${name}`) ?? "{}";
    const before = parsed.get(name);
    if (before?.text === text) return before.table;
    const value = JSON.parse(text);
    const table = typeof value === "object" && value !== null ? value : {};
    parsed.set(name, { text, table });
    return table;
  } catch {
    return {};
  }
}

/** @param {string} name @param {Table} table */
function write(name, table) {
  try {
    const newest = Object.entries(table).slice(-MOST);
    localStorage.setItem(`skychat.${name}`, JSON.stringify(Object.fromEntries(newest)));
  } catch {
    // Private windows keep nothing: then the page forgets, and works.
  }
}

/** A small table on disk. Read anew for each question: other tabs write to it too. */
export class Remembered {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
  }

  /** @param {string} key */
  has(key) {
    return Object.hasOwn(read(this.name), key);
  }

  /** @param {string} key @returns {unknown} */
  get(key) {
    const table = read(this.name);
    return Object.hasOwn(table, key) ? table[key] : undefined;
  }

  /** Adds entries as the newest ones. @param {[string, unknown][]} entries */
  set(entries) {
    const table = { ...read(this.name) };
    for (const [key, value] of entries) {
      delete table[key];
      table[key] = value;
    }
    write(this.name, table);
  }
}
