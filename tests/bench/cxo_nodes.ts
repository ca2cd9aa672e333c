import { SecretKey } from "#crypto";
import { encodeFeedEntry } from "#cxo";
import { silentLog, systemClock, systemRandom, utf8 } from "#kit";
import { openHistory } from "#store";
import { type App, startApp } from "#support/spawn.ts";
import { SHORT_TEXT } from "./messages.ts";

/** Milliseconds between two looks at a node's `/status`. */
const LOOK_MS = 3;
/** Entries of one addition to the journal. */
const AT_ONCE = 5_000;
/** Nanoseconds between two messages of a filled feed. */
const PACE_NS = 1_000_000n;

/** How a node keeps what it gets. */
export type Keeping = "nothing" | "everything" | "default limits";

/** A node that serves a feed of many messages. */
export interface Publisher {
  readonly app: App;
  /** What `--cxo-peer` takes. */
  readonly spec: string;
}

/** Everything that a reader wrote about itself. */
interface Figures {
  readonly received: number;
  readonly pending: number;
  readonly objects: number;
}

/** Starts a node whose feed has so many messages already, lets the action use it, and ends it. */
export async function withPublisher<T>(
  messages: number,
  action: (publisher: Publisher) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-bench-cxo-" });
  const secret = SecretKey.generate(systemRandom);
  const path = `${folder}/feed.db`;
  let app: App | undefined;
  try {
    await fillFeed(path, { secret, messages });
    app = await startApp([
      ...["--sk", secret.reveal().toHex(), "--persist", "--persist-db", path, "--persist-ttl=0"],
      ...["--cxo", "--cxo-listen", "127.0.0.1:0"],
    ], { timeoutMs: 60_000 });
    await app.waitForLog("cxo feed publishing as");
    return await action({ app, spec: `tcp://${secret.publicKey.hex}@${app.cxoAddr}` });
  } finally {
    await app?.kill();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts a node that follows a feed, lets the action use it, and ends it. */
export async function withSubscriber<T>(
  { spec }: Publisher,
  keeping: Keeping,
  action: (app: App) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-bench-cxo-" });
  const store = ["--persist", "--persist-db", `${folder}/history.db`];
  const limits = ["per-peer-rate", "per-peer-cap", "total-cap", "ttl"]
    .map((limit) => `--persist-${limit}=0`);
  const app = await startApp([
    ...["--cxo", "--cxo-listen", "127.0.0.1:0", "--cxo-peer", spec],
    ...(keeping === "nothing" ? [] : store),
    ...(keeping === "everything" ? limits : []),
  ]);
  try {
    return await action(app);
  } finally {
    await app.kill();
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Milliseconds from the moment at which a feed is subscribed to until so many messages are shown, and on
 * disk where anything is kept.
 */
export async function caughtUp(app: App, messages: number): Promise<number> {
  await app.waitForLog("cxo subscribed to feed");
  const started = performance.now();
  for (;;) {
    const { received, pending } = await figuresOf(app);
    if (received >= messages && pending === 0) return performance.now() - started;
    if (performance.now() - started > 120_000) throw new Error(`Only ${received} came`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** What a node says about its feeds and its store. */
export async function figuresOf(app: App): Promise<Figures> {
  const { cxo, history, inbound_msg_count } = await (await fetch(`http://${app.addr}/status`))
    .json();
  return {
    received: inbound_msg_count,
    pending: history?.pending ?? 0,
    objects: cxo.peers[0]?.objects ?? cxo.objects,
  };
}

/** Milliseconds from the answer to a message on one side until `/events` of the other shows it. */
export async function delivery(publisher: Publisher, reader: App): Promise<number> {
  const abort = new AbortController();
  const { events_seq } = await (await fetch(`http://${reader.addr}/status`)).json();
  const stream = await fetch(`http://${reader.addr}/events?since=${events_seq}`, {
    signal: abort.signal,
  });
  const body = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  const message = `one more ${systemRandom.bytes(4).toHex()}`;
  try {
    const reply = await fetch(`http://${publisher.app.addr}/message`, {
      method: "POST",
      body: JSON.stringify({ recipient: publisher.spec.slice(6, 72), message }),
    });
    await reply.json();
    const started = performance.now();
    for (let text = ""; !text.includes(message);) {
      const { value, done } = await body?.read() ?? { done: true, value: undefined };
      if (done) throw new Error("Cannot see the message: the stream ended");
      text += value;
    }
    return performance.now() - started;
  } finally {
    abort.abort();
    await body?.cancel().catch(() => {});
  }
}

/** Texts of a feed, of the length of the other rows' short message. */
export function feedText(number: number): string {
  return `${number} ${SHORT_TEXT}`.slice(0, SHORT_TEXT.length);
}

/** The path of a message of a filled feed: the newest is a second old. */
export function feedPath(number: number, { of, now }: { of: number; now: bigint }): string {
  const written = now - 1_000_000_000n - BigInt(of - number) * PACE_NS;
  return `msgs/${written}-${String(number + 1).padStart(6, "0")}`;
}

async function fillFeed(
  path: string,
  { secret, messages }: { secret: SecretKey; messages: number },
): Promise<void> {
  const self = secret.publicKey.hex;
  const store = await openHistory({ path, clock: systemClock, log: silentLog, self });
  const journal = store.journal(self);
  const now = systemClock.wall();
  for (let from = 0; from < messages; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, messages - from);
    const entries = Array.from({ length: count }, (_, index) =>
      encodeFeedEntry({
        kind: "leaf",
        path: feedPath(from + index, { of: messages, now }),
        value: utf8(feedText(from + index)),
      }));
    if (!await journal?.append(entries)) throw new Error("Cannot fill the feed: disk");
  }
  await store.close();
}
