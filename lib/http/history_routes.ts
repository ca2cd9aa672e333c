import { unwrapBody } from "#events";
import { errorText, type Log } from "#kit";
import * as v from "valibot";
import { DEFAULT_HISTORY_LIMIT, MAX_HISTORY_LIMIT, MAX_SEARCH_HITS } from "./limits.ts";
import type { ControlPorts, HistoryPort, StoredMessage } from "./ports.ts";
import { emptyReply, jsonReply, textReply } from "./replies.ts";
import {
  flagField,
  readFields,
  readKey,
  type Route,
  type RouteContext,
  textField,
} from "./route.ts";

const FORGET_BODY = v.object({ pk: textField, id: textField, all: flagField });

/** Stored messages: listing, forgetting, searching (http-api.md 4.5 to 4.7, 4.10). */
export function historyRoutes(
  ports: Pick<ControlPorts, "history" | "chat">,
  log: Log,
): readonly Route[] {
  const stored = (
    read: (history: HistoryPort) => Promise<Response>,
  ): Response | Promise<Response> =>
    ports.history === undefined ? textReply(503, "persistence not enabled") : read(ports.history);
  return [
    { path: "/history", on: { GET: (c) => stored((history) => getHistory(c, history)) } },
    {
      path: "/history/peers",
      on: { GET: () => stored((history) => orReadError(() => history.peers())) },
    },
    { path: "/history/forget", on: { POST: (c) => postForget(c, ports) } },
    { path: "/search", on: { GET: (c) => getSearch(c, ports.history, log) } },
  ];
}

/** `GET /history`: the newest records, oldest first, structured bodies unwrapped. */
async function getHistory(c: RouteContext, history: HistoryPort): Promise<Response> {
  const text = c.req.query("limit") || String(DEFAULT_HISTORY_LIMIT);
  const limit = Math.min(Number(text), MAX_HISTORY_LIMIT);
  if (!/^[0-9]+$/.test(text) || limit === 0) return textReply(400, "invalid limit");
  const peer = c.req.query("peer") || undefined;
  return await orReadError(async () => (await readRecords(history, { peer, limit })).map(served));
}

function readRecords(
  history: HistoryPort,
  { peer, limit }: { peer: string | undefined; limit: number },
): Promise<readonly StoredMessage[]> {
  if (peer === undefined) return history.recent(limit);
  // Conversations are filed under lower-case keys; nothing else can name one.
  return /^[0-9a-f]{66}$/.test(peer) ? history.byPeer(peer, limit) : Promise.resolve([]);
}

async function orReadError(read: () => Promise<unknown>): Promise<Response> {
  try {
    return jsonReply(await read());
  } catch (thrown) {
    return textReply(500, errorText(thrown));
  }
}

/** A record as people are to see it (history.md 3). The store keeps it raw. */
export function served(record: StoredMessage): object {
  const body = unwrapBody(record.text);
  if (body.kind === "plain") return record;
  if (body.kind === "forward") {
    return { ...record, text: body.text, forwarded: true, forward_from: body.from || undefined };
  }
  return {
    ...record,
    text: body.text,
    reply_to_sender: body.sender || undefined,
    reply_to_ts: body.time || undefined,
    reply_to_preview: body.preview || undefined,
  };
}

/** `POST /history/forget`: here only, the peer is told nothing. */
async function postForget(
  c: RouteContext,
  ports: Pick<ControlPorts, "history" | "chat">,
): Promise<Response> {
  if (ports.history === undefined) return await forgetReplayOnly(c, ports);
  const { pk, id, all } = await readFields(c, FORGET_BODY);
  const peer = readKey(pk).hex;
  if (!all && id === "") return textReply(400, "missing id");
  try {
    if (all) await ports.history.forgetPeer(peer);
    else await ports.history.forget(peer, id);
  } catch (thrown) {
    return textReply(500, `history delete failed: ${errorText(thrown)}`);
  } finally {
    // Afterwards: a page that was being read for a returning client would bring events back.
    ports.chat?.forgetReplay(peer, all ? undefined : id);
  }
  return emptyReply(204);
}

/** Without a store the answer is 204 whatever the body; replay buffers there are all the same. */
async function forgetReplayOnly(
  c: RouteContext,
  { chat }: Pick<ControlPorts, "chat">,
): Promise<Response> {
  try {
    const { pk, id, all } = await readFields(c, FORGET_BODY);
    const peer = readKey(pk).hex;
    if (all || id !== "") chat?.forgetReplay(peer, all ? undefined : id);
  } catch {
    // The deployed system does not look at the body here, so what is wrong with it stays unsaid.
  }
  return emptyReply(204);
}

/** `GET /search`: a source that cannot be read is skipped, so it never fails. */
async function getSearch(
  c: RouteContext,
  history: HistoryPort | undefined,
  log: Log,
): Promise<Response> {
  const query = c.req.query("q") ?? "";
  if (history === undefined || query.trim() === "") return jsonReply([]);
  try {
    return jsonReply(await history.search(query, MAX_SEARCH_HITS));
  } catch (thrown) {
    log.warn(`skychat: history cannot be searched: ${errorText(thrown)}`);
    return jsonReply([]);
  }
}
