import { concat } from "#kit";
import { SecretKey } from "#crypto";
import { SecureSession, type SessionEvent, type SessionOptions } from "#session";
import { SeededRandom } from "./seeded_random.ts";

/** What both ends of a pair can be told to do differently. */
export interface PairOptions {
  readonly pattern?: "XK" | "XX";
  readonly seed?: number;
  readonly initiator?: Partial<SessionOptions>;
  readonly responder?: Partial<SessionOptions>;
}

/** Two sessions that have not spoken yet, with repeatable keys. */
export interface SessionPair {
  readonly alice: SecretKey;
  readonly bob: SecretKey;
  readonly initiator: SecureSession;
  readonly responder: SecureSession;
}

/** Alice dials, Bob accepts. */
export function sessionPair(options: PairOptions = {}): SessionPair {
  const random = new SeededRandom(options.seed ?? 1);
  const pattern = options.pattern ?? "XK";
  const [alice, bob] = [SecretKey.generate(random), SecretKey.generate(random)];
  const pinned = pattern === "XK" ? { remote: bob.publicKey } : {};
  return {
    alice,
    bob,
    initiator: new SecureSession({
      role: "initiator",
      pattern,
      local: alice,
      random,
      ...pinned,
      ...options.initiator,
    }),
    responder: new SecureSession({
      role: "responder",
      pattern,
      local: bob,
      random,
      ...options.responder,
    }),
  };
}

/** All wire bytes that these events want written. */
export function wireOf(events: readonly SessionEvent[]): Uint8Array {
  return concat(...events.flatMap((event) => event.kind === "send" ? [event.bytes] : []));
}

/** All stream bytes of these events. */
export function dataOf(events: readonly SessionEvent[]): Uint8Array {
  return concat(...events.flatMap((event) => event.kind === "data" ? [event.bytes] : []));
}

/** The handshake's events of both sides; the last ones say how it ended. */
export function shakeHands({ initiator, responder }: SessionPair): {
  readonly initiator: readonly SessionEvent[];
  readonly responder: readonly SessionEvent[];
} {
  const answer = responder.push(wireOf(initiator.start()));
  const last = initiator.push(wireOf(answer));
  return { initiator: last, responder: responder.push(wireOf(last)) };
}

/** A pair that can seal and open. */
export function establishedPair(options: PairOptions = {}): SessionPair {
  const pair = sessionPair(options);
  shakeHands(pair);
  return pair;
}
