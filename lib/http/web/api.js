// deno-lint-ignore-file skychat/globals -- runs in a browser, where there is no Clock
// @ts-check
/// <reference no-default-lib="true" />
/// <reference lib="es2023" />
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** What the page asks of the process it came from. Addresses are relative, for proxies with a prefix. */
import { parseExact, parseObject } from "./text.js";

/** Milliseconds before an event stream that was refused is asked for again. */
const RETRY_MS = 3_000;
/** Milliseconds to wait for events that were announced. */
const CATCH_UP_MS = 4_000;

/** An answer that is not a success; the message is the server's text. */
export class Refusal extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} path below the address of the page
 * @returns {Promise<any>} the JSON of the answer
 */
export async function get(path) {
  return await readJson(await fetch(`./${path}`));
}

/**
 * @param {string} path
 * @param {object} body
 * @returns {Promise<any>} the JSON of the answer; undefined when it has none
 */
export async function post(path, body) {
  const headers = { "content-type": "application/json" };
  return await readJson(
    await fetch(`./${path}`, { method: "POST", headers, body: JSON.stringify(body) }),
  );
}

/**
 * Takes a queued message back. False when it is not waiting any more.
 *
 * @param {string} id
 */
export async function takeBack(id) {
  const reply = await fetch(`./outbox/${encodeURIComponent(id)}`, { method: "DELETE" });
  if (reply.ok || reply.status === 404) return reply.ok;
  throw new Refusal((await reply.text()).trim(), reply.status);
}

/** @param {string} path */
export async function remove(path) {
  await readJson(await fetch(`./${path}`, { method: "DELETE" }));
}

/**
 * Sends a message to a group.
 *
 * @param {string} path of the group
 * @param {string} text
 * @returns {Promise<{ nanos: string, kept: boolean }>} the time that names it; whether it is on disk
 */
export async function sendToGroup(path, text) {
  const body = JSON.stringify({ text });
  const headers = { "content-type": "application/json" };
  const reply = await fetch(`./${path}/send`, { method: "POST", headers, body });
  await readJson(reply);
  return {
    nanos: reply.headers.get("x-skychat-ts-nano") ?? "",
    kept: reply.headers.get("x-skychat-stored") !== "false",
  };
}

/**
 * Sends a message and asks for a receipt.
 *
 * @param {{ recipient: string, message: string, replyTo?: string, queue: boolean, network: string }} request
 *   `network` is empty for the one that the process prefers
 * @returns {Promise<{ id: string, mark: "sent" | "queued" }>}
 */
export async function sendMessage({ recipient, message, replyTo, queue, network }) {
  const reply = await post("message", {
    recipient,
    message,
    receipts: true,
    ...(replyTo ? { reply_to: replyTo } : {}),
    ...(queue ? { queue: true } : {}),
    ...(network ? { network } : {}),
  });
  return { id: String(reply?.id ?? ""), mark: reply?.queued === true ? "queued" : "sent" };
}

/**
 * Follows the live stream for as long as the page is open.
 *
 * @param {(event: Record<string, unknown>) => void} onEvent
 * @param {(state: "open" | "lost") => void} onState
 */
export function followEvents(onEvent, onState) {
  const source = new EventSource("./sse");
  source.addEventListener("open", () => onState("open"));
  source.addEventListener("message", ({ data }) => {
    const event = parseObject(String(data));
    if (event !== undefined) onEvent(event);
  });
  source.addEventListener("error", () => {
    onState("lost");
    // The browser comes back by itself, except when the server answered with an error.
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => followEvents(onEvent, onState), RETRY_MS);
  });
}

/**
 * The numbered events after `since`, up to number `until`, or those that came in time.
 *
 * @param {number} since
 * @param {number} until
 * @returns {Promise<Record<string, unknown>[]>}
 */
export async function eventsBetween(since, until) {
  /** @type {Record<string, unknown>[]} */
  const events = [];
  if (until <= since) return events;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), CATCH_UP_MS);
  try {
    const path = `./events?channel=all,system&since=${since}`;
    const reply = await fetch(path, { signal: abort.signal });
    if (reply.ok && reply.body !== null) await readEvents(reply.body, until, events);
  } catch {
    // What came until then is worth having; the live stream has the rest.
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  return events;
}

/**
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {number} until
 * @param {Record<string, unknown>[]} events what was read is added here
 */
async function readEvents(body, until, events) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = line.startsWith("data:") ? parseObject(line.slice(5)) : undefined;
      if (event === undefined) continue;
      events.push(event);
      if (Number(event.seq) >= until) return;
    }
  }
}

/** @param {Response} reply */
async function readJson(reply) {
  const text = await reply.text();
  if (!reply.ok) throw new Refusal(text.trim() || `HTTP ${reply.status}`, reply.status);
  return text.trim() === "" ? undefined : parseExact(text);
}
