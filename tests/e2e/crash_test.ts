/**
 * What survives a crash (history.md 4.1, 9; users-ask rows 4 and 5): the program is killed with SIGKILL
 * at random moments under load and everything it had promised must be there after each restart.
 */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { systemRandom } from "#kit";
import { LoadSender } from "#support/load_sender.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { type App, startApp } from "#support/spawn.ts";

/** Kills. The executable starts fast enough for all of them; from source fewer keep the gate short. */
const KILLS = Deno.env.get("SKYCHAT_BIN") ? 200 : 20;
const SENDERS = 3;
/** Messages that a sender has on the way at a time. */
const WIDTH = 8;
const SK = "0b".repeat(32);
const NO_LIMITS = [
  ...["--persist-per-peer-cap", "0", "--persist-per-peer-rate", "0", "--persist-total-cap", "0"],
];
const NOBODY = SecretKey.generate(systemRandom).publicKey.hex;

interface Record {
  readonly peer: string;
  readonly outgoing: boolean;
  readonly text: string;
  readonly id: string;
}

/** Everything that was promised so far, by id. */
interface Promises {
  /** Acknowledged messages. */
  readonly acked: Map<string, { text: string; from: string }>;
  /** Messages that `/history` showed. */
  readonly shown: Map<string, string>;
  /** Messages that `/events` showed, by number. */
  readonly numbered: Map<number, string>;
}

Deno.test(`nothing promised is lost over ${KILLS} kills under load`, async () => {
  const folder = await Deno.makeTempDir({ prefix: "skychat-crash-" });
  const random = new SeededRandom(20_261_122);
  const promised: Promises = { acked: new Map(), shown: new Map(), numbered: new Map() };
  const flags = [
    ...["--tcp-listen", "127.0.0.1:0", "--sk", SK],
    ...["--persist", "--persist-db", `${folder}/history.db`],
    ...NO_LIMITS,
  ];
  let app: App | undefined;
  let texts = 0;
  try {
    let queued = "";
    for (let kill = 0; kill <= KILLS; kill++) {
      app = await startApp(flags);
      await checkPromises(app, promised, { whole: kill % 50 === 0 || kill === KILLS });
      if (queued !== "") await checkQueued(app, queued);
      if (kill === KILLS) break;
      queued = await queueMessage(app);
      const millis = 5 + (random.bytes(1)[0] ?? 0);
      const nextText = () => `message ${++texts} ${"x".repeat(texts % 300)}`;
      const endLoad = startLoad(app, promised, { nextText });
      await new Promise((resolve) => setTimeout(resolve, millis));
      await rememberShown(app, promised);
      await app.kill();
      await endLoad();
    }
    assert.ok(
      promised.acked.size > KILLS,
      `only ${promised.acked.size} messages were acknowledged`,
    );
    assert.equal(await app?.stop(), 0);
  } finally {
    await app?.kill();
    await Deno.remove(folder, { recursive: true });
  }
});

/** Several peers that send; the call returned ends them, once the node is gone. */
function startLoad(
  app: App,
  promised: Promises,
  { nextText }: { nextText: () => string },
): () => Promise<void> {
  const senders = Array.from(
    { length: SENDERS },
    () => new LoadSender(SecretKey.generate(systemRandom)),
  );
  const running = senders.map(async (sender) => {
    try {
      await sender.connect(app);
      const texts = { next: () => ({ done: false as const, value: nextText() }) };
      await sender.send(app.pk, texts, {
        width: WIDTH,
        onAcked: ({ id, text }) => promised.acked.set(id, { text, from: sender.pk }),
      });
    } catch {
      // Killed during the handshake: this sender has nothing to say in this round.
    }
  });
  return async () => {
    await Promise.all(senders.map((sender) => sender.close()));
    await Promise.all(running);
  };
}

/** What anybody who asked has seen must never disappear again. */
async function rememberShown(app: App, promised: Promises): Promise<void> {
  for (const { id, text } of await history(app, 1_000)) promised.shown.set(id, text);
  for (const { seq, id } of await eventsOf(app, Math.max(0, newest(promised) - 100))) {
    promised.numbered.set(seq, id);
  }
}

async function checkPromises(
  app: App,
  promised: Promises,
  { whole }: { whole: boolean },
): Promise<void> {
  const records = whole ? await exportOf(app) : await history(app, 1_000);
  const found = new Map(records.map((record) => [record.id, record]));
  assert.equal(found.size, records.length, "a message is stored twice");
  for (const { text, peer, outgoing } of records) {
    assert.match(text, /^message \d+ x*$/);
    assert.equal(outgoing, false);
    assert.match(peer, /^[0-9a-f]{66}$/);
  }
  const newestFirst = [...promised.acked].reverse().slice(0, whole ? undefined : 200);
  for (const [id, { text, from }] of newestFirst) {
    const record = found.get(id);
    assert.ok(record, `acknowledged and lost: ${id} "${text}"`);
    assert.deepEqual([record.text, record.peer], [text, from]);
  }
  for (const [id, text] of [...promised.shown].slice(whole ? 0 : -200)) {
    assert.equal(found.get(id)?.text, text, "shown and lost");
  }
  if (whole) await checkFigures(app, records);
  const events = await eventsOf(app, Math.max(0, newest(promised) - 100));
  const ids = new Map(events.map(({ seq, id }) => [seq, id]));
  for (const [seq, id] of [...promised.numbered].slice(-50)) assert.equal(ids.get(seq), id);
  for (const [index, { seq }] of events.entries()) {
    if (index > 0) assert.equal(seq, (events[index - 1]?.seq ?? 0) + 1, "a number is missing");
  }
}

/** The counters after a crash are those of a store that the same contents are put into. */
async function checkFigures(app: App, records: readonly Record[]): Promise<void> {
  const { messages, peers, bytes, events } = await figuresOf(app);
  assert.equal(messages, records.length);
  assert.equal(peers, new Set(records.map(({ peer }) => peer)).size);
  const [first, ...rest] = await eventsOf(app, 0);
  // What is no longer kept is one event more.
  const kept = rest.length + (first === undefined || first.id.startsWith("gap-") ? 0 : 1);
  assert.equal(events, kept);
  const folder = await Deno.makeTempDir({ prefix: "skychat-crash-" });
  const fresh = await startApp(["--persist", "--persist-db", `${folder}/x.db`, ...NO_LIMITS]);
  try {
    const archive = await fetch(`http://${app.addr}/export`);
    const reply = await fetch(`http://${fresh.addr}/import`, {
      method: "POST",
      body: await archive.text(),
    });
    assert.equal((await reply.json()).messages, records.length);
    assert.equal((await figuresOf(fresh)).bytes, bytes);
  } finally {
    await fresh.kill();
    await Deno.remove(folder, { recursive: true });
  }
}

interface Figures {
  readonly messages: number;
  readonly peers: number;
  readonly bytes: number;
  readonly events: number;
}

async function figuresOf(app: App): Promise<Figures> {
  const { history } = await ask(app, "/status") as { history: Figures };
  return history;
}

function newest(promised: Promises): number {
  return [...promised.numbered.keys()].at(-1) ?? 0;
}

async function queueMessage(app: App): Promise<string> {
  const reply = await fetch(`http://${app.addr}/message`, {
    method: "POST",
    body: JSON.stringify({ recipient: NOBODY, message: "for later", queue: true }),
  });
  const body = await reply.json();
  assert.deepEqual([reply.status, body.queued], [202, true]);
  return body.id;
}

async function checkQueued(app: App, id: string): Promise<void> {
  const entries = await ask(app, "/outbox") as { id: string; text: string }[];
  assert.deepEqual(entries.map((entry) => [entry.id, entry.text]), [[id, "for later"]]);
  const reply = await fetch(`http://${app.addr}/outbox/${id}`, { method: "DELETE" });
  await reply.body?.cancel();
  assert.equal(reply.status, 204);
}

async function history(app: App, limit: number): Promise<Record[]> {
  return await ask(app, `/history?limit=${limit}`) as Record[];
}

async function exportOf(app: App): Promise<Record[]> {
  const archive = await ask(app, "/export") as { messages?: Record[] };
  return archive.messages ?? [];
}

async function ask(app: App, path: string): Promise<unknown> {
  const reply = await fetch(`http://${app.addr}${path}`);
  assert.equal(reply.status, 200, path);
  return await reply.json();
}

/** The events after a number that are there already. */
async function eventsOf(app: App, since: number): Promise<{ seq: number; id: string }[]> {
  const { events_seq: end } = await ask(app, "/status") as { events_seq: number };
  const abort = new AbortController();
  const reply = await fetch(`http://${app.addr}/events?since=${since}`, { signal: abort.signal });
  const events: { seq: number; id: string }[] = [];
  let text = "";
  try {
    if (end === 0 || end <= since) return events;
    for await (const piece of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (text + piece).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = /^(?:id: \d+\n)?data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) events.push(JSON.parse(data));
      }
      if ((events.at(-1)?.seq ?? 0) >= end) return events;
    }
    return events;
  } finally {
    abort.abort();
    await reply.body?.cancel().catch(() => {});
  }
}
