/** Longest text of a refusal that is shown, UTF-16 units. Ours: the app's own have a line. */
export const MAX_SERVER_TEXT = 2_000;

/**
 * Control characters, line separators, direction marks and overrides: what can fool a terminal's
 * reader. Joiners stay, without which emoji and some scripts fall apart.
 */
const DANGEROUS =
  // deno-lint-ignore no-control-regex -- control characters are what this is about
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]/g;

/**
 * Makes text safe for a terminal: whatever could move the cursor, change colours or reorder the line
 * is shown as `\xNN` or `\uNNNN`. Tabs and line feeds stay.
 */
export function hideControls(text: string): string {
  return text.replace(DANGEROUS, (character) => {
    const code = character.charCodeAt(0);
    const hex = code.toString(16);
    return code < 256 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
}

/** The same for JSON, where the escapes must be JSON's own: the value stays what it was. */
export function hideControlsInJson(json: string): string {
  return json.replace(
    DANGEROUS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** One message as one line: backslash, line feed and carriage return are escaped (cli.md 5). */
export function escapeBody(body: string): string {
  return body.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
}

/** What the app said in a refusal, as one line of at most {@link MAX_SERVER_TEXT} characters. */
export function serverText(body: string): string {
  const text = body.trim();
  const shown = text.length > MAX_SERVER_TEXT ? `${text.slice(0, MAX_SERVER_TEXT)}…` : text;
  return shown.toWellFormed().replaceAll("\n", "\\n").replaceAll("\r", "\\r");
}
