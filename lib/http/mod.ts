/**
 * The local control surface: HTTP routes, event streams and the web page, on a guarded TCP port.
 *
 * Sees `#kit`, keys of `#crypto`, `#events` and its own `ports.ts` and `group_port.ts`; `#app` plugs
 * the rest of the process into those ports. It never sends to a peer, never stores anything and never
 * reads files. Format: `docs/spec/http-api.md`, and `docs/HTTP.md` for what is ours.
 *
 * Bottom up: `request_head.ts`, `chunked_body.ts` and `request_parser.ts` read HTTP/1.1 strictly,
 * `connection.ts` serves one client, `admission.ts` says who may send which body, `app.ts` holds the
 * routes (one file for each family of them, `route.ts` for what they share), `server.ts` the port.
 *
 * @example
 * ```ts
 * import { silentLog, systemClock } from "#kit";
 * import { EventHub } from "#events";
 * import { ControlServer } from "#http";
 *
 * const events = new EventHub({ clock: systemClock });
 * const server = new ControlServer({
 *   send: () => Promise.resolve({ kind: "sent", id: "8077ca12ee05c806", network: "tcp-direct" }),
 *   status: () => ({ peers: [] }),
 *   events,
 * }, { address: ":0", allowNonLoopback: false, log: silentLog, clock: systemClock });
 * const address = server.listen();
 * const reply = await fetch(`http://${address}/status`);
 * console.assert(await reply.text() === '{"peers":[]}\n');
 * events.close();
 * await server.shutdown();
 * ```
 *
 * @module
 */
export { AddressError, bindRefusal, type ControlAddress, parseControlAddress } from "./address.ts";
export { type AppContext, createApp } from "./app.ts";
export { createGate, type GateOptions } from "./auth.ts";
export type * from "./group_port.ts";
export * from "./limits.ts";
export { ListenError, type ListenFailure } from "./listen_error.ts";
export type * from "./ports.ts";
export { ControlServer } from "./server.ts";
