import { parseRfc3339, rfc3339 } from "#kit";

const SECOND = 1_000_000_000n;

/** A time of an answer, nanoseconds since 1970; undefined for the zero time, which means never. */
export function momentOf(text: string): bigint | undefined {
  const moment = parseRfc3339(text);
  return moment === undefined || moment < 0n ? undefined : moment;
}

/** A time in UTC with whole seconds (groups.md 6.6); what is no time comes back as it is. */
export function wholeSecondsUtc(text: string): string {
  const moment = momentOf(text);
  return moment === undefined ? text : rfc3339(moment - moment % SECOND);
}

/** The same, `-` where there is no time. */
export function timeOrDash(text: string): string {
  return text === "" || text.startsWith("0001-01-01T00:00:00") ? "-" : wholeSecondsUtc(text);
}
