import { utf8 } from "#kit";
import { EventReaders, openStalledReader } from "./event_readers.ts";
import { BareSource, FanOut } from "./fan_out.ts";
import { ackedMessage, SHORT_TEXT } from "./messages.ts";
import { type BenchNode, counter, withNode } from "./node.ts";
import { PeerClient } from "./peer_client.ts";
import { startFloor } from "./processes.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, type Part, type Samples } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

const READERS = 200;

/** 200 readers of the event stream while messages pour in over a link, against bare `Deno.serve`. */
export const fanOutPart: Part = {
  name: "sse",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const floor = await startFloor<{ http: number; source: number }>("sse_server.ts");
    const readers = context.size(READERS, 20);
    try {
      return await withNode((plain) =>
        withNode(async (burdened) => {
          const stalled = await stall(burdened);
          const source = await BareSource.connect(floor.ready.source);
          const streams = {
            bare: new FanOut(
              await EventReaders.open({ port: floor.ready.http, path: "/" }, readers),
              source,
            ),
            product: await productFanOut(plain, readers),
            stalled: await productFanOut(burdened, readers),
          };
          const before = await counter(burdened, "sse_drop_count");
          const samples = await measure(context, streams);
          const dropped = await counter(burdened, "sse_drop_count") - before;
          for (const stream of Object.values(streams)) stream.close();
          stalled.close();
          return rows(samples, dropped);
        })
      );
    } finally {
      await floor.stop();
    }
  },
};

type Name = "floor" | "floor p99" | "product" | "product p99" | "stalled";

async function measure(
  context: BenchContext,
  streams: { bare: FanOut; product: FanOut; stalled: FanOut },
): Promise<Samples<Name>> {
  const count = context.size(4_000, 100);
  for (const stream of Object.values(streams)) await stream.run(count / 2);
  return await interleaved<Name>(context.size(3, 1), {
    "floor": () => streams.bare.run(count),
    "floor p99": () => streams.bare.p99,
    "product": () => streams.product.run(count),
    "product p99": () => streams.product.p99,
    "stalled": () => streams.stalled.run(count),
  });
}

async function productFanOut(node: BenchNode, count: number): Promise<FanOut> {
  const readers = await EventReaders.open({ port: portOf(node.app.addr), path: "/sse" }, count);
  const link = await PeerClient.connect(node.peer);
  return new FanOut(readers, {
    send: (texts) => link.send(texts.map(utf8)),
    close: () => link.close(),
  });
}

/** Events for the stalled reader: large, so that few of them fill what the system buffers for it. */
const STALLING_TEXT = utf8("x".repeat(60_000));
/** Small events afterwards, so that later readers are not greeted with the large ones. */
const REPLAY_EVENTS = 256;

/** Opens a reader that never reads and feeds it until the node drops events for it. */
async function stall(node: BenchNode): Promise<{ close(): void }> {
  const reader = await openStalledReader(portOf(node.app.addr), "/sse");
  const link = await PeerClient.connect(node.peer);
  for (let sent = 0; await counter(node, "sse_drop_count") === 0; sent += 20) {
    if (sent > 2_000) throw new Error("Cannot stall a reader: the node drops nothing for it");
    await link.send(new Array(20).fill(STALLING_TEXT));
  }
  await link.send(new Array(REPLAY_EVENTS).fill(utf8("small")));
  await link.send([ackedMessage(1, SHORT_TEXT)]);
  await link.answer();
  link.close();
  return reader;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

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
