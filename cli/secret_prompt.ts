import { equalBytes, utf8, utf8Text } from "#kit";
import { CliError } from "./errors.ts";
import type { CliIo } from "./io.ts";

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACE = 0x08;
const CTRL_U = 0x15;
const DELETE = 0x7f;
const ENDS: ReadonlySet<number> = new Set([0x0a, 0x0d]);

/** Most bytes of a line that is typed unseen; what comes after is ignored. Ours. */
export const MAX_SECRET_BYTES = 4_096;

/**
 * Asks for a line on the terminal without showing what is typed. Backspace and Ctrl-U work.
 *
 * @throws {CliError} when the user gives up, with Ctrl-C or by hanging up, or types what is no UTF-8.
 */
export async function readSecret({ terminal, output }: CliIo, prompt: string): Promise<string> {
  const line = new SecretLine();
  output.log(prompt);
  terminal.setRaw(true);
  try {
    for (;;) {
      const bytes = await terminal.read();
      if (bytes === undefined) throw new CliError("interrupted");
      const text = line.push(bytes);
      if (text !== undefined) return text;
    }
  } finally {
    terminal.setRaw(false);
    output.log("\n");
  }
}

/**
 * The text of a secret's bytes.
 *
 * @throws {CliError} when they are no UTF-8: with replaced characters it would be another secret.
 */
export function secretText(bytes: Uint8Array): string {
  const text = utf8Text(bytes);
  if (!equalBytes(utf8(text), bytes)) throw new CliError("the password is not valid UTF-8");
  return text;
}

/** A line under construction, key by key. */
class SecretLine {
  #bytes: number[] = [];

  /** Takes what was typed; the line once it is over. */
  push(typed: Uint8Array): string | undefined {
    for (const byte of typed) {
      if (byte === CTRL_C) throw new CliError("interrupted");
      if (ENDS.has(byte) || (byte === CTRL_D && this.#bytes.length > 0)) {
        return secretText(Uint8Array.from(this.#bytes));
      }
      if (byte === CTRL_D) throw new CliError("interrupted");
      this.#key(byte);
    }
    return undefined;
  }

  #key(byte: number): void {
    if (byte === CTRL_U) {
      this.#bytes = [];
    } else if (byte === BACKSPACE || byte === DELETE) {
      // A character of several bytes goes as a whole: all its later bytes begin with 10.
      while (((this.#bytes.pop() ?? 0) & 0xc0) === 0x80);
    } else if (byte >= 0x20 && this.#bytes.length < MAX_SECRET_BYTES) {
      this.#bytes.push(byte);
    }
  }
}
