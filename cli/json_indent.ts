/** Deepest nesting that is laid out: indentation grows with it. Ours; answers have about four levels. */
export const MAX_INDENTED_DEPTH = 32;

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;

/**
 * Lays a JSON text out with two spaces a level, as `JSON.stringify` does, without touching its values:
 * an integer keeps all its digits. What is nested deeper than {@link MAX_INDENTED_DEPTH} comes back on
 * one line, and what is no JSON as it is.
 */
export function indentJson(json: string): string {
  const text = json.trim();
  if (!isJson(text)) return text;
  const tokens = text.match(TOKENS) ?? [];
  let out = "";
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    const empty = /^[{[]$/.test(tokens[index - 1] ?? "");
    if (token === "}" || token === "]") {
      depth--;
      out += empty ? token : `${lineEnd(depth)}${token}`;
      continue;
    }
    if (empty) out += lineEnd(depth);
    if (token === "{" || token === "[") depth++;
    if (depth > MAX_INDENTED_DEPTH) return tokens.join("");
    out += token === "," ? `,${lineEnd(depth)}` : token === ":" ? ": " : token;
  }
  return out;
}

function lineEnd(depth: number): string {
  return `\n${"  ".repeat(depth)}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
