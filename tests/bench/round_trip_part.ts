import { utf8 } from "#kit";
import { ackedMessage, ackedNumber, SHORT_TEXT } from "./messages.ts";
import { withNode } from "./node.ts";
import { PeerClient } from "./peer_client.ts";
import { onOneProcessor, startFloor } from "./processes.ts";
import { RawClient } from "./raw_client.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, type Part, type Samples } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

type Name = "floor" | "product";

/** One message at a time on a live link: its receipt must be back before the next one goes. */
export const roundTripPart: Part = {
  name: "rtt",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const floor = await startFloor<{ echo: number }>("tcp_echo.ts");
    try {
      return await withNode(async (node) => {
        const raw = await RawClient.connect(floor.ready.echo);
        const peer = await PeerClient.connect(node.peer);
        const measure = () => measureBoth(context, { raw, peer });
        const { result, pinned } = await onOneProcessor([floor.pid, node.app.pid], measure);
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
  { raw, peer }: { raw: RawClient; peer: PeerClient },
): Promise<Samples<Name>> {
  const count = context.size(1_500, 20);
  const message = utf8(SHORT_TEXT);
  const floor = () => microsecondsEach(count, () => raw.roundTrip(message));
  const product = () =>
    microsecondsEach(count, async () => {
      const number = nextNumber++;
      await peer.send([ackedMessage(number, SHORT_TEXT)]);
      if (ackedNumber(await peer.answer()) !== number) throw new Error("Got no receipt");
    });
  await product();
  return await interleaved<Name>(context.size(7, 1), { floor, product });
}

/** Ids never come twice in a process: the node would take a second one for a retry. */
let nextNumber = 1;

/** The median microseconds of one call. */
async function microsecondsEach(count: number, action: () => Promise<void>): Promise<number> {
  const samples: number[] = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    await action();
    samples.push((performance.now() - started) * 1_000);
  }
  return median(samples);
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
  ];
}
