// @ts-check
/** What texts, keys and bodies mean; pure, so that it is tested without a browser. */

/** Longest text of a message that is shown at once; the rest waits for a click. UTF-16 units. */
export const LONG_TEXT = 1_500;
/** Most lines of it. */
export const LONG_LINES = 30;

/** Links: plain ASCII only, so that nothing in them can look like something else. */
const LINK = /\bhttps?:\/\/[!-~]+/gi;

/** What is punctuation of the sentence and not of the address that it ends with. */
const AFTER_LINK = /[.,;:!?'")\]}>]+$/;

const KEY = /^0[23][0-9a-f]{64}$/;

/**
 * Cuts a text into plain pieces and links, in order; joined they are the text again.
 *
 * @param {string} text
 * @returns {{ text: string, href?: string }[]}
 */
export function linkPieces(text) {
  const pieces = [];
  let at = 0;
  for (const found of text.matchAll(LINK)) {
    const shown = found[0].replace(AFTER_LINK, "");
    const href = safeAddress(shown);
    if (href === undefined) continue;
    if (found.index > at) pieces.push({ text: text.slice(at, found.index) });
    pieces.push({ text: shown, href });
    at = found.index + shown.length;
  }
  if (at < text.length || pieces.length === 0) pieces.push({ text: text.slice(at) });
  return pieces;
}

/**
 * @param {string} text
 * @returns {string | undefined}
 */
function safeAddress(text) {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) return undefined;
  // With a name and password in front, an address looks like it leads to the name.
  return url.username === "" && url.password === "" && url.hostname !== "" ? url.href : undefined;
}

/**
 * The public key in what a person pasted: a key, or an address `tcp://key@host:port`. Whether it is a
 * point of the curve is for the server to say.
 *
 * @param {string} text
 * @returns {string | undefined}
 */
export function keyIn(text) {
  const typed = text.trim().toLowerCase();
  const key = /^(?:tcp:\/\/)?([0-9a-f]{66})(?:@\S*)?$/.exec(typed)?.[1];
  return key !== undefined && KEY.test(key) ? key : undefined;
}

/**
 * What is shown of a message before somebody asks for all of it.
 *
 * @param {string} text
 */
export function shortened(text) {
  let end = -1;
  for (let line = 0; line < LONG_LINES; line++) {
    end = text.indexOf("\n", end + 1);
    if (end < 0) break;
  }
  const short = text.slice(0, Math.min(LONG_TEXT, end < 0 ? text.length : end));
  return short.length === text.length ? text : short.toWellFormed();
}

/** @param {string} key */
export function shortKey(key) {
  return key.length > 14 ? `${key.slice(0, 6)}…${key.slice(-4)}` : key;
}

/**
 * The start of a text on one line, for lists and quotes.
 *
 * @param {string} text
 * @param {number} [limit] UTF-16 units
 */
export function preview(text, limit = 120) {
  const line = text.slice(0, limit * 2).replace(/\s+/g, " ").trim();
  return line.length > limit ? `${line.slice(0, limit).toWellFormed()}…` : line;
}

/**
 * A colour of its own for each key, in degrees.
 *
 * @param {string} key
 */
export function hueOf(key) {
  let sum = 0;
  for (const unit of key) sum = (sum * 31 + unit.charCodeAt(0)) % 360;
  return sum;
}

/**
 * Two letters for the picture of a person.
 *
 * @param {string} name empty when there is none
 * @param {string} key
 */
export function initials(name, key) {
  const words = name.split(/\s+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const first = words.slice(0, 2).map((word) => [...word][0] ?? "").join("");
  return first === "" ? key.slice(2, 4) : first.toUpperCase();
}

/**
 * The day a moment is in here, as a number that grows by one each day.
 *
 * @param {number} at milliseconds
 */
export function dayOf(at) {
  return Math.floor((at - new Date(at).getTimezoneOffset() * 60_000) / 86_400_000);
}

/**
 * What a raw body of `/events` says once unwrapped (messages.md 3.4); the other routes unwrap it
 * themselves.
 *
 * @param {string} raw
 * @returns {{ text: string, quoteText?: string | undefined, quoteSender?: string | undefined, forwarded?: boolean, forwardFrom?: string | undefined }}
 */
export function unwrapBody(raw) {
  const hasReply = raw.includes("skychat_reply");
  const hasForward = raw.includes("skychat_forward");
  const outer = hasReply || hasForward ? parseObject(raw) : undefined;
  if (outer === undefined) return { text: raw };
  const reply = fields(outer.skychat_reply, ["text", "to_sender", "to_preview", "to_ts"]);
  if (reply !== undefined) {
    return { text: reply.text ?? "", quoteText: reply.to_preview, quoteSender: reply.to_sender };
  }
  const forward = fields(outer.skychat_forward, ["text", "from"]);
  // What only looks like a reply is shown as it is.
  if (isObject(outer.skychat_reply) || forward === undefined) return { text: raw };
  return { text: forward.text ?? "", forwarded: true, forwardFrom: forward.from };
}

/**
 * {@link unwrapBody} for a message of a group, which can be a file as well (groups.md 2.3).
 *
 * @param {string} raw
 */
export function unwrapGroupBody(raw) {
  const body = unwrapBody(raw);
  if (body.text !== raw || !raw.includes("skychat_file")) return body;
  const file = parseObject(raw)?.skychat_file;
  const named = fields(file, ["id", "name"]);
  const size = isObject(file) ? file.size ?? 0 : -1;
  const isFile = named?.id && Number.isSafeInteger(size) && Number(size) >= 0;
  return isFile ? { text: `📎 ${named.name ?? ""}` } : body;
}

/** Times in nanoseconds, which would be rounded as numbers. Within a text the quotes are escaped. */
const NANOS = /"((?:deleted_)?ts_nano)":(-?[0-9]{1,19})/g;

/**
 * Reads JSON of the server; nanoseconds since 1970 come as texts of digits.
 *
 * @param {string} text
 * @returns {any}
 */
export function parseExact(text) {
  return JSON.parse(text.replace(NANOS, '"$1":"$2"'));
}

/**
 * {@link parseExact} for what may be no object.
 *
 * @param {string} text
 * @returns {Record<string, unknown> | undefined}
 */
export function parseObject(text) {
  try {
    const value = parseExact(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * These fields of an object; undefined when it is none, or when one is neither a text nor absent.
 *
 * @param {unknown} value
 * @param {readonly string[]} names
 * @returns {Record<string, string> | undefined}
 */
function fields(value, names) {
  if (!isObject(value)) return undefined;
  /** @type {Record<string, string>} */
  const found = {};
  for (const name of names) {
    const field = Reflect.get(value, name);
    if (typeof field === "string") found[name] = field;
    else if (field !== undefined && field !== null) return undefined;
  }
  return found;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {string} */
export function textOf(value) {
  return typeof value === "string" ? value : "";
}
