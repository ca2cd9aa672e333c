import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { EVENT_PAUSE_MS, EventHub, LEGACY_QUEUE, MAX_QUEUED_CHARACTERS } from "#events";
import { EVENT_PIECE_CHARACTERS, PING_INTERVAL_MS } from "#http";
import { concat, utf8, utf8Text } from "#kit";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { SseParser } from "#support/sse_parser.ts";
import { eventStreamReply } from "../../lib/http/event_stream.ts";
import { encodeChunk } from "../../lib/http/response_writer.ts";
import { StreamReply } from "../../lib/http/stream_reply.ts";
import { writeSource } from "../../lib/http/stream_writer.ts";
import { inbound } from "./control_harness.ts";

/** A stream from a real hub, read piece by piece. */
function openStream(clock = new ManualClock(), hub = new EventHub({ clock })) {
  const parser = new SseParser();
  let ends = 0;
  const reply = eventStreamReply(hub.subscribeLegacy(), { clock, onEnd: () => void ends++ });
  const reader = reply.body?.getReader();
  if (reader === undefined) throw new Error("A stream has a body");
  return {
    clock,
    hub,
    parser,
    reply,
    reader,
    ends: () => ends,
    /** The next piece, parsed; its text, or undefined at the end. */
    async read(): Promise<string | undefined> {
      const reading = reader.read();
      await settle();
      await clock.advance(EVENT_PAUSE_MS);
      const { value } = await reading;
      if (value === undefined) return undefined;
      parser.push(value);
      return new TextDecoder().decode(value);
    },
  };
}

Deno.test("eventStreamReply sends the headers of http-api.md 5.1", async () => {
  const { reply, reader } = openStream();
  strictEqual(reply.status, 200);
  deepStrictEqual(Object.fromEntries(reply.headers), {
    "cache-control": "no-cache",
    connection: "keep-alive",
    "content-type": "text/event-stream",
    "x-accel-buffering": "no",
  });
  await reader.cancel();
});

Deno.test("eventStreamReply sends connected, the replay oldest first, then live events", async () => {
  const clock = new ManualClock();
  const hub = new EventHub({ clock });
  for (let index = 0; index < 300; index++) hub.publishMessage(inbound(`r${index}`, "old"));
  const stream = openStream(clock, hub);
  const first = await stream.read();
  match(first ?? "", /^: connected\n\ndata: \{.*\}\n\n/);
  while (stream.parser.events.length < 256) await stream.read();
  hub.publishMessage(inbound("live", "new"));
  await stream.read();
  const ids = stream.parser.json().map((event) => (event as { id: string }).id);
  deepStrictEqual(ids, [...Array.from({ length: 256 }, (_, index) => `r${index + 44}`), "live"]);
  deepStrictEqual(stream.parser.comments, ["connected"]);
  await stream.reader.cancel();
  strictEqual(hub.legacySubscribers, 0);
});

Deno.test("eventStreamReply cuts a long replay into pieces", async () => {
  const clock = new ManualClock();
  const hub = new EventHub({ clock });
  for (let index = 0; index < 40; index++) {
    hub.publishMessage(inbound(`${index}`, "x".repeat(30_000)));
  }
  const stream = openStream(clock, hub);
  while (stream.parser.events.length < 40) {
    strictEqual(((await stream.read()) ?? "").length < 200_000, true);
  }
  await stream.reader.cancel();
});

Deno.test("eventStreamReply joins all that queued up into one piece", async () => {
  const stream = openStream();
  await stream.read();
  for (let index = 0; index < 50; index++) stream.hub.publishMessage(inbound(`${index}`, "x"));
  await stream.read();
  strictEqual(stream.parser.events.length, 50);
  await stream.reader.cancel();
});

Deno.test("eventStreamReply sends an event at once after a silence, and then collects in a pause", async () => {
  const stream = openStream();
  await stream.read();
  const first = stream.reader.read();
  stream.hub.publishMessage(inbound("1", "x"));
  await stream.clock.advance(0);
  stream.parser.push((await first).value ?? new Uint8Array(0));
  strictEqual(stream.parser.events.length, 1);
  const second = stream.reader.read();
  for (let index = 0; index < LEGACY_QUEUE; index++) {
    stream.hub.publishMessage(inbound(`${index}`, "x"));
    await settle();
  }
  await stream.clock.advance(EVENT_PAUSE_MS);
  stream.parser.push((await second).value ?? new Uint8Array(0));
  strictEqual(stream.parser.events.length, 1 + LEGACY_QUEUE);
  await stream.reader.cancel();
  strictEqual(stream.clock.pending, 0);
});

Deno.test("eventStreamReply sends nothing before the pause is over to a reader that asks in it", async () => {
  const { reply, hub, clock } = openStream();
  ok(reply instanceof StreamReply);
  const { source } = reply;
  strictEqual(source.take()?.length, ": connected\n\n".length);
  strictEqual(source.take(), undefined);
  source.whenReady(() => {});
  hub.publishMessage(inbound("1", "x"));
  await clock.advance(0);
  ok(source.take());
  hub.publishMessage(inbound("2", "x"));
  strictEqual(source.take(), undefined);
  let ready = 0;
  source.whenReady(() => ready++);
  await clock.advance(EVENT_PAUSE_MS / 2);
  deepStrictEqual([ready, source.take()], [0, undefined]);
  await clock.advance(EVENT_PAUSE_MS / 2);
  strictEqual(ready, 1);
  ok(source.take());
  source.close();
  strictEqual(clock.pending, 0);
});

for (
  const [kind, count, text] of [
    ["many events", 5 * LEGACY_QUEUE, "x"],
    ["large events", 40, "x".repeat(MAX_QUEUED_CHARACTERS / 8)],
  ] as const
) {
  Deno.test(`eventStreamReply loses nothing over a pause to a reader that keeps up: ${kind}`, async () => {
    const { reply, hub, clock, parser } = openStream();
    ok(reply instanceof StreamReply);
    const written = writeSource(reply.source, {
      frame: (piece) => [piece],
      write(bytes) {
        parser.push(bytes);
        return Promise.resolve(bytes.length);
      },
      onIdle: () => {},
    });
    for (let index = 0; index < count; index++) {
      hub.publishMessage(inbound(`${index}`, text));
      await settle();
    }
    await clock.advance(EVENT_PAUSE_MS);
    deepStrictEqual(
      parser.json().map((event) => (event as { id: string }).id),
      Array.from({ length: count }, (_, index) => `${index}`),
    );
    strictEqual(hub.dropCount, 0);
    hub.close();
    await written;
  });
}

Deno.test("eventStreamReply takes nothing from the hub while nobody asks for it", async () => {
  const stream = openStream();
  await stream.read();
  const first = stream.read();
  stream.hub.publishMessage(inbound("1", "x"));
  await first;
  for (let index = 0; index < 100; index++) {
    stream.hub.publishMessage(inbound(`${index}`, "x"));
    await stream.clock.advance(EVENT_PAUSE_MS);
  }
  strictEqual(stream.hub.dropCount, 100 - LEGACY_QUEUE);
  await stream.read();
  strictEqual(stream.parser.events.length, 1 + LEGACY_QUEUE);
  await stream.reader.cancel();
});

Deno.test("eventStreamReply gives readers that differ their own events", async () => {
  const clock = new ManualClock();
  const hub = new EventHub({ clock });
  const [one, other] = [openStream(clock, hub), openStream(clock, hub)];
  await one.read();
  await other.read();
  const first = one.read();
  hub.publishMessage(inbound("a", "x"));
  await first;
  hub.publishMessage(inbound("b", "x"));
  await one.read();
  await other.read();
  deepStrictEqual(one.parser.json(), other.parser.json());
  strictEqual(other.parser.events.length, 2);
  await one.reader.cancel();
  await other.reader.cancel();
});

Deno.test("eventStreamReply pings every 15 s, with and without events, and loses none over it", async () => {
  const stream = openStream();
  await stream.read();
  for (let round = 1; round <= 3; round++) {
    const piece = stream.reader.read();
    await stream.clock.advance(PING_INTERVAL_MS);
    const { value } = await piece;
    stream.parser.push(value ?? new Uint8Array(0));
    strictEqual(new TextDecoder().decode(value), ": ping\n\n");
    const event = stream.read();
    stream.hub.publishMessage(inbound(`${round}`, "x"));
    await event;
  }
  deepStrictEqual(stream.parser.comments, ["connected", "ping", "ping", "ping"]);
  strictEqual(stream.parser.events.length, 3);
  await stream.reader.cancel();
  strictEqual(stream.clock.pending, 0);
});

Deno.test("eventStreamReply ends when the hub closes, after what was queued", async () => {
  const stream = openStream();
  await stream.read();
  stream.hub.publishMessage(inbound("last", "x"));
  stream.hub.close();
  await stream.read();
  strictEqual(stream.parser.events.length, 1);
  strictEqual(await stream.read(), undefined);
  strictEqual(stream.ends(), 1);
  strictEqual(stream.clock.pending, 0);
});

Deno.test("eventStreamReply ends a waiting reader on cancel, once", async () => {
  const stream = openStream();
  await stream.read();
  const waiting = stream.read();
  await settle();
  await stream.reader.cancel();
  strictEqual(await waiting, undefined);
  await stream.reader.cancel();
  strictEqual(stream.ends(), 1);
});

const HOSTILE = [
  "\n",
  "\r",
  "\r\n",
  "\0",
  "\u2028",
  "\u2029",
  "data: x",
  "\n\ndata: {}",
  "\n\n: c\n",
];
const FORGED = [
  "\r\rdata: forged\r\r",
  "\nevent: x\nid: 1\nretry: 1\n\n",
  "\ufeff",
  "\u0085",
  "\x1b[2J",
];

Deno.test("eventStreamReply turns one event into one event, whatever its texts hold", async () => {
  const stream = openStream();
  await stream.read();
  const piece = fc.oneof(
    fc.constantFrom(...HOSTILE, ...FORGED),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
  await fc.assert(
    fc.asyncProperty(text, text, async (id, message) => {
      // What a lone surrogate becomes is decided before it gets here.
      fc.pre(message.isWellFormed() && id.isWellFormed());
      const before = stream.parser.events.length;
      stream.hub.publishMessage(inbound(id, message));
      await stream.read();
      strictEqual(stream.parser.events.length, before + 1);
      const event = stream.parser.events.at(-1);
      const value = JSON.parse(event?.data ?? "");
      deepStrictEqual([value.id, value.message], [id, message]);
      deepStrictEqual([event?.type, event?.lastEventId], ["message", ""]);
    }),
    { numRuns: 200 },
  );
  deepStrictEqual(stream.parser.comments, ["connected"]);
  await stream.reader.cancel();
});

Deno.test("eventStreamReply keeps a line break that is in a line from ending the event", async () => {
  const parser = new SseParser();
  const clock = new ManualClock();
  const lines: string[][] = [["[1,\r\n\r\n2]"]];
  const reply = eventStreamReply({
    backlog: ['{"a":\n\r1}'],
    get ended() {
      return lines.length === 0;
    },
    take: () => lines.shift() ?? [],
    whenNews: (action) => action(),
    next: () => Promise.resolve([]),
    close: () => {},
  }, { clock, onEnd: () => {} });
  parser.push(await reply.bytes());
  deepStrictEqual(parser.json(), [{ a: 1 }, [1, 2]]);
});

Deno.test("a large batch goes out in bounded pieces, the same for every reader, in any script", () => {
  const clock = new ManualClock();
  const hub = new EventHub({ clock });
  const texts = ["x", "ü", "🎈"].flatMap((
    text,
  ) => [text, text.repeat(20_000), text.repeat(25_000)]);
  const sources = [1, 2, 3].map(() => {
    const reply = eventStreamReply(hub.subscribeLegacy(), { clock, onEnd: () => {} });
    ok(reply instanceof StreamReply);
    strictEqual(utf8Text(reply.source.take() ?? utf8("")), ": connected\n\n");
    return reply.source;
  });
  for (const [at, text] of texts.entries()) hub.publishMessage(inbound(`${at}`, text));
  const outputs = sources.map((source) => {
    source.whenReady(() => {});
    const pieces: string[] = [];
    for (let piece = source.take(); piece !== undefined; piece = source.take()) {
      pieces.push(utf8Text(piece));
    }
    return pieces;
  });
  const [first] = outputs;
  ok(first !== undefined && first.length > 1);
  for (const piece of first) ok(piece.length < EVENT_PIECE_CHARACTERS + 2 * 25_000 + 200);
  deepStrictEqual(outputs, [first, first, first]);
  const events = first.join("").split("\n\n").filter((event) => event !== "");
  deepStrictEqual(events.map((event) => JSON.parse(event.replace("data: ", "")).message), texts);
  hub.close();
});

Deno.test("encodeChunk frames a large piece without copying it, and a small one once", () => {
  const whole = (parts: readonly Uint8Array[]) => utf8Text(concat(...parts));
  for (const size of [1, 16_384, 16_385, 100_000]) {
    const piece = utf8("x".repeat(size));
    const parts = encodeChunk(piece);
    strictEqual(whole(parts), `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`);
    strictEqual(parts.includes(piece), size > 16_384);
    strictEqual(encodeChunk(piece) === parts, size <= 16_384);
  }
  deepStrictEqual(encodeChunk(utf8("")), []);
});
