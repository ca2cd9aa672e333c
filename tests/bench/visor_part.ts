import { SecretKey } from "#crypto";
import { systemRandom } from "#kit";
import { postTo, startUnder, until, type VisorsScene, withVisors } from "#support/embedded_apps.ts";
import { type App, startApp } from "#support/spawn.ts";
import { GobDecoder, GobEncoder, type GobStructType } from "#visor";
import type { Row } from "./report.ts";
import {
  type BenchContext,
  figures,
  interleaved,
  microseconds,
  milliseconds,
  type Part,
  type Samples,
} from "./rounds.ts";
import { median } from "./statistics.ts";

/** The argument of `Write` with a chat message in it (visor.md 6.4). */
const WRITE: GobStructType = {
  kind: "struct",
  name: "WriteReq",
  fields: [{ name: "ConnID", type: { kind: "uint" } }, { name: "B", type: { kind: "bytes" } }],
};

/** Under a visor: what its encoding costs, and a message that goes through two visors. */
export const visorPart: Part = {
  name: "visor",
  async run(context: BenchContext): Promise<readonly Row[]> {
    return [...await gobRows(context), ...await roundTripRows(context)];
  },
};

type Name = "encode" | "decode" | "copy";

async function gobRows(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const size of [64, 4_096]) {
    const samples = await interleaved(context.size(5, 1), perCall(size, context.size(50_000, 50)));
    const floor = { name: "a copy of the bytes", value: median(samples.copy) };
    rows.push(
      ...(["encode", "decode"] as const).map((way) => ({
        name: `gob, ${way} a Write of ${size} bytes`,
        ...figures(samples[way]),
        unit: "us",
        floor,
      })),
    );
  }
  return rows;
}

function perCall(size: number, count: number): Record<Name, () => number> {
  const value = { ConnID: 7, B: systemRandom.bytes(size) };
  return {
    copy: () => microseconds(count, () => void value.B.slice()),
    encode: () => {
      const encoder = new GobEncoder();
      return microseconds(count, () => void encoder.encode(WRITE, value));
    },
    decode: () => {
      const encoder = new GobEncoder();
      const decoder = new GobDecoder();
      decoder.push(encoder.encode(WRITE, value));
      const message = encoder.encode(WRITE, value);
      return microseconds(count, () => mustBeOne(decoder.push(message)));
    },
  };
}

function mustBeOne(values: readonly unknown[]): void {
  if (values.length !== 1) throw new Error("Cannot decode what was just encoded");
}

type Way = "tcp-direct" | "skynet" | "dmsg";
type Post = () => Promise<void>;

/**
 * `POST /message` to its receipt, over each network of two visors in this process, against the same between
 * two nodes with a link of their own.
 */
async function roundTripRows(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  await withVisors(async (first) => {
    await withVisors(async (second) => {
      const skynet = await overVisors(first, "skynet");
      const dmsg = await overVisors(second, "dmsg");
      const direct = await overLink(first);
      const count = context.size(150, 5);
      const samples = await interleaved<Way>(context.size(5, 1), {
        "tcp-direct": () => medianPost(direct, count),
        skynet: () => medianPost(skynet, count),
        dmsg: () => medianPost(dmsg, count),
      });
      rows.push(...waysOf(samples));
    });
  });
  return rows;
}

function waysOf(samples: Samples<Way>): Row[] {
  const name = (way: Way) => `POST /message to its receipt, ${way}`;
  const floor = { name: "the same over tcp-direct", value: median(samples["tcp-direct"]) };
  return [
    { name: name("tcp-direct"), ...figures(samples["tcp-direct"]), unit: "ms" },
    { name: name("skynet"), ...figures(samples.skynet), unit: "ms", floor },
    { name: name("dmsg"), ...figures(samples.dmsg), unit: "ms", floor },
  ];
}

/** Two nodes under visors with a connection over one network. */
async function overVisors({ apps, folder, one, two }: VisorsScene, network: Way): Promise<Post> {
  const sender = await startUnder(one, [], { cwd: folder });
  apps.push(sender, await startUnder(two, [], { cwd: folder }));
  return await ready(poster(sender, two.visorKey.hex, network), network);
}

/** Two nodes on their own with a link. */
async function overLink({ apps }: VisorsScene): Promise<Post> {
  const secret = SecretKey.generate(systemRandom);
  const server = await startApp(["--tcp-listen", "127.0.0.1:0", "--sk", secret.reveal().toHex()]);
  apps.push(server);
  const client = await startApp(["--tcp-peer", `tcp://${secret.publicKey.hex}@${server.tcpAddr}`]);
  apps.push(client);
  return await ready(poster(client, secret.publicKey.hex, "tcp-direct"), "tcp-direct");
}

/** The same, once a first message went through. */
async function ready(post: Post, way: Way): Promise<Post> {
  if (await until(() => post().then(() => true, () => false))) return post;
  throw new Error(`No link over ${way}`);
}

function poster(app: App, recipient: string, network: Way): Post {
  let number = 0;
  return async () => {
    const body = { recipient, network, message: `${number++}`, wait_ms: 5_000 };
    const reply = await postTo(app, "message", body);
    const text = await reply.text();
    if (reply.status !== 200 || !text.includes('"acked":true')) {
      throw new Error(`${network}: ${text}`);
    }
  };
}

async function medianPost(post: Post, count: number): Promise<number> {
  const samples: number[] = [];
  for (let index = 0; index < count; index++) samples.push(await milliseconds(post));
  return median(samples);
}
