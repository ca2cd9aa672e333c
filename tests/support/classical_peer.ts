import type { SecretKey } from "#crypto";
import { systemRandom } from "#kit";
import type { ByteStream } from "#net";
import { SecureSession } from "#session";

/** How a handshake with {@link classicalHandshake} ended. */
export type ClassicalEnd = "established" | "refused";

/**
 * Does one handshake as a peer that knows no ML-KEM. The stream stays open after `established`, and is
 * closed after `refused`: the other side hung up instead of finishing.
 */
export async function classicalHandshake(
  stream: ByteStream,
  keys: { readonly local: SecretKey; readonly remote?: SecretKey["publicKey"] },
): Promise<ClassicalEnd> {
  const session = new SecureSession({
    role: keys.remote === undefined ? "responder" : "initiator",
    pattern: "XK",
    random: systemRandom,
    offerPostQuantum: false,
    ...keys,
  });
  const buffer = new Uint8Array(4_096);
  let events = session.start();
  try {
    for (;;) {
      for (const event of events) {
        if (event.kind === "send") await stream.write(event.bytes);
        if (event.kind === "fatal") throw new Error(event.message);
      }
      if (session.established) return "established";
      const count = await stream.read(buffer);
      if (count === null) break;
      events = session.push(buffer.slice(0, count));
    }
  } catch {
    // A reset instead of an orderly end tells the same.
  }
  stream.close();
  return "refused";
}

/** Reads until the other side hangs up, and throws away what comes; then closes. */
export async function readToEnd(stream: ByteStream): Promise<void> {
  const buffer = new Uint8Array(4_096);
  try {
    while (await stream.read(buffer) !== null);
  } catch {
    // A reset is an end too.
  }
  stream.close();
}
