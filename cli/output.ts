import { utf8 } from "#kit";
import { hideControls, hideControlsInJson } from "./terminal_text.ts";

/** Where text ends up. */
export interface TextSink {
  /** Whether a person looks at it directly. */
  readonly terminal: boolean;
  /** Writes all of it. Throws {@link OutputClosed} when nobody reads any more. */
  write(text: string): void;
}

/** A piece of a line, and how it looks where colours are wanted. */
export interface Span {
  /** As it came; control characters are hidden on a terminal. */
  readonly text: string;
  /** Plain without one. */
  readonly style?: "dim" | "in" | "out";
}

/** Select Graphic Rendition codes (ECMA-48) of the styles. */
const STYLE_CODES = { dim: 2, in: 36, out: 32 } as const;

/** The reader of an output went away, as `head` does: time to stop, and no mistake of anybody. */
export class OutputClosed extends Error {
  /** The name that a stack trace shows. */
  override name = "OutputClosed";
}

/**
 * All that this program says: results to stdout, everything else to stderr. On a terminal, text from
 * other people cannot move the cursor or change colours.
 */
export class Output {
  /** Takes results. */
  readonly stdout: TextSink;
  /** Takes talk and log lines. */
  readonly stderr: TextSink;

  /** Says everything to these two; {@link systemOutput} has the real ones. */
  constructor(stdout: TextSink, stderr: TextSink) {
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** A line of result. */
  line(text: string): void {
    this.stdout.write(`${this.stdout.terminal ? hideControls(text) : text}\n`);
  }

  /** A line of result made of pieces, in colour if `colour`. */
  spans(spans: readonly Span[], colour: boolean): void {
    if (!colour) return this.line(spans.map(({ text }) => text).join(""));
    const painted = spans.map(({ text, style }) => {
      // Where there are colours there may be a terminal behind them: nobody else may send codes.
      const safe = hideControls(text);
      return style === undefined || safe === ""
        ? safe
        : `\x1b[${STYLE_CODES[style]}m${safe}\x1b[0m`;
    });
    this.stdout.write(`${painted.join("")}\n`);
  }

  /** Part of a JSON document, as it is. */
  part(text: string): void {
    this.stdout.write(this.stdout.terminal ? hideControlsInJson(text) : text);
  }

  /** A line of JSON, or several when it is indented; already serialised. */
  json(text: string): void {
    this.stdout.write(`${this.stdout.terminal ? hideControlsInJson(text) : text}\n`);
  }

  /** A line of talk on stderr. Talking to nobody is no error. */
  note(text: string): void {
    this.#tell(this.stderr, `${this.stderr.terminal ? hideControls(text) : text}\n`);
  }

  /** A finished log line, colours included. */
  log(line: string): void {
    this.#tell(this.stderr, line);
  }

  /** The same on stdout, where a visor takes what is no error. */
  plainLog(line: string): void {
    this.#tell(this.stdout, line);
  }

  #tell(sink: TextSink, text: string): void {
    try {
      sink.write(text);
    } catch (error) {
      if (!(error instanceof OutputClosed)) throw error;
    }
  }
}

/** The process's own stdout and stderr. */
export function systemOutput(): Output {
  return new Output(systemSink(Deno.stdout), systemSink(Deno.stderr));
}

/** How long to wait before writing again to an output that takes nothing right now. Ours. */
const RETRY_MS = 5;

function systemSink(
  stream: { writeSync(bytes: Uint8Array): number; isTerminal(): boolean },
): TextSink {
  return {
    terminal: stream.isTerminal(),
    write(text) {
      let rest = utf8(text);
      while (rest.length > 0) rest = rest.subarray(writeSome(stream, rest));
    },
  };
}

function writeSome(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): number {
  try {
    return stream.writeSync(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    // Another program made the shared terminal non-blocking; losing the line would be worse.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    return 0;
  }
}
