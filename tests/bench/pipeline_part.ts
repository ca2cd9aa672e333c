import { utf8 } from "#kit";
import { ChatFlood, flood, IN_FLIGHT } from "./chat_flood.ts";
import { FramedClient, type MessageClient } from "./framed_client.ts";
import { PIPELINE_TEXT } from "./messages.ts";
import { withNode } from "./node.ts";
import { peerAddress, PeerClient } from "./peer_client.ts";
import { startFloor } from "./processes.ts";
import { RawClient } from "./raw_client.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, type Part, type Samples } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

/** Many 256-byte messages in flight, each answered: bare bytes, the session layer, the product. */
export const pipelinePart: Part = {
  name: "pipeline",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const floor = await startFloor<{ echo: number; frames: number }>("tcp_echo.ts");
    const session = await startFloor<{ port: number; pk: string }>("session_echo.ts");
    try {
      return await withNode(async (node) => {
        const clients = {
          bytes: await RawClient.connect(floor.ready.echo),
          frames: await FramedClient.connect(floor.ready.frames),
          echo: await PeerClient.connect(
            peerAddress(`127.0.0.1:${session.ready.port}`, session.ready.pk),
          ),
          chat: await PeerClient.connect(node.peer),
        };
        const chat = new ChatFlood(clients.chat, node);
        const samples = await measure(context, { ...clients, chat });
        const lost = await chat.lost();
        for (const client of Object.values(clients)) client.close();
        return rows(samples, lost);
      });
    } finally {
      await floor.stop();
      await session.stop();
    }
  },
};

type Name = "bytes" | "floor" | "session" | "product" | "product cpu";

async function measure(
  context: BenchContext,
  { bytes, frames, echo, chat }: {
    bytes: RawClient;
    frames: FramedClient;
    echo: PeerClient;
    chat: ChatFlood;
  },
): Promise<Samples<Name>> {
  const message = utf8(PIPELINE_TEXT);
  const counts = {
    bytes: context.size(1_000_000, 5_000),
    frames: context.size(150_000, 5_000),
    session: context.size(60_000, 1_000),
    product: context.size(30_000, 1_000),
  };
  await echoes(frames, message, counts.frames / 4);
  await echoes(echo, message, counts.session / 4);
  await chat.run(counts.product / 4);
  return await interleaved<Name>(context.size(5, 1), {
    "bytes": () => bytes.pipeline(message, { count: counts.bytes, inFlight: IN_FLIGHT }),
    "floor": () => echoes(frames, message, counts.frames),
    "session": () => echoes(echo, message, counts.session),
    "product": () => chat.run(counts.product),
    "product cpu": () => chat.cpu,
  });
}

/** Messages a second that are sent back. */
async function echoes(client: MessageClient, message: Uint8Array, count: number): Promise<number> {
  let answered = 0;
  return await flood(client, {
    count,
    message: () => message,
    take: (payload) => {
      if (payload.length === message.length) answered++;
      return answered;
    },
  });
}

function rows(samples: Samples<Name>, lost: number): Row[] {
  const floor = { name: "raw TCP messages", value: median(samples["floor"]) };
  return [
    { name: "raw TCP bytes, 256 at a time", ...figures(samples["bytes"]), unit: "/s" },
    { name: "raw TCP messages, 256 B, each answered", ...figures(samples["floor"]), unit: "/s" },
    {
      name: "session layer echo, 256 B, a record each",
      ...figures(samples["session"]),
      unit: "/s",
      floor,
      target: TARGETS.sessionPipeline,
    },
    {
      name: "product: chat-msg, receipt, event, counters",
      ...figures(samples["product"]),
      unit: "/s",
      floor,
      target: TARGETS.productPipeline,
    },
    { name: "product, node's CPU a message", ...figures(samples["product cpu"]), unit: "us CPU" },
    {
      name: "messages lost or doubled",
      value: lost,
      unit: "",
      target: TARGETS.nothingLost,
    },
  ];
}
