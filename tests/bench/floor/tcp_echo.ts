/**
 * The floor of all wire rows: what plain TCP costs in this runtime, a port each for three things. `echo`
 * sends bytes back as they come. `frames` cuts messages out of the bytes and sends each of them back,
 * all answers to one read in one write. `sink` takes bytes (the first eight say how many follow) and
 * answers one byte when it has them all.
 */
import { concat } from "#kit";
import { encodeFrame, FrameDecoder } from "#session";
import { announce, stopWithParent } from "./stop_with_parent.ts";

const READ_BUFFER = 65_536;

function listen(serve: (connection: Deno.TcpConn) => Promise<void>): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const connection of listener) {
      connection.setNoDelay(true);
      serve(connection).catch(() => {}).finally(() => connection.close());
    }
  })();
  return listener.addr.port;
}

async function echo(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(READ_BUFFER);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    for (let at = 0; at < count;) at += await connection.write(buffer.subarray(at, count));
  }
}

async function echoFrames(connection: Deno.TcpConn): Promise<void> {
  const frames = new FrameDecoder();
  const buffer = new Uint8Array(READ_BUFFER);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    const answers: Uint8Array[] = [];
    for (const frame of frames.push(buffer.slice(0, count))) {
      if (frame.kind === "fatal") throw new Error(frame.message);
      answers.push(encodeFrame(frame.payload));
    }
    const bytes = concat(...answers);
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  }
}

async function sink(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(READ_BUFFER);
  let wanted = 0;
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    if (wanted === 0) wanted = Number(new DataView(buffer.buffer).getBigUint64(0)) + 8;
    wanted -= count;
    if (wanted === 0) await connection.write(buffer.subarray(0, 1));
  }
}

announce({ echo: listen(echo), frames: listen(echoFrames), sink: listen(sink) });
await stopWithParent();
