import { ackedMessage, ackedNumber, SHORT_TEXT } from "./messages.ts";
import { durableFlood } from "./durable_flood.ts";
import { durableHttp } from "./durable_http.ts";
import { type BenchNode, withNode, withStoringNode } from "./node.ts";
import { PeerClient } from "./peer_client.ts";
import { onOneProcessor, processorTime } from "./processes.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, milliseconds, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";
import { SyncFile } from "./sync_file.ts";
import { TARGETS } from "./targets.ts";

/** Links that each have one message on its way, in the row of many peers. */
const PEERS = 64;

/** What a receipt costs that promises the message to be on disk, beside one that does not. */
export const durablePart: Part = {
  name: "durable",
  run: (context) =>
    withNode((without) =>
      withStoringNode((stored) =>
        withStoringNode(async (received) => [
          ...await roundTrips(context, { without, stored, received }),
          ...await durableHttp(context),
          ...await durableFlood(context, { without, stored, received }),
        ], ["--ack", "received"])
      )
    ),
};

/** Nodes that differ in what they keep and in when they acknowledge. */
export interface DurableNodes {
  /** Without history. */
  readonly without: BenchNode;
  /** With history: a receipt says that the message is on disk. */
  readonly stored: BenchNode;
  /** With history: a receipt says that the message arrived. */
  readonly received: BenchNode;
}

type Name = "disk" | "without" | "stored" | "received" | "many without" | "many stored" | "cpu";

async function roundTrips(context: BenchContext, nodes: DurableNodes): Promise<Row[]> {
  const peers = {
    without: await connect(nodes.without, 1),
    stored: await connect(nodes.stored, 1),
    received: await connect(nodes.received, 1),
    "many without": await connect(nodes.without, PEERS),
    "many stored": await connect(nodes.stored, PEERS),
  };
  const disk = await SyncFile.open();
  const counts = { one: context.size(400, 20), many: context.size(20, 2) };
  const rounds = (key: keyof typeof peers, count: number) => () => trips(peers[key], count);
  let cpu = 0;
  const measure = () =>
    interleaved<Name>(context.size(7, 1), {
      disk: () => disk.run(counts.one),
      without: rounds("without", counts.one),
      stored: async () => {
        const before = await processorTime(nodes.stored.app.pid);
        const latency = await trips(peers.stored, counts.one);
        cpu = (await processorTime(nodes.stored.app.pid) - before) * 1_000 / counts.one;
        return latency;
      },
      cpu: () => cpu,
      received: rounds("received", counts.one),
      "many without": rounds("many without", counts.many),
      "many stored": rounds("many stored", counts.many),
    });
  for (const warm of [peers.without, peers.stored, peers.received]) await trips(warm, counts.one);
  const pids = Object.values(nodes).map(({ app }: BenchNode) => app.pid);
  const { result, pinned } = await onOneProcessor(pids, measure);
  const free = await measure();
  for (const links of Object.values(peers)) for (const link of links) link.close();
  await disk.close();
  return [
    ...rows(result, pinned ? "one processor" : "one processor: no taskset, not pinned"),
    ...rows(free, "all processors"),
  ];
}

/** One after the other: a node bounds how many are in their handshake. */
async function connect(node: BenchNode, count: number): Promise<PeerClient[]> {
  const links: PeerClient[] = [];
  while (links.length < count) links.push(await PeerClient.connect(node.peer));
  return links;
}

/** Ids never come twice in a process: a node would take a second one for a retry. */
let nextNumber = 1;

/** Median microseconds of a round trip, `count` one after the other on each link at once. */
async function trips(links: readonly PeerClient[], count: number): Promise<number> {
  const samples: number[] = [];
  await Promise.all(links.map(async (link) => {
    for (let index = 0; index < count; index++) {
      samples.push(await milliseconds(() => acked(link)) * 1_000);
    }
  }));
  return median(samples);
}

async function acked(link: PeerClient): Promise<void> {
  const number = nextNumber++;
  await link.send([ackedMessage(number, SHORT_TEXT)]);
  if (ackedNumber(await link.answer()) !== number) throw new Error("Got no receipt");
}

function rows(samples: Readonly<Record<Name, readonly number[]>>, where: string): Row[] {
  const us = (name: string, key: Name) => ({
    name: `${name}, ${where}`,
    ...figures(samples[key]),
    unit: "us",
  });
  const without = { name: "without history", value: median(samples.without) };
  const many = { name: "without history", value: median(samples["many without"]) };
  const disk = { name: "disk", value: median(samples.disk) };
  return [
    us("disk: append 100 bytes and sync, p50", "disk"),
    us("acked round trip without history p50", "without"),
    {
      ...us("acked round trip, message on disk, p50", "stored"),
      floor: without,
      target: TARGETS.durableRoundTrip,
    },
    {
      name: `what history adds to it, ${where}`,
      value: median(samples.stored) - without.value,
      unit: "us",
      floor: disk,
    },
    { ...us("history, node's CPU a message", "cpu"), unit: "us CPU" },
    { ...us("acked round trip with --ack received p50", "received"), floor: without },
    us(`${PEERS} peers at once, without history p50`, "many without"),
    {
      ...us(`${PEERS} peers at once, message on disk, p50`, "many stored"),
      floor: many,
      target: TARGETS.durableRoundTrip,
    },
  ];
}
