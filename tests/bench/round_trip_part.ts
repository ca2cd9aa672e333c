import { utf8 } from "#kit";
import { ackedMessage, ackedNumber, SHORT_TEXT } from "./messages.ts";
import { withNode } from "./node.ts";
import { PeerClient } from "./peer_client.ts";
import { onOneProcessor, processorTime, startFloor } from "./processes.ts";
import { RawClient } from "./raw_client.ts";
import type { Row } from "./report.ts";
import {
  type BenchContext,
  figures,
  interleaved,
  milliseconds,
  type Part,
  type Samples,
} from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

type Name = "floor" | "floor cpu" | "product" | "product cpu";

/** One message at a time on a live link: its receipt must be back before the next one goes. */
export const roundTripPart: Part = {
  name: "rtt",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const floor = await startFloor<{ echo: number }>("tcp_echo.ts");
    try {
      return await withNode(async (node) => {
        const raw = await RawClient.connect(floor.ready.echo);
        const peer = await PeerClient.connect(node.peer);
        const pids = { floor: floor.pid, node: node.app.pid };
        const measure = () => measureBoth(context, { raw, peer, pids });
        const { result, pinned } = await onOneProcessor(Object.values(pids), measure);
        const free = await measure();
        raw.close();
        peer.close();
        return [
          ...rows(result, pinned ? "one processor" : "one processor: no taskset, not pinned"),
          ...rows(free, "all processors"),
        ];
      });
    } finally {
      await floor.stop();
    }
  },
};

async function measureBoth(
  context: BenchContext,
  { raw, peer, pids }: {
    raw: RawClient;
    peer: PeerClient;
    pids: { floor: number; node: number };
  },
): Promise<Samples<Name>> {
  const count = context.size(1_500, 20);
  const message = utf8(SHORT_TEXT);
  const floor = new RoundTrips(pids.floor, () => raw.roundTrip(message));
  const product = new RoundTrips(pids.node, async () => {
    const number = nextNumber++;
    await peer.send([ackedMessage(number, SHORT_TEXT)]);
    if (ackedNumber(await peer.answer()) !== number) throw new Error("Got no receipt");
  });
  await product.run(count);
  return await interleaved<Name>(context.size(7, 1), {
    "floor": () => floor.run(count),
    "floor cpu": () => floor.cpu,
    "product": () => product.run(count),
    "product cpu": () => product.cpu,
  });
}

/** Ids never come twice in a process: the node would take a second one for a retry. */
let nextNumber = 1;

/** One round trip after the other, with what they cost the server. */
class RoundTrips {
  readonly #pid: number;
  readonly #once: () => Promise<void>;
  /** Microseconds of the server's processor time a round trip, in the last {@link run}. */
  cpu = 0;

  constructor(pid: number, once: () => Promise<void>) {
    this.#pid = pid;
    this.#once = once;
  }

  /** The median microseconds of `count` round trips. */
  async run(count: number): Promise<number> {
    const before = await processorTime(this.#pid);
    const samples: number[] = [];
    for (let index = 0; index < count; index++) {
      samples.push(await milliseconds(this.#once) * 1_000);
    }
    this.cpu = (await processorTime(this.#pid) - before) * 1_000 / count;
    return median(samples);
  }
}

function rows(samples: Samples<Name>, where: string): Row[] {
  return [
    { name: `raw TCP round trip p50, ${where}`, ...figures(samples.floor), unit: "us" },
    {
      name: `acked round trip p50, ${where}`,
      ...figures(samples.product),
      unit: "us",
      floor: { name: "raw TCP", value: median(samples.floor) },
      ...(where === "all processors" ? {} : { target: TARGETS.roundTrip }),
    },
    {
      name: `acked round trip, node's CPU, ${where}`,
      ...figures(samples["product cpu"]),
      unit: "us CPU",
      floor: { name: "raw TCP server", value: median(samples["floor cpu"]) },
    },
  ];
}
