import { fromHex, type Random, toHex } from "#kit";

const UUID_BYTES = 16;
const PLAIN = /^[0-9a-f]{32}$/;
const DASHED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The canonical form of a UUID: lower case, 8-4-4-4-12. Reads that form in either case, with
 * `urn:uuid:` in front, in braces, and 32 plain hex digits (groups.md 2.1); undefined for the rest.
 */
export function canonicalUuid(text: string): string | undefined {
  let form = text.toLowerCase();
  if (form.startsWith("urn:uuid:")) form = form.slice(9);
  else if (form.startsWith("{") && form.endsWith("}")) form = form.slice(1, -1);
  else if (PLAIN.test(form)) return dashed(form);
  return DASHED.test(form) ? form : undefined;
}

/** A new group id: a random UUID of version 4. */
export function newGroupId(random: Random): string {
  const bytes = random.bytes(UUID_BYTES);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return dashed(toHex(bytes));
}

/**
 * The 16 bytes of a canonical UUID.
 *
 * @throws {RangeError} for any other text.
 */
export function uuidBytes(canonical: string): Uint8Array {
  const bytes = DASHED.test(canonical) ? fromHex(canonical.replaceAll("-", "")) : undefined;
  if (bytes === undefined) throw new RangeError("Cannot encode a group id that is no UUID");
  return bytes;
}

/**
 * Whether a group can be governed: its id is a UUID in canonical form. Governance leaves of any
 * other group are ignored by everybody (groups.md 2.4).
 */
export function isGovernable(id: string): boolean {
  return DASHED.test(id);
}

function dashed(digits: string): string {
  const cuts = [0, 8, 12, 16, 20, 32];
  return cuts.slice(1).map((end, index) => digits.slice(cuts[index], end)).join("-");
}
