import { type Clock, errorText, type Log, quoteForLog, utf8 } from "#kit";
import { type Context, Hono } from "hono";
import type { ControlAddress } from "./address.ts";
import { Admission, type Arrival, type BodyRule } from "./admission.ts";
import { arrivalOfRequest } from "./arrival.ts";
import { assetReply, isAsset } from "./assets.ts";
import { eventRoutes } from "./event_routes.ts";
import { groupRoutes } from "./group_routes.ts";
import { healthRoutes } from "./health_routes.ts";
import { historyRoutes } from "./history_routes.ts";
import { messageActions } from "./message_actions.ts";
import { limitWaits, postMessage } from "./message_route.ts";
import { outboxRoutes } from "./outbox_routes.ts";
import { peopleRoutes } from "./people_routes.ts";
import type { ControlPorts, PasswordGate } from "./ports.ts";
import { refusedRoutes } from "./refused_routes.ts";
import { jsonReply, textReply } from "./replies.ts";
import { byMethod, mount, refusalOf, type Route, type RouteBindings } from "./route.ts";
import { smallRoutes } from "./small_routes.ts";
import { transferRoutes } from "./transfer_routes.ts";

/** What the routes need besides {@link ControlPorts}. */
export interface AppContext {
  /** Where the server listens: decides which Host headers are ours. */
  readonly address: ControlAddress;
  /** Who may use the surface; everybody who reaches it when absent (http-api.md 2). */
  readonly gate?: PasswordGate | undefined;
  /** For the pings of event streams. */
  readonly clock: Clock;
  /** For mistakes of ours. */
  readonly log: Log;
  /** Event streams at a time. */
  readonly maxStreams?: number;
  /** Messages that wait for their receipt at a time. */
  readonly maxWaits?: number;
}

/** The control surface without its sockets, in two steps: before and after the body of a request. */
export interface ControlApp {
  /** A refusal, or how the body is to be read. Never rejects. */
  admit(arrival: Arrival): Promise<Response | BodyRule>;
  /** Answers an admitted request. */
  handle(request: Request, rule: BodyRule): Response | Promise<Response>;
}

/** The routes of http-api.md 3, and ours of docs/HTTP.md. */
export function createControlApp(ports: ControlPorts, context: AppContext): ControlApp {
  const app = new Hono<RouteBindings>();
  mount(app, [
    ...streamRoutes(ports, context),
    ...historyRoutes(ports, context.log),
    ...messageActions(ports),
    ...peopleRoutes(ports),
    ...transferRoutes(ports, context),
    ...smallRoutes(ports),
    ...outboxRoutes(ports),
    ...groupRoutes(ports),
    ...healthRoutes(ports),
    ...refusedRoutes(ports),
  ]);
  const getAsset = (c: Context) => assetReply(c.req.path);
  const asset = byMethod({ GET: getAsset, HEAD: getAsset });
  app.notFound((c) => isAsset(c.req.path) ? asset(c) : assetReply(c.req.path));
  app.onError((error, c) => {
    const refusal = refusalOf(error);
    if (refusal !== undefined) return refusal;
    context.log.error(`${c.req.method} ${quoteForLog(c.req.path)} failed: ${errorText(error)}`);
    return textReply(500, "internal error");
  });
  const admission = new Admission(context);
  return {
    admit: (arrival) => admission.admit(arrival),
    handle: (request, { archive }) => app.fetch(request, { archive }),
  };
}

/** Sending, status and the two event streams. */
function streamRoutes(ports: ControlPorts, context: AppContext): readonly Route[] {
  const messages = limitWaits(ports, context.maxWaits);
  const streams = eventRoutes(ports, context);
  return [
    { path: "/message", on: { POST: async (c) => postMessage(await c.req.text(), messages) } },
    { path: "/status", on: { GET: () => jsonReply(ports.status()) } },
    { path: "/sse", on: { GET: (c) => streams.sse(c) } },
    { path: "/events", on: { GET: (c) => streams.events(c) } },
  ];
}

/**
 * The routes as one function from request to response; knows no socket. A body without
 * Content-Length is a stream, and whoever asked must read or cancel it.
 *
 * Bodies are not bounded here: that is the server's part.
 */
export function createApp(
  ports: ControlPorts,
  context: AppContext,
): (request: Request, client?: string) => Promise<Response> {
  const app = createControlApp(ports, context);
  return async (request, client = "127.0.0.1") => {
    const verdict = await app.admit(arrivalOfRequest(request, client));
    if (verdict instanceof Response) return verdict;
    try {
      verdict.archive?.push(utf8(await request.text()));
      return await app.handle(request, verdict);
    } finally {
      verdict.release?.();
    }
  };
}
