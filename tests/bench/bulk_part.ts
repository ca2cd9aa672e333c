import { utf8 } from "#kit";
import { encodeFrame } from "#session";
import { ackedMessage, SHORT_TEXT } from "./messages.ts";
import { withNode } from "./node.ts";
import { peerAddress, PeerClient } from "./peer_client.ts";
import { startFloor } from "./processes.ts";
import { RawClient } from "./raw_client.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, type Part, type Samples } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

/** Bytes of one large message: near the largest payload. `s`: the echo server swallows it. */
const LARGE = utf8("s".repeat(65_000));
const MEBIBYTE = 1_048_576;

/** One way, in large messages, until the other end says that it has everything. */
export const bulkPart: Part = {
  name: "bulk",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const floor = await startFloor<{ sink: number }>("tcp_echo.ts");
    const session = await startFloor<{ port: number; pk: string }>("session_echo.ts");
    try {
      return await withNode(async (node) => {
        const echo = await PeerClient.connect(
          peerAddress(`127.0.0.1:${session.ready.port}`, session.ready.pk),
        );
        const chat = await PeerClient.connect(node.peer);
        const samples = await measure(context, { sink: floor.ready.sink, echo, chat });
        echo.close();
        chat.close();
        return rows(samples);
      });
    } finally {
      await floor.stop();
      await session.stop();
    }
  },
};

type Name = "floor" | "session" | "product";

async function measure(
  context: BenchContext,
  { sink, echo, chat }: { sink: number; echo: PeerClient; chat: PeerClient },
): Promise<Samples<Name>> {
  let number = 0;
  const session = (mebibytes: number) => oneWay(echo, { mebibytes, last: utf8("end") });
  const product = (mebibytes: number) =>
    oneWay(chat, { mebibytes, last: ackedMessage(++number, SHORT_TEXT) });
  await session(1);
  await product(1);
  return await interleaved<Name>(context.size(5, 1), {
    floor: async () => {
      const client = await RawClient.connect(sink);
      const rate = await client.bulk(context.size(128, 4));
      client.close();
      return rate;
    },
    session: () => session(context.size(48, 2)),
    product: () => product(context.size(48, 2)),
  });
}

/** MiB of payload a second; the answer to the last, small message ends it. */
async function oneWay(
  client: PeerClient,
  { mebibytes, last }: { mebibytes: number; last: Uint8Array },
): Promise<number> {
  const frame = encodeFrame(LARGE);
  const count = Math.ceil(mebibytes * MEBIBYTE / LARGE.length);
  const started = performance.now();
  for (let sent = 0; sent < count; sent++) await client.sendStream(frame);
  await client.sendStream(encodeFrame(last));
  await client.answer();
  return count * LARGE.length / MEBIBYTE * 1_000 / (performance.now() - started);
}

function rows(samples: Samples<Name>): Row[] {
  const floor = { name: "raw TCP", value: median(samples.floor) };
  const target = nativeCipher() ? TARGETS.bulkNative : TARGETS.bulkWithoutNative;
  return [
    { name: "raw TCP one way", ...figures(samples.floor), unit: "MiB/s" },
    { name: "session layer one way", ...figures(samples.session), unit: "MiB/s", floor, target },
    {
      name: "product: 65,000-byte messages one way",
      ...figures(samples.product),
      unit: "MiB/s",
      floor,
      target,
    },
  ];
}

/** Whether this runtime has ChaCha20-Poly1305 of its own: Deno 2.6 has not. */
function nativeCipher(): boolean {
  return !Deno.version.deno.startsWith("2.6.");
}
