import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { type App, startApp } from "./spawn.ts";

/** History without limits. */
export const NO_LIMITS: readonly string[] = ["per-peer-rate", "per-peer-cap", "total-cap", "ttl"]
  .map((limit) => `--persist-${limit}=0`);

/** What a test decides about a node with `--cxo`. */
export interface CxoAppOptions {
  /** One digit; the key follows from it. */
  readonly who: number;
  /** Where it serves its feed: a port of the system's choice by default. */
  readonly listen?: string;
  /** Feeds that it follows. */
  readonly peers?: readonly string[];
  /** Folder of its store; nothing is kept without one. */
  readonly folder?: string | undefined;
  readonly flags?: readonly string[];
}

/** The secret key of somebody, in hex. */
export function secretOf(who: number): string {
  return `${who}d`.repeat(32);
}

/** The public key of somebody. */
export function keyOf(who: number): string {
  return SecretKey.parse(secretOf(who)).publicKey.hex;
}

/** A node with a feed. */
export async function startCxo(options: CxoAppOptions): Promise<App> {
  const { flags = [], folder, listen = "127.0.0.1:0", peers = [], who } = options;
  const app = await startApp([
    ...["--sk", secretOf(who), "--cxo", "--cxo-listen", listen],
    ...peers.flatMap((peer) => ["--cxo-peer", peer]),
    ...(folder === undefined ? [] : ["--persist", "--persist-db", `${folder}/${who}.db`]),
    ...(folder === undefined ? [] : NO_LIMITS),
    ...flags,
  ]);
  return app;
}

/** Under what others follow a node, perhaps at another address. */
export function specOf(app: App, address: string = app.cxoAddr): string {
  return `tcp://${app.pk}@${address}`;
}

/** The JSON answer to a GET. */
// deno-lint-ignore no-explicit-any -- tests look at answers of every shape
export async function ask(app: App, path: string): Promise<any> {
  const reply = await fetch(`http://${app.addr}${path}`);
  assert.equal(reply.status, 200, path);
  return await reply.json();
}

/** Posts a message; the status and the answer's JSON or text. */
export async function post(
  app: App,
  body: object,
): Promise<{ status: number; body: unknown }> {
  const reply = await fetch(`http://${app.addr}/message`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  return { status: reply.status, body: text.startsWith("{") ? JSON.parse(text) : text };
}

/** Publishes texts, one after the other. */
export async function publish(app: App, texts: readonly string[]): Promise<void> {
  for (const message of texts) {
    assert.deepEqual(await post(app, { recipient: keyOf(9), message }), {
      status: 200,
      body: { network: "cxo", ok: true },
    });
  }
}

/** An event of `/events`. */
export interface CxoEvent {
  readonly id: string;
  readonly seq: number;
  readonly dir: string;
  readonly from: string;
  readonly text: string;
  readonly channel: string;
  readonly transport: string;
  readonly ts: string;
}

/**
 * Everything on `/events` from the beginning, or of another query, as soon as what is there is enough;
 * after 20 seconds as it is, so that a test can say what is missing.
 */
export async function eventsUntil(
  app: App,
  isEnough: (events: readonly CxoEvent[]) => boolean,
  query = "since=0",
): Promise<CxoEvent[]> {
  const abort = new AbortController();
  const late = setTimeout(() => abort.abort(), 20_000);
  const events: CxoEvent[] = [];
  try {
    const reply = await fetch(`http://${app.addr}/events?${query}`, { signal: abort.signal });
    let rest = "";
    for await (const piece of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (rest + piece).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = /^(?:id: \d+\n)?data: (.*)$/.exec(block)?.[1];
        if (data !== undefined) events.push(JSON.parse(data));
      }
      if (isEnough(events)) break;
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    clearTimeout(late);
    abort.abort();
  }
  return events;
}

/** Texts that a node received from a feed, once so many are there. */
export async function textsFrom(app: App, from: string, count: number): Promise<string[]> {
  const mine = (events: readonly CxoEvent[]) =>
    events.filter((event) => event.dir === "in" && event.from === from);
  return mine(await eventsUntil(app, (events) => mine(events).length >= count))
    .map(({ text }) => text);
}
