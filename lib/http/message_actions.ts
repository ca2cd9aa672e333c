import * as v from "valibot";
import { MAX_RECEIPT_IDS } from "./limits.ts";
import type { ChatPort, ControlPorts } from "./ports.ts";
import { emptyReply, textReply } from "./replies.ts";
import { readFields, readKey, type Route, type RouteContext, textField } from "./route.ts";

const DELETE_BODY = v.object({ pk: textField, id: textField });
const IDS = v.array(textField, "must be a list");
const RECEIPT_BODY = v.object({
  pk: textField,
  ids: v.optional(v.nullable(IDS, []), []),
  id: textField,
});

/** What is done to single messages: retract, confirm as read (http-api.md 4.8, 4.9). */
export function messageActions(ports: Pick<ControlPorts, "chat">): readonly Route[] {
  return [
    { path: "/delete", on: { POST: (c) => postDelete(c, ports.chat) } },
    { path: "/read-receipt", on: { POST: (c) => postReadReceipt(c, ports.chat) } },
  ];
}

async function postDelete(c: RouteContext, chat: ChatPort | undefined): Promise<Response> {
  const { pk, id } = await readFields(c, DELETE_BODY);
  const peer = readKey(pk);
  if (id === "") return textReply(400, "missing id");
  if (chat === undefined) return notReady();
  await chat.sendDelete(peer, id);
  return emptyReply(204);
}

async function postReadReceipt(c: RouteContext, chat: ChatPort | undefined): Promise<Response> {
  const { pk, ids, id } = await readFields(c, RECEIPT_BODY);
  const peer = readKey(pk);
  const wanted = [...ids, id].filter((text) => text.trim() !== "");
  if (wanted.length > MAX_RECEIPT_IDS) {
    return textReply(400, `too many ids: at most ${MAX_RECEIPT_IDS} in one request`);
  }
  if (chat === undefined) return notReady();
  if (wanted.length > 0) await chat.sendRead(peer, wanted);
  return emptyReply(204);
}

function notReady(): Response {
  return textReply(503, "chat controller not ready");
}
