/**
 * A secure session with one peer as a machine without I/O, and the chat frames inside it.
 *
 * Above `#noise`, below `#net`, which moves the bytes and keeps the deadlines. {@link SecureSession}
 * turns wire bytes into stream bytes and back; {@link FrameDecoder} and {@link encodeFrame} cut that
 * stream into payloads. It never opens a socket, never waits, never logs, never throws for what a
 * peer sends. Formats: `docs/spec/noise.md` sections 3 to 6, `docs/spec/messages.md` section 1.
 *
 * @example
 * ```ts
 * import { systemRandom as random, utf8, utf8Text } from "#kit";
 * import { SecretKey } from "#crypto";
 * import { encodeFrame, FrameDecoder, SecureSession, type SessionEvent } from "#session";
 *
 * const [alice, bob] = [SecretKey.generate(random), SecretKey.generate(random)];
 * const remote = bob.publicKey;
 * const dialer = new SecureSession({ role: "initiator", pattern: "XK", local: alice, remote, random });
 * const server = new SecureSession({ role: "responder", pattern: "XK", local: bob, random });
 *
 * const wire = (events: readonly SessionEvent[]) =>
 *   events.flatMap((event) => event.kind === "send" ? [...event.bytes] : []);
 * const answer = server.push(Uint8Array.from(wire(dialer.start())));
 * const last = dialer.push(Uint8Array.from(wire(answer)));
 * server.push(Uint8Array.from(wire(last)));
 *
 * const frames = new FrameDecoder();
 * for (const event of server.push(dialer.seal(encodeFrame(utf8("hello"))))) {
 *   if (event.kind !== "data") continue;
 *   for (const frame of frames.push(event.bytes)) {
 *     console.assert(frame.kind === "frame" && utf8Text(frame.payload) === "hello");
 *   }
 * }
 * ```
 *
 * @module
 */
export * from "./app_frame.ts";
export * from "./secure_session.ts";
