import { type Clock, errorText, type Log, quoteForLog } from "#kit";
import { type Context, Hono } from "hono";
import type { ControlAddress } from "./address.ts";
import { assetReply, isAsset } from "./assets.ts";
import { eventRoutes } from "./event_routes.ts";
import { refusalFor } from "./guard.ts";
import { limitWaits, postMessage } from "./message_route.ts";
import type { ControlPorts } from "./ports.ts";
import { jsonReply, textReply } from "./replies.ts";

/** What the routes need besides {@link ControlPorts}. */
export interface AppContext {
  /** Where the server listens: decides which Host headers are ours. */
  address: ControlAddress;
  /** For the pings of event streams. */
  clock: Clock;
  /** For mistakes of ours. */
  log: Log;
  /** Event streams at a time. */
  maxStreams?: number;
}

type Reply = Response | Promise<Response>;

/**
 * The routes (http-api.md 3) as a function from request to response; knows no socket. A body without
 * Content-Length is an endless stream, and whoever asked must read or cancel it.
 */
export function createApp(
  ports: ControlPorts,
  context: AppContext,
): (request: Request) => Response | Promise<Response> {
  const app = new Hono();
  const streams = eventRoutes(ports, context);
  app.use("*", async (c, next) => {
    const refusal = refusalFor({
      host: c.req.header("host"),
      origin: c.req.header("origin"),
      secFetchSite: c.req.header("sec-fetch-site"),
    }, context.address);
    if (refusal !== undefined) return textReply(403, refusal);
    return await next();
  });
  const messages = limitWaits(ports);
  app.all("/message", only(["POST"], async (c) => postMessage(await c.req.text(), messages)));
  app.all("/status", only(["GET"], () => jsonReply(ports.status())));
  app.all("/sse", only(["GET"], streams.sse));
  app.all("/events", only(["GET"], streams.events));
  const noHistory = only(["GET"], () => textReply(503, "persistence not enabled"));
  app.all("/history", noHistory);
  app.all("/history/peers", noHistory);
  // Matches /pair itself too. Its methods do not matter: it never works without a visor.
  app.all("/pair/*", () => textReply(503, "pairing disabled (visor RPC unavailable)"));
  const asset = only(["GET", "HEAD"], (c) => assetReply(c.req.path));
  app.notFound((c) => isAsset(c.req.path) ? asset(c) : assetReply(c.req.path));
  app.onError((error, c) => {
    context.log.error(`${c.req.method} ${quoteForLog(c.req.path)} failed: ${errorText(error)}`);
    return textReply(500, "internal error");
  });
  return (request) => app.fetch(request);
}

/** The method rule of http-api.md 1.3: another method gets 405 `<METHODS> only`. */
function only(methods: readonly string[], handler: (c: Context) => Reply): (c: Context) => Reply {
  return (c) => {
    if (methods.includes(c.req.method)) return handler(c);
    return textReply(405, `${methods.join(" or ")} only`, { allow: methods.join(", ") });
  };
}
