/**
 * Links to peers over TCP: endpoints, streams, handshakes with deadlines, dialling, accepting.
 *
 * Above `#session`, whose machine it feeds; below `#chat`, which gets {@link Link}s. It is the only
 * layer with sockets (`deno_tcp.ts`) and with peers' deadlines, limits and back-pressure. It never
 * looks into the stream, knows no frames and no messages, and tells a peer nothing about failures.
 * Formats and texts: `docs/spec/noise.md` sections 5 to 9, `docs/spec/messages.md` section 8.
 *
 * @example
 * ```ts
 * import { SecretKey } from "#crypto";
 * import { silentLog, systemClock, systemRandom, utf8, utf8Text } from "#kit";
 * import { Acceptor, dialLink, MemoryNetwork, parseListenAddress, parsePeerSpec, parseWhitelist } from "#net";
 *
 * const network = new MemoryNetwork(); // or denoNetwork
 * const [alice, bob] = [SecretKey.generate(systemRandom), SecretKey.generate(systemRandom)];
 * const shared = { network, clock: systemClock, random: systemRandom, log: silentLog, requirePostQuantum: false };
 * const whitelist = parseWhitelist(alice.publicKey.hex, silentLog);
 * if (whitelist === "all-invalid") throw new Error("Cannot listen: no key is valid");
 *
 * const acceptor = new Acceptor({ ...shared, local: bob }, {
 *   address: parseListenAddress(":8801"),
 *   label: ":8801",
 *   whitelist,
 *   onLink: (link) => link.serve((bytes) => link.write(bytes)),
 * });
 * acceptor.listen();
 * const accepting = acceptor.run();
 *
 * const endpoint = parsePeerSpec(`tcp://${bob.publicKey}@127.0.0.1:8801`);
 * const link = await dialLink({ ...shared, local: alice }, endpoint);
 * await link.write(utf8("echo"));
 * await link.serve((bytes) => {
 *   console.assert(utf8Text(bytes) === "echo");
 *   link.close();
 * });
 * acceptor.close();
 * await accepting;
 * ```
 *
 * @module
 */
export { type AcceptLimits, DEFAULT_ACCEPT_LIMITS, HANDSHAKE_GRACE_MS } from "./accept_gate.ts";
export * from "./acceptor.ts";
export * from "./byte_stream.ts";
export * from "./deno_tcp.ts";
export * from "./dial_feed.ts";
export {
  CONNECT_LIMIT_MS,
  DialError,
  type DialFailure,
  dialLink,
  type DialOptions,
} from "./dial_link.ts";
export * from "./dialer.ts";
export * from "./endpoint.ts";
export { FLOOD_LINES, FLOOD_WINDOW_MS, FloodLog, type FloodLogOptions } from "./flood_log.ts";
export {
  HANDSHAKE_BUFFER_BYTES,
  HANDSHAKE_LIMIT_MS,
  HandshakeError,
  type Handshaken,
} from "./handshake.ts";
export * from "./link.ts";
export * from "./link_context.ts";
export * from "./link_end.ts";
export { COALESCE_BYTES, IDLE_RECORD_MS, WRITE_LIMIT_MS } from "./link_writer.ts";
export * from "./memory_network.ts";
export * from "./memory_stream.ts";
export * from "./rate_limiter.ts";
export * from "./whitelist.ts";
export * from "./write_queue.ts";
