const NANOS_PER_SECOND = 1_000_000_000n;

/** Smallest and largest time there is: what 64 bits of nanoseconds hold. */
const EARLIEST = -(2n ** 63n);
const LATEST = 2n ** 63n - 1n;
/** Years that have such times. */
const FIRST_YEAR = 1677;
const LAST_YEAR = 2262;

const FORM =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-]\d\d):(\d\d))$/;

/**
 * Nanoseconds since 1970-01-01 UTC of an RFC 3339 time in any zone; further fraction digits are cut.
 * Undefined for anything else and for times that 64 bits cannot hold (years 1678 to 2262 can).
 */
export function parseRfc3339(text: string): bigint | undefined {
  const parts = FORM.exec(text);
  if (parts === null) return undefined;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const [hour, minute, second] = [Number(parts[4]), Number(parts[5]), Number(parts[6])];
  if (year < FIRST_YEAR || year > LAST_YEAR || !isDay(year, month, day)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const offset = zoneMinutes(parts[8], parts[9]);
  if (offset === undefined) return undefined;
  const millis = Date.UTC(year, month - 1, day, hour, minute - offset, second);
  const fraction = (parts[7] ?? "").slice(0, 9).padEnd(9, "0");
  const nanos = BigInt(millis / 1000) * NANOS_PER_SECOND + BigInt(fraction);
  return nanos >= EARLIEST && nanos <= LATEST ? nanos : undefined;
}

/** The inverse: RFC 3339 in UTC, up to nine fraction digits, trailing zeros dropped. */
export function formatRfc3339(nanos: bigint): string {
  const below = ((nanos % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND;
  const seconds = (nanos - below) / NANOS_PER_SECOND;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = below.toString().padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? `${whole}Z` : `${whole}.${fraction}Z`;
}

function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= 28 || day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** Minutes that a zone is ahead of UTC; the parts are missing for UTC itself. */
function zoneMinutes(hours: string | undefined, minutes: string | undefined): number | undefined {
  if (hours === undefined) return 0;
  const [whole, rest] = [Number(hours.slice(1)), Number(minutes)];
  if (whole > 23 || rest > 59) return undefined;
  return (hours.startsWith("-") ? -1 : 1) * (whole * 60 + rest);
}
