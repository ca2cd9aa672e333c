import { concat, utf8 } from "#kit";
import type { ByteStream } from "#net";
import type { ByteSource } from "./io.ts";

const LINE_END = utf8("\r\n");
const LAST_CHUNK = utf8("0\r\n\r\n");

/**
 * Writes the body of a request in chunks (RFC 9112 section 7.1) while it is read, so that a file which
 * changes meanwhile cannot belie a length. Never rejects: a connection that takes no more is ignored,
 * since the answer says more about it, and an error of the source is the result.
 */
export async function sendBody(stream: ByteStream, source: ByteSource): Promise<unknown> {
  try {
    for await (const bytes of source.chunks) {
      // A chunk of no bytes would be the last one.
      if (bytes.length === 0) continue;
      const size = utf8(bytes.length.toString(16));
      if (!await taken(stream, concat(size, LINE_END, bytes, LINE_END))) return undefined;
    }
    await taken(stream, LAST_CHUNK);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function taken(stream: ByteStream, bytes: Uint8Array): Promise<boolean> {
  try {
    await stream.write(bytes);
    return true;
  } catch {
    return false;
  }
}
