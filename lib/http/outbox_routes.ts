import { quoteForLog } from "#kit";
import type { ControlPorts, OutboxPort } from "./ports.ts";
import { emptyReply, jsonReply, textReply } from "./replies.ts";
import type { Handler, Route, RouteContext } from "./route.ts";

/** Queued messages, an addition of ours (docs/HTTP.md): what waits, and taking one back. */
export function outboxRoutes(ports: Pick<ControlPorts, "outbox">): readonly Route[] {
  const withOutbox =
    (handler: (c: RouteContext, outbox: OutboxPort) => Response | Promise<Response>): Handler =>
    (c) =>
      ports.outbox === undefined
        ? textReply(503, "the outbox needs --persist")
        : handler(c, ports.outbox);
  return [
    { path: "/outbox", on: { GET: withOutbox((_, outbox) => jsonReply(outbox.list())) } },
    { path: "/outbox/:id", on: { DELETE: withOutbox(cancel) } },
  ];
}

async function cancel(c: RouteContext, outbox: OutboxPort): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (await outbox.cancel(id)) return emptyReply(204);
  return textReply(404, `no queued message "${quoteForLog(id)}"`);
}
