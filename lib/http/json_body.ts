import { CodedError } from "#kit";

/** A body that is not what a route expects. The text is the answer's (400). */
export class BodyError extends CodedError {
  /** Why it could not be read, without what {@link message} may say before it. */
  readonly reason: string;

  constructor(message: string, reason: string = message) {
    super("bad-body", message);
    this.reason = reason;
  }
}

/**
 * The first JSON value of a body; what follows it is ignored (http-api.md 1.3).
 *
 * @throws {BodyError} `EOF` when there is none, `unexpected EOF` when it is cut off, else
 *   `invalid body: not valid JSON`: the parser's own text would quote the body.
 */
export function firstJsonValue(text: string): unknown {
  const start = text.search(/[^ \t\r\n]/);
  if (start < 0) throw new BodyError("EOF");
  try {
    return JSON.parse(text);
  } catch {
    const end = firstValueEnd(text, start);
    if (end === undefined) throw new BodyError("unexpected EOF");
    try {
      return JSON.parse(text.slice(start, end));
    } catch {
      throw new BodyError("invalid body: not valid JSON", "not valid JSON");
    }
  }
}

/** Where the value that begins at `start` ends; undefined when a string, list or object never does. */
function firstValueEnd(text: string, start: number): number | undefined {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === '"') {
      const end = stringEnd(text, at);
      if (end === undefined) return undefined;
      at = end;
    } else if ("{[".includes(character)) {
      depth++;
      at++;
    } else if ("}]".includes(character)) {
      depth--;
      at++;
    } else if (depth > 0) {
      at++;
      continue;
    } else {
      return scalarEnd(text, at);
    }
    if (depth <= 0) return at;
  }
  return undefined;
}

function stringEnd(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

function scalarEnd(text: string, start: number): number {
  const rest = /[ \t\r\n,:[\]{}"]/g;
  rest.lastIndex = start + 1;
  return rest.exec(text)?.index ?? text.length;
}
