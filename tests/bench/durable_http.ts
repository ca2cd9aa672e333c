import { SHORT_TEXT } from "./messages.ts";
import { type BenchNode, withNode, withStoringNode } from "./node.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, milliseconds } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

/** How long a sender may take to link to its recipient, in milliseconds. */
const LINK_DEADLINE_MS = 5_000;
const LOOK_EVERY_MS = 20;

/** `POST /message` that waits for the receipt, between two nodes with history and two without. */
export async function durableHttp(context: BenchContext): Promise<Row[]> {
  const count = context.size(300, 10);
  return await withPair(withNode, (without) =>
    withPair(withStoringNode, async (stored) => {
      for (const warm of [without, stored]) await posts(warm, count);
      const samples = await interleaved(context.size(7, 1), {
        without: () => posts(without, count),
        stored: () => posts(stored, count),
      });
      return [
        {
          name: "POST /message until acked, no history p50",
          ...figures(samples.without),
          unit: "ms",
        },
        {
          name: "POST /message until acked, both nodes store p50",
          ...figures(samples.stored),
          unit: "ms",
          floor: { name: "without history", value: median(samples.without) },
          target: TARGETS.durableRoundTrip,
        },
      ];
    }));
}

interface Pair {
  readonly sender: BenchNode;
  readonly recipient: string;
}

type Start = typeof withNode;

/** Two nodes of one kind, the first linked to the second. */
function withPair<T>(start: Start, action: (pair: Pair) => Promise<T>): Promise<T> {
  return start((receiver) =>
    start(async (sender) => {
      const recipient = receiver.peer.key.hex;
      await linked(sender, recipient);
      return await action({ sender, recipient });
    }, ["--tcp-peer", receiver.via])
  );
}

async function linked({ app }: BenchNode, recipient: string): Promise<void> {
  const deadline = performance.now() + LINK_DEADLINE_MS;
  while (performance.now() < deadline) {
    const { peers } = await (await fetch(`http://${app.addr}/status`)).json();
    if (peers.includes(recipient)) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error("Cannot go on: the nodes do not link");
}

/** Median milliseconds of messages that are posted one after the other. */
async function posts({ sender, recipient }: Pair, count: number): Promise<number> {
  const request = {
    method: "POST",
    body: JSON.stringify({ recipient, message: SHORT_TEXT, wait_ms: 5_000 }),
  };
  const samples: number[] = [];
  for (let index = 0; index < count; index++) {
    samples.push(
      await milliseconds(async () => {
        const response = await fetch(`http://${sender.app.addr}/message`, request);
        const { acked } = await response.json();
        if (acked !== true) throw new Error("Got no receipt");
      }),
    );
  }
  return median(samples);
}
