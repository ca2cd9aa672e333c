import { type App, startApp } from "#support/spawn.ts";
import {
  caughtUp,
  delivery,
  figuresOf,
  type Keeping,
  type Publisher,
  withPublisher,
  withSubscriber,
} from "./cxo_nodes.ts";
import { OwnFeed } from "./cxo_publish.ts";
import { residentKibibytes, startFloor } from "./processes.ts";
import { RawClient } from "./raw_client.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

/** Bytes of one message's object with its answer's header, as the raw floor sends them. */
const OBJECT_BYTES = 128;
/** Requests that a reader has on the way at a time (cxo.md 5.6). */
const IN_FLIGHT = 10;
const SETTLE_MS = 800;
/** When a node has given back what a catch-up took. */
const CALM_MS = 20_000;

/** Feeds: catching up over loopback, one more message, memory. */
export const cxoPart: Part = {
  name: "cxo",
  run: async (context) => [
    ...await publishing(context),
    ...await catchingUp(context),
    ...await long(context),
    ...await idle(context),
  ],
};

/** One more message at three lengths of a feed: put, encode, sign, shelf. */
async function publishing(context: BenchContext): Promise<Row[]> {
  const sizes = [context.size(1_000, 100), context.size(10_000, 200), context.size(100_000, 400)];
  const feeds: OwnFeed[] = [];
  for (const size of sizes) feeds.push(await OwnFeed.open(size));
  const count = context.size(200, 5);
  const [small, middle, large] = feeds.map((feed) => () => feed.publish(count));
  if (small === undefined || middle === undefined || large === undefined) return [];
  const samples = await interleaved(context.size(5, 1), { small, middle, large });
  for (const feed of feeds) await feed.close();
  const floor = { name: at(sizes[0]), value: median(samples.small) };
  return [
    { name: `publish one more, ${at(sizes[0])}`, ...figures(samples.small), unit: "us CPU" },
    {
      name: `publish one more, ${at(sizes[1])}`,
      ...{ ...figures(samples.middle), unit: "us CPU", floor },
    },
    {
      name: `publish one more, ${at(sizes[2])}`,
      ...{ ...figures(samples.large), unit: "us CPU", floor, target: TARGETS.feedGrowth },
    },
  ];
}

type Name = "raw" | Keeping;

/** A reader that starts from nothing, in a process of its own each time. */
async function catchingUp(context: BenchContext): Promise<Row[]> {
  const messages = context.size(10_000, 200);
  const floor = await startFloor<{ echo: number }>("tcp_echo.ts");
  try {
    return await withPublisher(messages, async (publisher) => {
      const rate = (keeping: Keeping) => () =>
        withSubscriber(
          publisher,
          keeping,
          async (app) => messages * 1_000 / await caughtUp(app, messages),
        );
      const samples = await interleaved<Name>(context.size(3, 1), {
        raw: () => rawRate(floor.ready.echo, messages),
        nothing: rate("nothing"),
        everything: rate("everything"),
        "default limits": rate("default limits"),
      });
      const raw = { name: "raw TCP, 10 in flight", value: median(samples.raw) };
      const row = (name: string, keeping: Keeping) => ({
        name: `catch-up of ${messages.toLocaleString("en-US")}, ${name}`,
        ...{ ...figures(samples[keeping]), unit: "/s", floor: raw, target: TARGETS.catchUp },
      });
      return [
        { name: "raw TCP messages, 128 B, 10 in flight", ...figures(samples.raw), unit: "/s" },
        row("nothing kept", "nothing"),
        row("everything kept", "everything"),
        row("default limits", "default limits"),
      ];
    });
  } finally {
    await floor.stop();
  }
}

/** A long feed: its first fill, one more message then, and what both sides hold. */
async function long(context: BenchContext): Promise<Row[]> {
  const messages = context.size(100_000, 400);
  return await withPublisher(
    messages,
    (publisher) =>
      withSubscriber(publisher, "nothing", async (app) => {
        const first = await caughtUp(app, messages);
        const peak = await mebibytes(app);
        const one = [];
        for (let round = 0; round < context.size(5, 1); round++) {
          one.push(await delivery(publisher, app));
        }
        await settle(context.size(CALM_MS, SETTLE_MS));
        const { objects } = await figuresOf(app);
        const name = at(messages);
        return [
          { name: `first fill, ${name}`, value: messages * 1_000 / first, unit: "/s" },
          {
            name: `one more until /events shows it, ${name}`,
            ...{ ...figures(one), unit: "ms", note: "300 ms of it the batch" },
          },
          { name: `reader's RSS, ${name}, just filled`, value: peak, unit: "MiB" },
          {
            name: `reader's RSS, ${name}`,
            ...{ value: await mebibytes(app), unit: "MiB", note: `${objects} objects` },
          },
          ...await publisherMemory(publisher, name),
        ];
      }),
  );
}

async function publisherMemory({ app }: Publisher, name: string): Promise<Row[]> {
  const { objects } = await figuresOf(app);
  const value = await mebibytes(app);
  return [{ name: `publisher's RSS, ${name}`, value, unit: "MiB", note: `${objects} objects` }];
}

/** An idle node with an empty feed, beside one without. */
async function idle(context: BenchContext): Promise<Row[]> {
  const start = (flags: readonly string[]) => async () => {
    const app = await startApp(flags);
    try {
      await settle(SETTLE_MS);
      return await mebibytes(app);
    } finally {
      await app.kill();
    }
  };
  const samples = await interleaved(context.size(3, 1), {
    without: start(["--tcp-listen", "127.0.0.1:0"]),
    beside: start(["--cxo", "--cxo-listen", "127.0.0.1:0"]),
  });
  return [
    {
      name: "idle RSS with --cxo",
      ...figures(samples.beside),
      unit: "MiB",
      floor: { name: "without", value: median(samples.without) },
    },
  ];
}

async function rawRate(port: number, count: number): Promise<number> {
  const client = await RawClient.connect(port);
  try {
    return await client.pipeline(new Uint8Array(OBJECT_BYTES), { count, inFlight: IN_FLIGHT });
  } finally {
    client.close();
  }
}

function at(size: number | undefined): string {
  return `${(size ?? 0).toLocaleString("en-US")} in the feed`;
}

async function mebibytes({ pid }: App): Promise<number> {
  return await residentKibibytes(pid) / 1_024;
}

function settle(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
