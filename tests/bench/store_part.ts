import { EventHub } from "#events";
import { createApp, parseControlAddress } from "#http";
import { silentLog, systemClock } from "#kit";
import type { KvHistory } from "#store";
import { peerNumber } from "#support/stored_messages.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, milliseconds, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";
import { fill, messageNow, openStore } from "./store_fill.ts";
import { atMost, TARGETS } from "./targets.ts";

const RECORDS = 100_000;
/** Stored messages at which growth is looked at first; then at each tenfold. */
const FIRST_STEP = 1_000;
/** Messages up to which a search has to be answered at once: what the default limits let in. */
const SEARCHED = 100_000;
/** Messages of one measured stream, and how often it is repeated. */
const STREAM = 6_000;
const STREAMS = 5;
/** Messages, over fifty peers, with which history.md 9, check 2, wants an answer of `/history`. */
const ANSWERED = 10_000;
/** Changes of one commit of the floor: the most that Deno KV takes. */
const FLOOR_BATCH = 1_000;
/** The default cap of a conversation, and what fills fifty of them. */
const CAP = 500;
const FULL = 25_000;
/** Half of what JSON under hexadecimal keys takes. */
const DISK = atMost(270);

/** Stored history on a disk, against bare Deno KV in the same folder. `--records` sets its size. */
export const storePart: Part = {
  name: "store",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const count = context.records ?? context.size(RECORDS, 2_000);
    const folder = await Deno.makeTempDir({ prefix: "skychat-bench-" });
    try {
      const floor = await bareKv(`${folder}/floor.db`, context);
      const evicting = await fullConversations(`${folder}/full.db`, context);
      const path = `${folder}/history.db`;
      const history = await openStore(path);
      const steps: Step[] = [];
      for (const size of sizes(count)) {
        context.progress(`  ${size} messages stored`);
        await fill(history, size - history.figures().messages);
        steps.push(await look(history, { size, context }));
      }
      const { messages } = history.figures();
      await history.close();
      const bytes = (await Deno.stat(path)).size / messages;
      const opening = await milliseconds(async () => (await openStore(path)).close());
      return [
        { name: "bare Deno KV, 1,000 rows a commit", value: floor.rate, unit: "rows/s" },
        { name: "bare Deno KV, one row a commit", ...figures(floor.singles), unit: "ms" },
        ...steps.flatMap((step) => rows(step, { first: steps[0], floor: median(floor.singles) })),
        { name: "stream, all conversations full", ...evicting, target: TARGETS.storedMessages },
        { name: `open and close, ${count} stored`, value: opening, unit: "ms" },
        { name: "on disk a message", value: bytes, unit: "bytes", target: DISK },
      ];
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};

/** What things cost with so much in the store; all but the rate in milliseconds. */
interface Step {
  readonly size: number;
  /** Messages a second. */
  readonly stream: readonly number[];
  readonly single: readonly number[];
  readonly recent: readonly number[];
  readonly byPeer: readonly number[];
  readonly answer: readonly number[];
  readonly search: readonly number[];
}

/** Ten times as many from step to step, and the last. */
function sizes(last: number): readonly number[] {
  const found: number[] = [];
  for (let size = FIRST_STEP; size < last; size *= 10) found.push(size);
  return [...found, last];
}

async function look(
  history: KvHistory,
  { size, context }: { size: number; context: BenchContext },
): Promise<Step> {
  // Waits for the index, and for code that runs for the first time.
  await history.search("a word that none has", 10);
  await repeated(5, () => history.recent(100));
  const reads = context.size(30, 3);
  return {
    size,
    recent: await repeated(reads, () => history.recent(100)),
    byPeer: await repeated(reads, () => history.byPeer(peerNumber(1), 50)),
    answer: await repeated(reads, await historyRoute(history)),
    search: await repeated(reads, () => history.search("a word that none has", 10)),
    single: await repeated(context.size(200, 10), () => history.append(messageNow(1)).committed),
    stream: await rates(context, (count) => fill(history, count)),
  };
}

function rows(
  { size, stream, single, recent, byPeer, answer, search }: Step,
  { first, floor }: { first: Step | undefined; floor: number },
): Row[] {
  const at = (text: string) => `${text}, ${size.toLocaleString("en-US")} stored`;
  const perMessage = 1_000_000 / median(stream);
  return [
    { name: at("stream"), ...figures(stream), unit: "/s", target: TARGETS.storedMessages },
    {
      name: at("stream, time a message"),
      value: perMessage,
      unit: "us",
      ...(first === undefined || first.size === size ? {} : {
        floor: { name: `${first.size} stored`, value: 1_000_000 / median(first.stream) },
        target: TARGETS.growth,
      }),
    },
    {
      name: at("one append, to its commit"),
      ...figures(single),
      unit: "ms",
      floor: { name: "bare Deno KV, one row", value: floor },
    },
    { name: at("recent(100)"), ...figures(recent), unit: "ms", target: TARGETS.recent },
    { name: at("byPeer(50)"), ...figures(byPeer), unit: "ms", target: TARGETS.recent },
    {
      name: at(size === ANSWERED ? "GET /history (history.md 9.2)" : "GET /history"),
      ...figures(answer),
      unit: "ms",
      ...(size > ANSWERED ? {} : { target: TARGETS.answer }),
    },
    {
      name: at("search, absent words"),
      ...figures(search),
      unit: "ms",
      ...(size > SEARCHED ? {} : { target: TARGETS.search }),
    },
  ];
}

/** Asks the control surface, without a socket, for the newest messages and reads the whole answer. */
async function historyRoute(history: KvHistory): Promise<() => Promise<unknown>> {
  const ports = {
    send: () => Promise.reject(new Error("nobody sends here")),
    status: () => ({}),
    events: new EventHub({ clock: systemClock }),
    history,
  };
  const address = parseControlAddress(":8001");
  const app = createApp(ports, { address, clock: systemClock, log: silentLog });
  const ask = async () => {
    const reply = await app(
      new Request("http://localhost/history", { headers: { host: "localhost" } }),
    );
    if (reply.status !== 200) throw new Error(`/history: ${reply.status}`);
    return await reply.json();
  };
  await ask();
  return ask;
}

/** Each message of the stream makes the oldest of its conversation give way. */
async function fullConversations(
  path: string,
  context: BenchContext,
): Promise<{ value: number; spread: number; unit: string }> {
  const history = await openStore(path, { perPeerCap: CAP });
  await fill(history, context.size(FULL, 1_000));
  const stream = await rates(context, (count) => fill(history, count));
  await history.close();
  return { ...figures(stream), unit: "/s" };
}

async function rates(
  context: BenchContext,
  action: (count: number) => Promise<number>,
): Promise<readonly number[]> {
  const samples: number[] = [];
  while (samples.length < context.size(STREAMS, 1)) {
    samples.push(await action(context.size(STREAM, 300)));
  }
  return samples;
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
