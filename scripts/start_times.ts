/**
 * `deno task start:times`: how long the executables in `dist/` take to start.
 *
 * Prints for each target that can run here the median wall time of `--version`, of a one-shot
 * `send --via` to its receipt, and from starting a node to its first answer. The arm64 executable runs
 * under qemu on another machine, which says whether it works, not how fast a board is.
 */
import { systemRandom } from "#kit";
import { SecretKey } from "#crypto";
import { type App, run, startApp } from "#support/spawn.ts";
import { median } from "../tests/bench/statistics.ts";
import { DIST, executableName } from "./release_files.ts";
import { runChild, say } from "./terminal.ts";

/** How to run arm64 executables on another machine: Debian's qemu-user-static and libc6-arm64-cross. */
const QEMU = "qemu-aarch64-static -L /usr/aarch64-linux-gnu";

const ROUNDS = 5;

/** Milliseconds of one way to start. */
interface StartTimes {
  readonly version: number;
  readonly oneShot: number;
  readonly serving: number;
}

/** Measures the executable that `skychatCommand` of the test support names. */
async function measure(): Promise<StartTimes> {
  const newKey = () => SecretKey.generate(systemRandom).reveal().toHex();
  const nodeFlags = () => ["--sk", newKey(), "--tcp-listen", "127.0.0.1:0"];
  const node = await startApp(nodeFlags());
  try {
    const via = `tcp://${node.pk}@${node.tcpAddr}`;
    const send = ["send", "--via", via, "--sk", newKey(), "--wait", "8s", "-m", "hello"];
    return {
      version: await medianOf(() => finished(["--version"])),
      oneShot: await medianOf(() => finished(send)),
      serving: await medianOf(() => firstAnswer(nodeFlags())),
    };
  } finally {
    await node.stop();
  }
}

async function finished(args: readonly string[]): Promise<number> {
  const start = performance.now();
  const { code, stderr } = await run(args);
  if (code !== 0) throw new Error(`Cannot time ${args[0]}: ${stderr}`);
  return performance.now() - start;
}

/** From starting a node to its answer to a request. */
async function firstAnswer(flags: readonly string[]): Promise<number> {
  const start = performance.now();
  const app: App = await startApp(flags);
  try {
    const reply = await fetch(`http://${app.addr}/healthz`);
    await reply.body?.cancel();
    return performance.now() - start;
  } finally {
    await app.stop();
  }
}

async function medianOf(once: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await once());
  return median(times);
}

/** Runs this script again for one target, because the program under test is named by the environment. */
async function measureTarget(target: string, emulator: string): Promise<boolean> {
  const executable = `${DIST}/${executableName(target)}`;
  const env = { SKYCHAT_BIN: executable, SKYCHAT_EMULATOR: emulator };
  const script = new URL(import.meta.url).pathname;
  const { ok, output } = await runChild(Deno.execPath(), ["run", "-A", script, "one"], { env });
  const how = emulator === "" ? "" : ` under ${emulator.split(" ")[0]}`;
  say(ok ? `${target}${how}: ${output.trim()}` : `${target}${how}: cannot be timed\n${output}`);
  return ok;
}

if (import.meta.main) {
  if (Deno.args[0] === "one") {
    const { oneShot, serving, version } = await measure();
    const ms = (time: number) => `${Math.round(time)} ms`;
    say(`--version ${ms(version)}, send --via ${ms(oneShot)}, ready to serve ${ms(serving)}`);
  } else {
    const native = Deno.build.target;
    const results = [await measureTarget(native, "")];
    const arm64 = "aarch64-unknown-linux-gnu";
    if (native !== arm64) results.push(await measureTarget(arm64, QEMU));
    Deno.exit(results.every((ok) => ok) ? 0 : 1);
  }
}
