/**
 * Noise handshakes and transport records, as deployed skywire peers speak them.
 *
 * Above `#crypto`, below `#session`, which drives it. One machine runs every pattern (a table) with
 * every suite (a value); three deviations from the Noise specification are named where they are
 * made: the split order (`suite.ts`), the ML-KEM step (`hybrid.ts`) and numbered records
 * (`transport_state.ts`). It never waits, never sees a socket and never throws for what a peer sends.
 * Format: `docs/spec/noise.md` sections 3 to 6, for XX `docs/spec/cxo.md` section 2.1.
 *
 * @example
 * ```ts
 * import { systemRandom as random } from "#kit";
 * import { SecretKey } from "#crypto";
 * import { HandshakeState, SKYWIRE_SUITE as suite, TransportState, XX as pattern } from "#noise";
 *
 * const local = SecretKey.generate(random);
 * const dialer = new HandshakeState({ pattern, suite, role: "initiator", local, random });
 * const server = new HandshakeState({ pattern, suite, role: "responder", local, random });
 * server.readMessage(dialer.writeMessage());
 * dialer.readMessage(server.writeMessage());
 * server.readMessage(dialer.writeMessage());
 *
 * const sender = new TransportState(dialer.transportKeys());
 * const receiver = new TransportState(server.transportKeys());
 * const record = sender.seal(Uint8Array.of(1, 2, 3));
 * const opened = receiver.open(record.subarray(2)); // without the length prefix
 * console.assert(opened.ok && opened.bytes[2] === 3);
 * ```
 *
 * @module
 */
export * from "./failure.ts";
export * from "./frame.ts";
export * from "./handshake_state.ts";
export * from "./hybrid.ts";
export * from "./patterns.ts";
export * from "./suite.ts";
export type { SplitKeys, SymmetricSnapshot } from "./symmetric_state.ts";
export type { TransportKeys } from "./transport_keys.ts";
export * from "./transport_state.ts";
