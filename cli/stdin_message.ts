import { concat, utf8Text } from "#kit";
import { MAX_FRAME_PAYLOAD } from "#session";
import { CliError } from "./errors.ts";
import type { CliIo } from "./io.ts";

/** Bytes of the longest line end. */
const LINE_END_BYTES = 2;

/**
 * Standard input to its end as one message, without the line end that programs put behind a text.
 *
 * @throws {CliError} when no frame can carry that much (messages.md 2); the rest is not read.
 */
export async function readMessage(io: CliIo): Promise<string> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const bytes of (await io.openFile("-")).chunks) {
    parts.push(bytes);
    total += bytes.length;
    if (total > MAX_FRAME_PAYLOAD + LINE_END_BYTES) {
      throw new CliError(`send: the message on stdin is longer than ${MAX_FRAME_PAYLOAD} bytes`);
    }
  }
  return utf8Text(concat(...parts)).replace(/\r?\n$/, "");
}
