/** Every `--persist-…` flag of the command line reaches the store (cli.md 2, history.md 5 and 8). */
import assert from "node:assert/strict";
import type { AppConfig } from "#app";
import { type Clock, systemClock, type Timer } from "#kit";
import { runTest } from "#support/cli_run.ts";
import { openEventStream } from "#support/event_stream.ts";
import { type HttpNode, NodePair } from "#support/node_pair.ts";

/** The configuration that the program makes of these flags. */
async function configOf(flags: readonly string[]): Promise<AppConfig> {
  let made: AppConfig | undefined;
  const args = ["app", "--standalone", "--addr=127.0.0.1:0", "--persist", ...flags];
  const { code, stderr } = await runTest(args, {
    startNode: (config) => {
      made = config;
      return Promise.resolve(0);
    },
  });
  assert.equal(code, 0, stderr);
  assert.ok(made !== undefined);
  return made;
}

/** Real time, at the beginning of a minute of a date that can be set. */
class DatedClock implements Clock {
  days = 0;
  readonly #start = systemClock.now();

  now(): number {
    return systemClock.now();
  }

  wall(): bigint {
    const elapsed = BigInt(Math.round(systemClock.now() - this.#start)) * 1_000_000n;
    return 1_788_999_960_000_000_000n + elapsed + BigInt(this.days) * 86_400_000_000_000n;
  }

  after(ms: number, action: () => void): Timer {
    return systemClock.after(ms, action);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}

/** What there is once a peer has sent its messages to a node. */
interface Sent {
  readonly pair: NodePair;
  readonly clock: DatedClock;
  readonly keeper: HttpNode;
  readonly config: Partial<AppConfig>;
}

/** Starts a node with these flags, lets a peer send it these texts, and goes on. */
async function sendTo(
  flags: readonly string[],
  texts: readonly string[],
  then: (sent: Sent) => Promise<void>,
): Promise<void> {
  const clock = new DatedClock();
  await NodePair.with(async (pair) => {
    await Deno.writeTextFile(`${pair.folder}/somebody`, `# friends\n${pair.keeperKey}\n`);
    await Deno.writeTextFile(`${pair.folder}/peer`, `${pair.peerKey.toUpperCase()}\r\n`);
    const shown = flags.map((flag) => flag.replace("FOLDER", pair.folder));
    const { ack, history } = await configOf([`--persist-db=${pair.folder}/kept/x.db`, ...shown]);
    const config = { ack, history };
    const keeper = await pair.keeper(config);
    const peer = await pair.peer();
    for (const text of texts) {
      // Whatever a limit says, it is acknowledged and shown.
      assert.equal((await peer.send(pair.keeperKey, text)).status, 200);
    }
    assert.equal(
      (await readEvents(`${keeper.node.url}/events`, texts.length)).length,
      texts.length,
    );
    await then({ pair, clock, keeper, config });
  }, clock);
}

const BIG = 60_000;
const big = Array.from({ length: 20 }, (_, index) => String(index).padEnd(BIG, "x"));
const three = ["one", "two", "three"];
const free = ["--persist-per-peer-rate=0", "--persist-max-size=0", "--persist-per-peer-cap=0"];

const limits: readonly [flags: readonly string[], sent: readonly string[], kept: number[]][] = [
  [[], three, [0, 1, 2]],
  [["--persist-per-peer-rate=2"], three, [0, 1]],
  [["--persist-per-peer-cap=2"], three, [1, 2]],
  [["--persist-max-size=3"], three, [0, 1]],
  [["--persist-whitelist=FOLDER/somebody"], three, []],
  [["--persist-whitelist=FOLDER/peer"], three, [0, 1, 2]],
  // 18 records of 60,000 bytes are the first to be more than 1 MiB.
  [[...free, "--persist-total-cap=1"], big, big.map((_, index) => index).slice(0, 18)],
  [[...free, "--persist-total-cap=0"], big, big.map((_, index) => index)],
];

for (const [flags, sent, kept] of limits) {
  Deno.test(`with ${flags.join(" ") || "no flags"} ${kept.length} of ${sent.length} messages are stored`, async () => {
    await sendTo(flags, sent, async ({ pair, keeper }) => {
      const texts = kept.map((index) => sent[index]);
      assert.deepEqual((await keeper.texts()).map(shorter), texts.map(shorter));
      assert.ok((await Deno.stat(`${pair.folder}/kept/x.db`)).isFile, "--persist-db");
    });
  });
}

/** So that a failure can be read. */
function shorter(text: string | undefined): string {
  return text?.slice(0, 10) ?? "";
}

for (const [days, kept] of [[1, []], [3, three], [0, three]] as const) {
  Deno.test(`with --persist-ttl=${days} ${kept.length} of 3 messages are there after two days`, async () => {
    await sendTo([`--persist-ttl=${days}`], three, async ({ clock, keeper }) => {
      clock.days = 2;
      assert.deepEqual(await keeper.texts(), kept);
    });
  });
}

for (const [seed, texts] of [[2, ["two", "three"]], [0, []]] as const) {
  Deno.test(`with --persist-seed=${seed} a new reader of /sse gets ${texts.length} messages first`, async () => {
    await sendTo([`--persist-seed=${seed}`], three, async ({ pair, keeper: before, config }) => {
      await pair.stop(before);
      const keeper = await pair.keeper(config);
      const stream = await openEventStream(`${keeper.node.url}/sse`);
      try {
        await pair.sendById({ id: "0a", body: "live" });
        const events = await stream.take(texts.length + 1);
        assert.deepEqual(events.map(({ message }) => message), [...texts, "live"]);
      } finally {
        await stream.close();
      }
    });
  });
}

/** The texts of the first events of a stream. */
async function readEvents(url: string, count: number): Promise<unknown[]> {
  const stream = await openEventStream(url);
  try {
    return (await stream.take(count)).map(({ message, text }) => message ?? text);
  } finally {
    await stream.close();
  }
}
