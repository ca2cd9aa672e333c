import { utf8 } from "#kit";
import { FlightWindow } from "./flight_window.ts";
import { FramedClient, type MessageClient } from "./framed_client.ts";
import { ackedMessage, PIPELINE_TEXT, ReceiptBook } from "./messages.ts";
import { type BenchNode, counter, withNode } from "./node.ts";
import { peerAddress, PeerClient } from "./peer_client.ts";
import { processorTime, startFloor } from "./processes.ts";
import { RawClient } from "./raw_client.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, type Part, type Samples } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

/** Unanswered messages at a time. */
const IN_FLIGHT = 512;
/** Messages in one write: like a busy sender whose queue is joined. */
const PER_WRITE = 64;

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

/** Acked messages to a node, with a check that each of them counts exactly once. */
class ChatFlood {
  readonly #client: PeerClient;
  readonly #node: BenchNode;
  #sent = 0;
  #faults = 0;
  /** Microseconds of the node's processor time a message, in the last {@link run}. */
  cpu = 0;

  constructor(client: PeerClient, node: BenchNode) {
    this.#client = client;
    this.#node = node;
  }

  /** Acked messages a second. */
  async run(count: number): Promise<number> {
    const first = this.#sent;
    const book = new ReceiptBook(first, count);
    const before = await processorTime(this.#node.app.pid);
    const rate = await flood(this.#client, {
      count,
      message: (index) => ackedMessage(first + index, PIPELINE_TEXT),
      take: (payload) => {
        book.take(payload);
        return book.received;
      },
    });
    this.cpu = (await processorTime(this.#node.app.pid) - before) * 1_000 / count;
    this.#sent += count;
    this.#faults += book.faults;
    return rate;
  }

  /** Messages that were lost or doubled, by the receipts and by the node's own counter. */
  async lost(): Promise<number> {
    const counted = await counter(this.#node, "inbound_msg_count");
    return this.#faults + Math.abs(counted - this.#sent);
  }
}

interface Flood {
  readonly count: number;
  readonly message: (index: number) => Uint8Array;
  /** Takes one payload; how many messages are answered now. */
  readonly take: (payload: Uint8Array) => number;
}

async function flood(client: MessageClient, { count, message, take }: Flood): Promise<number> {
  const window = new FlightWindow(IN_FLIGHT);
  const started = performance.now();
  const answers = (async () => {
    for (let answered = 0; answered < count;) {
      const before = answered;
      for (const payload of await client.read()) answered = take(payload);
      window.landed(answered - before);
    }
  })();
  for (let sent = 0; sent < count;) {
    const now = Math.min(await window.room(), count - sent, PER_WRITE);
    window.sent(now);
    await client.send(Array.from({ length: now }, (_, index) => message(sent + index)));
    sent += now;
  }
  await answers;
  return count * 1_000 / (performance.now() - started);
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
