import { fileURLToPath } from "node:url";
import { SecretKey } from "#crypto";
import { systemRandom } from "#kit";
import type { SkychatCommand } from "#support/spawn.ts";
import { RUN_FLAGS } from "../../scripts/permissions.ts";
import { SHORT_TEXT } from "./messages.ts";
import { type BenchNode, withNode } from "./node.ts";
import { CONFIG, floorScript } from "./processes.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, milliseconds, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";
import { TARGETS } from "./targets.ts";

/** How the program and its floor are started. */
interface Way {
  readonly name: string;
  readonly program: SkychatCommand;
  readonly hello: SkychatCommand;
}

/** Wall time of commands that start, do one thing and end. */
export const oneShotPart: Part = {
  name: "oneshot",
  run: (context) =>
    withNode(async (node) => {
      const rows: Row[] = [];
      for (const way of ways()) rows.push(...await measure(context, node, way));
      return rows;
    }),
};

async function measure(context: BenchContext, node: BenchNode, way: Way): Promise<Row[]> {
  const { program, hello } = way;
  const sk = SecretKey.generate(systemRandom).reveal().toHex();
  const send = ["send", "--via", node.via, "--sk", sk, "--wait", "8s", "-m", SHORT_TEXT];
  const floor = () => timed(hello, []);
  const version = () => timed(program, ["--version"]);
  const sent = () => timed(program, send);
  for (const warm of [floor, version, sent]) await warm();
  const samples = await interleaved(context.size(11, 1), { floor, version, sent });
  const base = { name: `${way.name} hello`, value: median(samples.floor) };
  return [
    { name: `${way.name}: hello`, ...figures(samples.floor), unit: "ms" },
    {
      name: `${way.name}: --version`,
      ...figures(samples.version),
      unit: "ms",
      floor: base,
      target: TARGETS.version,
    },
    {
      name: `${way.name}: send --via, acked`,
      ...figures(samples.sent),
      unit: "ms",
      floor: base,
      target: TARGETS.oneShot,
    },
  ];
}

/** From source always; compiled when both executables are there. */
function ways(): Way[] {
  const run = ["run", "--config", CONFIG];
  const source: Way = {
    name: "source",
    program: {
      cmd: Deno.execPath(),
      args: [...run, ...RUN_FLAGS, fileURLToPath(new URL("../../main.ts", import.meta.url))],
    },
    hello: { cmd: Deno.execPath(), args: [...run, floorScript("hello.ts")] },
  };
  const [program, hello] = [Deno.env.get("SKYCHAT_BIN"), Deno.env.get("SKYCHAT_HELLO_BIN")];
  if (!program || !hello) return [source];
  return [source, {
    name: "compiled",
    program: { cmd: program, args: [] },
    hello: { cmd: hello, args: [] },
  }];
}

/** Milliseconds from starting a process to its end. */
async function timed({ cmd, args }: SkychatCommand, more: readonly string[]): Promise<number> {
  const command = new Deno.Command(cmd, { args: [...args, ...more], stdin: "null" });
  let failure = "";
  const ms = await milliseconds(async () => {
    const { success, stderr } = await command.output();
    if (!success) failure = new TextDecoder().decode(stderr);
  });
  if (failure !== "") throw new Error(`Cannot time ${more[0] ?? "hello"}: ${failure}`);
  return ms;
}
