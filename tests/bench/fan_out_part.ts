import { concat, utf8 } from "#kit";
import { EventReaders, openStalledReader, stamp } from "./event_readers.ts";
import { FlightWindow } from "./flight_window.ts";
import { counter, withNode } from "./node.ts";
import { peerAddress, PeerClient } from "./peer_client.ts";
import { startFloor } from "./processes.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, type Part, type Samples } from "./rounds.ts";
import { median, quantile } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

const READERS = 200;
/** Events that the slowest reader has not got yet: below the 64 that the hub keeps for each. */
const IN_FLIGHT = 48;
/** Filler that makes a message, and so an event, about as long as people's. */
const FILLER = "e".repeat(120);

/** 200 readers of the event stream while messages pour in over a link, against bare `Deno.serve`. */
export const fanOutPart: Part = {
  name: "sse",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const floor = await startFloor<{ http: number; source: number }>("sse_server.ts");
    try {
      return await withNode(async (node) => {
        const readers = context.size(READERS, 20);
        const port = peerAddress(node.app.addr, node.app.pk).port;
        const bare = await BareSource.connect(floor.ready.source);
        const link = await PeerClient.connect(node.peer);
        const stream = { port, path: "/sse" };
        const streams = {
          bare: new FanOut(
            await EventReaders.open({ port: floor.ready.http, path: "/" }, readers),
            (texts) => bare.send(texts),
          ),
          product: new FanOut(
            await EventReaders.open(stream, readers),
            (texts) => link.send(texts.map(utf8)),
          ),
        };
        const samples = await measure(context, { ...streams, stream });
        const dropped = await counter(node, "sse_drop_count");
        for (const { readers } of Object.values(streams)) readers.close();
        bare.close();
        link.close();
        return rows(samples, dropped);
      });
    } finally {
      await floor.stop();
    }
  },
};

type Name = "floor" | "floor p99" | "product" | "product p99" | "stalled";

async function measure(
  context: BenchContext,
  { bare, product, stream }: {
    bare: FanOut;
    product: FanOut;
    stream: { port: number; path: string };
  },
): Promise<Samples<Name>> {
  const count = context.size(6_000, 100);
  await bare.run(count / 4);
  await product.run(count / 4);
  return await interleaved<Name>(context.size(3, 1), {
    "floor": () => bare.run(count),
    "floor p99": () => bare.p99,
    "product": () => product.run(count),
    "product p99": () => product.p99,
    "stalled": async () => {
      const stalled = await openStalledReader(stream.port, stream.path);
      const rate = await product.run(count);
      stalled.close();
      return rate;
    },
  });
}

/** Pours events into one server as fast as its slowest reader takes them. */
class FanOut {
  readonly readers: EventReaders;
  readonly #send: (texts: readonly string[]) => Promise<void>;
  /** Milliseconds from sending to reading that 99% of the events of the last {@link run} kept. */
  p99 = 0;

  constructor(readers: EventReaders, send: (texts: readonly string[]) => Promise<void>) {
    this.readers = readers;
    this.#send = send;
  }

  /** Events a second, all readers together. */
  async run(count: number): Promise<number> {
    const window = new FlightWindow(IN_FLIGHT);
    const before = this.readers.total;
    let arrived = this.readers.slowest;
    const last = arrived + count;
    const done = Promise.withResolvers<void>();
    this.readers.onProgress = () => {
      const now = this.readers.slowest;
      if (now === arrived) return;
      window.landed(now - arrived);
      arrived = now;
      if (now >= last) done.resolve();
    };
    this.readers.takeLatencies();
    const started = performance.now();
    for (let sent = 0; sent < count;) {
      const now = Math.min(await window.room(), count - sent);
      window.sent(now);
      sent += now;
      await this.#send(Array.from({ length: now }, () => stamp() + FILLER));
    }
    await done.promise;
    const rate = (this.readers.total - before) * 1_000 / (performance.now() - started);
    this.p99 = quantile(this.readers.takeLatencies(), 0.99);
    return rate;
  }
}

/** Where the bare server gets its events: lines that look like the product's events. */
class BareSource {
  readonly #socket: Deno.TcpConn;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async connect(port: number): Promise<BareSource> {
    return new BareSource(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(texts: readonly string[]): Promise<void> {
    const lines = texts.map((message) =>
      utf8(`${JSON.stringify({ ...EVENT, len: message.length, message })}\n`)
    );
    const bytes = concat(...lines);
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }

  close(): void {
    this.#socket.close();
  }
}

/** What the product's events carry besides the text (http-api.md 5.3). */
const EVENT = {
  dir: "in",
  id: "8077ca12ee05c806",
  len: 0,
  message: "",
  network: "tcp-direct",
  sender: "02".repeat(33),
};

function rows(samples: Samples<Name>, dropped: number): Row[] {
  const bare = "bare Deno.serve, batched";
  const floor = { name: bare, value: median(samples["floor"]) };
  return [
    { name: `${bare}: delivered`, ...figures(samples["floor"]), unit: "events/s" },
    {
      name: "product: delivered",
      ...figures(samples["product"]),
      unit: "events/s",
      floor,
      target: TARGETS.fanOut,
    },
    { name: `${bare}: p99`, ...figures(samples["floor p99"]), unit: "ms" },
    {
      name: "product: p99",
      ...figures(samples["product p99"]),
      unit: "ms",
      floor: { name: bare, value: median(samples["floor p99"]) },
      target: TARGETS.fanOutLatency,
    },
    {
      name: "product: delivered beside a stalled reader",
      ...figures(samples["stalled"]),
      unit: "events/s",
      floor: { name: "without it", value: median(samples["product"]) },
      target: TARGETS.stalledReader,
      note: `${dropped} events dropped for it`,
    },
  ];
}
