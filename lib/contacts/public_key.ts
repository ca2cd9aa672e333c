import { quoteForLog } from "#kit";
import { ContactsError } from "./contacts_error.ts";

/** The key as it is stored, 66 lower-case hex digits, or undefined when it is none (http-api.md 4.11). */
export function storedKey(text: string): string | undefined {
  const key = text.toLowerCase();
  return /^[0-9a-f]{66}$/.test(key) ? key : undefined;
}

/**
 * The same for a request.
 *
 * @param feature `contacts` or `privacy`, as the text has it.
 * @throws {ContactsError} code `contacts-invalid-key`.
 */
export function requireKey(text: string, feature: "contacts" | "privacy"): string {
  const key = storedKey(text);
  if (key !== undefined) return key;
  throw new ContactsError(
    "contacts-invalid-key",
    `skychat ${feature}: "${quoteForLog(text)}" is not a public key`,
  );
}

/** By code units: the same order on every machine. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
