import { utf8 } from "#kit";
import { SHORT_TEXT } from "./messages.ts";
import { type BenchNode, withNode, withStoringNode } from "./node.ts";
import { PeerClient } from "./peer_client.ts";
import { CONFIG, floorScript, residentKibibytes, startFloor } from "./processes.ts";
import { RawClient } from "./raw_client.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, type Part, type Samples } from "./rounds.ts";
import { median } from "./statistics.ts";
import { fill, openStore } from "./store_fill.ts";
import { TARGETS } from "./targets.ts";

const LINKS = 100;
/** Sessions before the first reading, so that code and tables that are made once do not count. */
const WARM_UP = 20;
const SETTLE_MS = 800;

/** Messages of a history that is in use, and when its node has given back what opening it took. */
const STORED = 10_000;
const CALM_MS = 38_000;

type Name = "floor" | "product" | "idle floor" | "idle" | "idle empty" | "idle stored";

/** Resident memory: of a program that does nothing yet, and of each link that is idle. */
export const memoryPart: Part = {
  name: "memory",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const links = context.size(LINKS, 10);
    let idle = 0;
    // Most of the time that it needs passes while the other rows are measured.
    const stored = idleStored(context);
    const samples = await interleaved<Name>(context.size(3, 1), {
      "floor": () => rawGrowth(links),
      "product": () =>
        withNode(async (node) => {
          await settle();
          idle = await mebibytesOf(node);
          return await linkGrowth(node, links);
        }),
      "idle": () => idle,
      "idle empty": idleEmpty,
      "idle floor": idleHello,
      "idle stored": () => stored,
    });
    return rows(samples);
  },
};

async function rawGrowth(links: number): Promise<number> {
  const floor = await startFloor<{ echo: number }>("tcp_echo.ts");
  const message = utf8(SHORT_TEXT);
  const open = async () => {
    const client = await RawClient.connect(floor.ready.echo);
    await client.roundTrip(message);
    return client;
  };
  try {
    return await growth(floor.pid, links, open);
  } finally {
    await floor.stop();
  }
}

/** Every link has a key of its own: a node keeps only a few per key. */
function linkGrowth(node: BenchNode, links: number): Promise<number> {
  return growth(node.app.pid, links, () => PeerClient.connect(node.peer));
}

/** KiB of resident memory that each idle connection adds. */
async function growth(
  pid: number,
  links: number,
  open: () => Promise<{ close(): void }>,
): Promise<number> {
  for (let index = 0; index < WARM_UP; index++) (await open()).close();
  await settle();
  const before = await residentKibibytes(pid);
  const clients: { close(): void }[] = [];
  for (let index = 0; index < links; index++) clients.push(await open());
  await settle();
  const after = await residentKibibytes(pid);
  for (const client of clients) client.close();
  return (after - before) / links;
}

async function mebibytesOf({ app }: BenchNode): Promise<number> {
  return await residentKibibytes(app.pid) / 1_024;
}

/** MiB of a node with a history that holds nothing yet. */
function idleEmpty(): Promise<number> {
  return withStoringNode(async (node) => {
    await settle();
    return await mebibytesOf(node);
  });
}

/** MiB of a node that has opened a history, once it had the time to tidy up. */
function idleStored(context: BenchContext): Promise<number> {
  const prepare = async (path: string) => {
    const history = await openStore(path);
    await fill(history, context.size(STORED, 200));
    await history.close();
  };
  return withStoringNode(
    async (node) => {
      await settle(context.size(CALM_MS, 1_000));
      return await mebibytesOf(node);
    },
    [],
    prepare,
  );
}

/** MiB of a program that says hello and waits, compiled when the node is. */
async function idleHello(): Promise<number> {
  const compiled = compiledHello();
  const child = new Deno.Command(compiled ?? Deno.execPath(), {
    args: compiled === undefined
      ? ["run", "--config", CONFIG, floorScript("hello.ts"), "idle"]
      : ["idle"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await settle();
  const mebibytes = await residentKibibytes(child.pid) / 1_024;
  await child.stdin.close();
  await reader.cancel();
  await child.status;
  return mebibytes;
}

function compiledHello(): string | undefined {
  return Deno.env.get("SKYCHAT_BIN") ? Deno.env.get("SKYCHAT_HELLO_BIN") : undefined;
}

function settle(ms = SETTLE_MS): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function rows(samples: Samples<Name>): Row[] {
  const hello = {
    name: compiledHello() === undefined ? "deno run hello" : "compiled hello",
    value: median(samples["idle floor"]),
  };
  const idle = (name: string, key: Name) => ({
    name,
    ...figures(samples[key]),
    unit: "MiB",
    floor: hello,
    target: TARGETS.idleMemory,
  });
  return [
    { name: "raw TCP, KiB an idle connection", ...figures(samples.floor), unit: "KiB" },
    {
      name: "product, KiB an idle link",
      ...figures(samples.product),
      unit: "KiB",
      floor: { name: "raw TCP", value: median(samples.floor) },
      target: TARGETS.memoryPerLink,
    },
    idle("product, idle RSS", "idle"),
    idle("product, idle RSS, --persist, nothing stored", "idle empty"),
    idle(`product, idle RSS, --persist, ${STORED.toLocaleString("en-US")} stored`, "idle stored"),
  ];
}
