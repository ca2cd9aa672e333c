/**
 * `deno task soak`: two nodes on loopback under steady load, one of them restarted again and again.
 *
 * B sends to A and waits for each receipt; every five minutes B is killed and started anew. Says once
 * a minute how many messages went and came, and how much memory and how many open files A has. Fails
 * when a receipt was missing, when A did not see every message exactly once, or when A grew.
 * Options: `--minutes 10`, `--rate 10` messages a second, `--restart 5` minutes (0 for never).
 * SKYCHAT_BIN names an executable to test.
 */
import { parseArgs } from "node:util";
import { residentMemory } from "#support/process_memory.ts";
import { type App, run, startApp } from "#support/spawn.ts";
import { say } from "./terminal.ts";

/** How much A may grow in an hour once the first tenth of the run is over, MiB. */
const GROWTH_LIMIT = 1;
/** Growth that says nothing in a short run: the collector has its own rhythm, MiB. */
const GROWTH_NOISE = 16;

/** Open files that come and go with a request. */
const FILES_NOISE = 4;

interface Keys {
  readonly pk: string;
  readonly sk: string;
}

async function keygen(): Promise<Keys> {
  const [pk = "", sk = ""] = (await run(["keygen"])).stdout.split("\n");
  return { pk, sk };
}

async function startSender(keys: Keys, target: App): Promise<App> {
  const peer = `tcp://${target.pk}@${target.tcpAddr}`;
  const sender = await startApp(["--sk", keys.sk, "--tcp-peer", peer]);
  await sender.waitForLog("tcp-peer connected to");
  return sender;
}

/** Sends one message and says whether its receipt came. */
async function sendAcked(sender: App, recipient: string, message: string): Promise<boolean> {
  const answer = await fetch(`http://${sender.addr}/message`, {
    method: "POST",
    body: JSON.stringify({ recipient, message, wait_ms: 5_000 }),
  });
  const text = await answer.text();
  return answer.ok && JSON.parse(text).acked === true;
}

async function inboundCount(app: App): Promise<number> {
  return (await (await fetch(`http://${app.addr}/status`)).json()).inbound_msg_count;
}

function openFiles(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

interface Plan {
  readonly minutes: number;
  readonly rate: number;
  readonly restart: number;
}

interface Footprint {
  readonly memory: number;
  readonly files: number;
  /** Minutes since the start. */
  readonly at: number;
}

/** What is larger than it was, beyond what comes and goes. */
async function growth(app: App, base: Footprint, now: number): Promise<string[]> {
  const problems: string[] = [];
  const grown = await residentMemory(app.pid) - base.memory;
  const allowed = GROWTH_NOISE + GROWTH_LIMIT * (now - base.at) / 60;
  if (grown > allowed) problems.push(`memory grew by ${grown.toFixed(1)} MiB`);
  const files = openFiles(app.pid);
  if (files > base.files + FILES_NOISE) {
    problems.push(`open files went from ${base.files} to ${files}`);
  }
  return problems;
}

/** Runs the plan and returns what went wrong. */
async function soak({ minutes, rate, restart }: Plan): Promise<string[]> {
  const keys = await keygen();
  const receiver = await startApp(["--sk", (await keygen()).sk, "--tcp-listen", "127.0.0.1:0"]);
  let sender = await startSender(keys, receiver);
  let [sent, missing, restarts] = [0, 0, 0];
  let base: Footprint | undefined;
  const start = performance.now();
  const passed = () => (performance.now() - start) / 60_000;
  let nextReport = 1;
  try {
    while (passed() < minutes) {
      const due = start + sent * 1_000 / rate - performance.now();
      if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
      if (!await sendAcked(sender, receiver.pk, `message ${++sent}`)) missing++;
      if (restart > 0 && passed() >= (restarts + 1) * restart) {
        await sender.kill();
        sender = await startSender(keys, receiver);
        restarts++;
      }
      if (base === undefined && passed() >= minutes / 10) {
        const memory = await residentMemory(receiver.pid);
        base = { memory, files: openFiles(receiver.pid), at: passed() };
      }
      if (passed() >= nextReport) {
        const memory = (await residentMemory(receiver.pid)).toFixed(1);
        const files = openFiles(receiver.pid);
        say(
          `${nextReport++} min: ${sent} sent, ${missing} without receipt, ${memory} MiB, ${files} files`,
        );
      }
    }
    const lost = missing > 0 ? [`${missing} of ${sent} messages got no receipt`] : [];
    const seen = await inboundCount(receiver);
    if (seen !== sent) lost.push(`${sent} messages were sent and ${seen} arrived`);
    return base === undefined ? lost : [...lost, ...await growth(receiver, base, passed())];
  } finally {
    await sender.kill();
    await receiver.kill();
  }
}

const { values } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "10" },
    restart: { type: "string", default: "5" },
  },
});
const problems = await soak({
  minutes: Number(values.minutes),
  rate: Number(values.rate),
  restart: Number(values.restart),
});
problems.forEach(say);
say(problems.length === 0 ? "nothing lost, nothing doubled, nothing grew" : "the soak failed");
Deno.exit(problems.length === 0 ? 0 : 1);
