import { ChatFlood } from "./chat_flood.ts";
import { type BenchNode, storedMessages } from "./node.ts";
import { PeerClient } from "./peer_client.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

type Kind = "without" | "stored" | "received";

/** Many 256-byte messages in flight to nodes with and without history. */
export async function durableFlood(
  context: BenchContext,
  nodes: Readonly<Record<Kind, BenchNode>>,
): Promise<Row[]> {
  const floods = {
    without: await StoredFlood.connect(nodes.without),
    stored: await StoredFlood.connect(nodes.stored),
    received: await StoredFlood.connect(nodes.received),
  };
  const count = context.size(12_000, 500);
  for (const flood of Object.values(floods)) await flood.run(count / 4);
  const samples = await interleaved<Kind | "cpu">(context.size(3, 1), {
    without: () => floods.without.run(count),
    stored: () => floods.stored.run(count),
    cpu: () => floods.stored.cpu,
    received: () => floods.received.run(count),
  });
  let lost = 0;
  for (const kind of ["stored", "received"] as const) lost += await floods[kind].unstored();
  for (const flood of Object.values(floods)) flood.close();
  const floor = { name: "without history", value: median(samples.without) };
  return [
    { name: "acked messages, 256 B, no history", ...figures(samples.without), unit: "/s" },
    {
      name: "acked messages, each on disk before its receipt",
      ...figures(samples.stored),
      unit: "/s",
      floor,
      target: TARGETS.storedMessages,
    },
    {
      name: "acked messages, stored, --ack received",
      ...figures(samples.received),
      unit: "/s",
      floor,
    },
    { name: "history, node's CPU a message, flood", ...figures(samples.cpu), unit: "us CPU" },
    {
      name: "acked messages missing in the history",
      value: lost,
      unit: "",
      target: TARGETS.nothingLost,
    },
  ];
}

/** A flood that knows how many of its messages the node's history must have. */
class StoredFlood {
  readonly #client: PeerClient;
  readonly #node: BenchNode;
  readonly #flood: ChatFlood;
  readonly #before: number;
  #sent = 0;

  private constructor(client: PeerClient, node: BenchNode, before: number) {
    [this.#client, this.#node, this.#before] = [client, node, before];
    this.#flood = new ChatFlood(client, node);
  }

  static async connect(node: BenchNode): Promise<StoredFlood> {
    const client = await PeerClient.connect(node.peer);
    return new StoredFlood(client, node, await storedMessages(node));
  }

  get cpu(): number {
    return this.#flood.cpu;
  }

  async run(count: number): Promise<number> {
    this.#sent += count;
    return await this.#flood.run(count);
  }

  /** Messages that were acknowledged and are not in the history, once it has committed what waits. */
  async unstored(): Promise<number> {
    for (let looks = 0;; looks++) {
      const missing = this.#before + this.#sent - await storedMessages(this.#node);
      if (missing === 0 || looks === 100) return Math.abs(missing);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  close(): void {
    this.#client.close();
  }
}
