import { storedKey } from "./public_key.ts";

/** What the privacy file holds (http-api.md 4.12). */
export interface Settings {
  readonly approval: boolean;
  readonly blocked: ReadonlySet<string>;
  readonly accepted: ReadonlySet<string>;
}

/**
 * Reads the privacy file's document; what is missing is off or empty.
 *
 * @throws {Error} when something in it has another form: passing it over would lose it.
 */
export function parseSettings(document: unknown): Settings {
  const { approval = false, blocked, accepted } = asObject(document === undefined ? {} : document);
  if (typeof approval !== "boolean") throw new Error("its approval is not true or false");
  return { approval, blocked: parseKeys(blocked), accepted: parseKeys(accepted) };
}

function asObject(
  document: unknown,
): { approval?: unknown; blocked?: unknown; accepted?: unknown } {
  if (typeof document === "object" && document !== null && !Array.isArray(document)) {
    return document;
  }
  throw new Error("it is not an object of settings");
}

/** A list that is missing, or null as the deployed system may write an empty one, is empty. */
function parseKeys(list: unknown): ReadonlySet<string> {
  if (list === undefined || list === null) return new Set();
  const keys = Array.isArray(list)
    ? list.map((item) => storedKey(typeof item === "string" ? item : ""))
    : [undefined];
  if (keys.includes(undefined)) throw new Error("one of its lists is not a list of public keys");
  return new Set(keys.filter((key) => key !== undefined));
}
