/** Control characters, line separators and direction overrides: what can fool a terminal's reader. */
const DANGEROUS =
  // deno-lint-ignore no-control-regex -- control characters are what this is about
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

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
