import { utf8 } from "#kit";
import { SecretKey } from "#crypto";
import { systemRandom } from "#kit";
import { kemAnswer, kemOffer, keyOperations } from "./key_operations.ts";
import { ackedMessage, ackedNumber, SHORT_TEXT } from "./messages.ts";
import { type BenchNode, withNode } from "./node.ts";
import { PeerClient } from "./peer_client.ts";
import { processorTime, startFloor } from "./processes.ts";
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

type Name =
  | "floor"
  | "floor cpu"
  | "classical"
  | "classical cpu"
  | "hybrid"
  | "hybrid cpu"
  | "keys"
  | "kem";

/** Sessions before the measured ones: enough for the node's code to be compiled to its fast form. */
const WARM_UP = 120;
/** A pause after them: a node takes 400 connections at once from one source, then 200 a second. */
const WARM_UP_PAUSE_MS = 700;

/** A whole session: connect, handshake, one 28-byte message, its receipt, close. */
export const sessionPart: Part = {
  name: "session",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const floor = await startFloor<{ echo: number }>("tcp_echo.ts");
    try {
      return await withNode(async (node) => rows(await measure(context, { node, floor })));
    } finally {
      await floor.stop();
    }
  },
};

async function measure(
  context: BenchContext,
  { node, floor }: { node: BenchNode; floor: { pid: number; ready: { echo: number } } },
): Promise<Samples<Name>> {
  const secret = SecretKey.generate(systemRandom);
  const message = utf8(SHORT_TEXT);
  const raw = new Sessions(floor.pid, async () => {
    const client = await RawClient.connect(floor.ready.echo);
    await client.roundTrip(message);
    client.close();
  });
  let number = 0;
  const product = (hybrid: boolean) =>
    new Sessions(node.app.pid, async () => {
      const client = await PeerClient.connect(node.peer, { hybrid, secret });
      await client.send([ackedMessage(++number, SHORT_TEXT)]);
      if (ackedNumber(await client.answer()) !== number) throw new Error("Got no receipt");
      client.close();
    });
  const [classical, hybrid] = [product(false), product(true)];
  const [many, few] = [context.size(100, 5), context.size(30, 3)];
  await classical.run(context.size(WARM_UP, few));
  await new Promise((resolve) => setTimeout(resolve, context.size(WARM_UP_PAUSE_MS, 0)));
  return await interleaved<Name>(context.size(5, 1), {
    "floor": () => raw.run(many),
    "floor cpu": () => raw.cpu,
    "classical": () => classical.run(few),
    "classical cpu": () => classical.cpu,
    "hybrid": () => hybrid.run(few),
    "hybrid cpu": () => hybrid.cpu,
    "keys": () => 2 * keyOperations(few) / 1_000,
    "kem": () => (kemOffer(few) + kemAnswer(few)) / 1_000,
  });
}

/** Sessions one after the other, with what they cost the server. */
class Sessions {
  readonly #pid: number;
  readonly #session: () => Promise<void>;
  /** Milliseconds of the server's processor time a session, in the last {@link run}. */
  cpu = 0;

  constructor(pid: number, session: () => Promise<void>) {
    this.#pid = pid;
    this.#session = session;
  }

  /** The median milliseconds of `count` sessions. */
  async run(count: number): Promise<number> {
    const before = await processorTime(this.#pid);
    const samples: number[] = [];
    for (let index = 0; index < count; index++) samples.push(await milliseconds(this.#session));
    this.cpu = (await processorTime(this.#pid) - before) / count;
    return median(samples);
  }
}

function rows(samples: Samples<Name>): Row[] {
  const raw = { name: "raw TCP", value: median(samples["floor"]) };
  const rawCpu = { name: "raw TCP", value: median(samples["floor cpu"]) };
  const unavoidable = raw.value + median(samples["keys"]);
  return [
    { name: "raw TCP session p50", ...figures(samples["floor"]), unit: "ms" },
    {
      name: "classical session p50",
      ...figures(samples["classical"]),
      unit: "ms",
      floor: raw,
      target: TARGETS.classicalSession,
    },
    {
      name: "hybrid session p50",
      ...figures(samples["hybrid"]),
      unit: "ms",
      floor: { name: "classical session", value: median(samples["classical"]) },
      target: TARGETS.hybridSession,
    },
    {
      name: "classical session p50 over what it cannot avoid",
      ...figures(samples["classical"]),
      unit: "ms",
      floor: { name: "raw TCP + key operations of both", value: unavoidable },
    },
    {
      name: "hybrid session p50 over what it cannot avoid",
      ...figures(samples["hybrid"]),
      unit: "ms",
      floor: {
        name: "raw TCP + key operations and ML-KEM of both",
        value: unavoidable + median(samples["kem"]),
      },
    },
    {
      name: "classical session, node's CPU",
      ...figures(samples["classical cpu"]),
      unit: "ms CPU",
      floor: rawCpu,
    },
    {
      name: "hybrid session, node's CPU",
      ...figures(samples["hybrid cpu"]),
      unit: "ms CPU",
      floor: rawCpu,
    },
  ];
}
