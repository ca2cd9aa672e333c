import * as v from "valibot";
import { networkOf } from "./message_route.ts";
import type { ControlPorts } from "./ports.ts";
import { emptyReply, jsonReply, textReply } from "./replies.ts";
import {
  booleanField,
  parseFields,
  readFields,
  readKey,
  type Route,
  type RouteContext,
  textField,
} from "./route.ts";

const UNREAD_BODY = v.object({
  unread: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
});
const LINK_BODY = v.object({ pk: textField, network: textField });
const CAPABLE_BODY = v.object({ capable: booleanField });
const FOCUS_BODY = v.object({ key: textField, focused: booleanField });

/** The small ones of http-api.md 4.18: unread, link, notify, calls. */
export function smallRoutes(ports: Pick<ControlPorts, "chat" | "unread">): readonly Route[] {
  return [
    {
      path: "/unread",
      on: {
        GET: () => ports.unread ? jsonReply({ unread: ports.unread.read() }) : noCount(),
        POST: (c) => postUnread(c, ports),
      },
    },
    {
      path: "/link",
      on: {
        GET: (c) => linkReply(ports, { pk: c.req.query("pk") ?? "" }),
        POST: async (c) => linkReply(ports, await readFields(c, LINK_BODY)),
      },
    },
    // Nothing here shows desktop notifications: who could show them is accepted and not remembered.
    { path: "/notify-capable", on: { POST: (c) => accept(c, CAPABLE_BODY) } },
    { path: "/notify-focus", on: { POST: (c) => accept(c, FOCUS_BODY) } },
    { path: "/calls", on: { GET: () => jsonReply([]) } },
  ];
}

async function postUnread(
  c: RouteContext,
  { unread }: Pick<ControlPorts, "unread">,
): Promise<Response> {
  const body = await c.req.text();
  if (unread === undefined) return noCount();
  let total: number;
  try {
    total = parseFields(body, UNREAD_BODY).unread;
  } catch {
    return textReply(400, "invalid body");
  }
  unread.reset(total);
  return emptyReply(204);
}

function noCount(): Response {
  return textReply(503, "unread count unavailable");
}

/** How this node stands with a peer; where a network is given, after it began to connect if it was not. */
function linkReply(
  { chat }: Pick<ControlPorts, "chat">,
  { network, pk }: { pk: string; network?: string },
): Response {
  const peer = readKey(pk);
  if (chat === undefined) return textReply(503, "chat controller not ready");
  if (network === undefined) return jsonReply(chat.linkState(peer));
  return jsonReply(chat.connect(peer, networkOf({ network })));
}

async function accept<Entries extends v.ObjectEntries>(
  c: RouteContext,
  schema: v.ObjectSchema<Entries, undefined>,
): Promise<Response> {
  await readFields(c, schema);
  return emptyReply(204);
}
