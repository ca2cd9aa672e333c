/**
 * The session layer without the product above it: answers frames over a secure stream. A frame that
 * starts with `s` is swallowed, every other is sent back; all answers to one read go out in one write,
 * each in a record of its own.
 */
import { SecretKey } from "#crypto";
import { concat, systemRandom } from "#kit";
import { encodeFrame, FrameDecoder, SecureSession } from "#session";
import { announce, stopWithParent } from "./stop_with_parent.ts";

const READ_BUFFER = 65_536;
const SWALLOWED = "s".charCodeAt(0);
const local = SecretKey.generate(systemRandom);

async function serve(connection: Deno.TcpConn): Promise<void> {
  const session = new SecureSession({
    role: "responder",
    pattern: "XK",
    local,
    random: systemRandom,
  });
  const frames = new FrameDecoder();
  const buffer = new Uint8Array(READ_BUFFER);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    const answers: Uint8Array[] = [];
    for (const event of session.push(buffer.slice(0, count))) {
      if (event.kind === "send") answers.push(event.bytes);
      if (event.kind === "fatal") throw new Error(event.message);
      if (event.kind !== "data") continue;
      for (const frame of frames.push(event.bytes)) {
        if (frame.kind === "fatal") throw new Error(frame.message);
        if (frame.payload[0] !== SWALLOWED) answers.push(session.seal(encodeFrame(frame.payload)));
      }
    }
    await writeAll(connection, answers);
  }
}

async function writeAll(connection: Deno.TcpConn, parts: readonly Uint8Array[]): Promise<void> {
  const bytes = concat(...parts);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
(async () => {
  for await (const connection of listener) {
    connection.setNoDelay(true);
    serve(connection).catch(() => {}).finally(() => connection.close());
  }
})();
announce({ port: listener.addr.port, pk: local.publicKey.hex });
await stopWithParent();
