import type { MessageEvent } from "#events";
import { silentLog, systemClock, systemRandom } from "#kit";
import { type KvHistory, openHistory } from "#store";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, milliseconds, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";
import { atMost } from "./targets.ts";

const RECORDS = 60_000;
const PEERS = 50;
const TEXT = "x".repeat(28);
/** Changes of one commit of the floor: the most that Deno KV takes. */
const FLOOR_BATCH = 1_000;
/** Milliseconds of a list that people do not wait for, whatever the store holds. */
const ANSWER = atMost(5);
/** Half of what JSON under hexadecimal keys takes. */
const DISK = atMost(270);

/** Stored history on a disk, against bare Deno KV in the same folder. `--records` sets its size. */
export const storePart: Part = {
  name: "store",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const count = context.records ?? context.size(RECORDS, 2_000);
    const folder = await Deno.makeTempDir();
    try {
      const floor = await bareKv(`${folder}/floor.db`, context);
      const path = `${folder}/history.db`;
      const history = await openStore(path);
      const rate = await fill(history, { count, progress: context.progress });
      const singles = await repeated(
        context.size(200, 10),
        () => history.append(messageNow(1)).committed,
      );
      const recent = await repeated(context.size(30, 3), () => history.recent(100));
      const byPeer = await repeated(context.size(30, 3), () => history.byPeer(peerNumber(1), 50));
      await history.close();
      const bytes = (await Deno.stat(path)).size / count;
      let again: KvHistory | undefined;
      const opening = await milliseconds(async () => again = await openStore(path));
      await again?.close();
      const name = (text: string) => `${text}, ${count} messages`;
      return [
        { name: "bare Deno KV, 1,000 rows a commit", value: floor.rate, unit: "rows/s" },
        { name: "bare Deno KV, one row a commit", ...figures(floor.singles), unit: "ms" },
        {
          name: name("appends in a stream, three rows each"),
          value: rate,
          unit: "messages/s",
          floor: { name: "bare Deno KV rows", value: floor.rate },
        },
        {
          name: "one append, to its commit",
          ...figures(singles),
          unit: "ms",
          floor: { name: "bare Deno KV", value: median(floor.singles) },
        },
        { name: name("recent(100)"), ...figures(recent), unit: "ms", target: ANSWER },
        { name: name("byPeer(50)"), ...figures(byPeer), unit: "ms", target: ANSWER },
        { name: name("open"), value: opening, unit: "ms" },
        { name: "on disk a message", value: bytes, unit: "bytes", target: DISK },
      ];
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};

function openStore(path: string): Promise<KvHistory> {
  const limits = { perPeerRatePerMinute: 0, perPeerCap: 0, totalCapBytes: 0 };
  return openHistory({ path, clock: systemClock, log: silentLog, self: SELF, limits });
}

function messageNow(peer: number): MessageEvent {
  const id = systemRandom.bytes(8).toHex();
  return messageWith(peerNumber(peer), { wall: systemClock.wall(), text: TEXT, id });
}

/** Messages a second of a stream that never has to wait but for the disk. */
async function fill(
  history: KvHistory,
  { count, progress }: { count: number; progress: (text: string) => void },
): Promise<number> {
  const started = performance.now();
  let last: Promise<boolean> | undefined;
  for (let number = 0; number < count; number++) {
    if (number > 0 && number % 200_000 === 0) progress(`  ${number} messages stored`);
    last = history.append(messageNow(number % PEERS)).committed;
    if (history.ready !== undefined) await history.ready;
  }
  await last;
  return count * 1_000 / (performance.now() - started);
}

/** Rows a second in full commits, and the milliseconds of commits with one row. */
async function bareKv(
  path: string,
  context: BenchContext,
): Promise<{ rate: number; singles: readonly number[] }> {
  const kv = await Deno.openKv(path);
  const value = new Uint8Array(40);
  const batches = context.size(30, 2);
  const started = performance.now();
  for (let batch = 0; batch < batches; batch++) {
    const operation = kv.atomic();
    for (let row = 0; row < FLOOR_BATCH; row++) {
      operation.set(["f", BigInt(batch), BigInt(row)], value);
    }
    await operation.commit();
  }
  const rate = batches * FLOOR_BATCH * 1_000 / (performance.now() - started);
  let row = 0;
  const singles = await repeated(context.size(200, 10), () => kv.set(["s", BigInt(++row)], value));
  kv.close();
  return { rate, singles };
}

async function repeated(count: number, action: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < count; round++) samples.push(await milliseconds(action));
  return samples;
}
