/**
 * The floor of the fan-out row: `Deno.serve` that hands every reader the same bytes, one write for all
 * events that came together. Events come as lines over a plain TCP port. Nothing is parsed, nothing
 * kept, nothing dropped.
 */
import { announce, stopWithParent } from "./stop_with_parent.ts";

const readers = new Set<ReadableStreamDefaultController<Uint8Array>>();
const encoder = new TextEncoder();

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
  let own: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      own = controller;
      controller.enqueue(encoder.encode(": connected\n\n"));
      readers.add(controller);
    },
    cancel: () => void readers.delete(own),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
});

async function takeLines(connection: Deno.TcpConn): Promise<void> {
  let rest = "";
  for await (const text of connection.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length === 0) continue;
    const batch = encoder.encode(lines.map((line) => `data: ${line}\n\n`).join(""));
    for (const reader of readers) reader.enqueue(batch);
  }
}

const source = Deno.listen({ hostname: "127.0.0.1", port: 0 });
(async () => {
  for await (const connection of source) takeLines(connection).catch(() => {});
})();
announce({ http: server.addr.port, source: source.addr.port });
await stopWithParent();
