const NANOS_PER_SECOND = 1_000_000_000n;

/** Smallest and largest time that a record may have: what 64 bits of nanoseconds hold. */
const EARLIEST = -(2n ** 63n);
const LATEST = 2n ** 63n - 1n;

const FORM = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * Nanoseconds since 1970-01-01 UTC of an RFC 3339 time in any zone; further fraction digits are cut.
 * Undefined for anything else and for times that 64 bits cannot hold (years 1678 to 2262 can).
 */
export function parseTimestamp(text: string): bigint | undefined {
  const parts = FORM.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", zone = "Z"] = parts;
  const millis = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(millis)) return undefined;
  const offset = zoneMinutes(zone);
  if (offset === undefined) return undefined;
  const seconds = BigInt(millis / 1000 - offset * 60);
  const nanos = seconds * NANOS_PER_SECOND + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return nanos >= EARLIEST && nanos <= LATEST ? nanos : undefined;
}

/** The inverse: RFC 3339 in UTC, up to nine fraction digits, trailing zeros dropped. */
export function formatTimestamp(nanos: bigint): string {
  const below = ((nanos % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND;
  const seconds = (nanos - below) / NANOS_PER_SECOND;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = below.toString().padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `${whole}Z` : `${whole}.${fraction}Z`;
}

function zoneMinutes(zone: string): number | undefined {
  if (zone === "Z" || zone === "z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}
