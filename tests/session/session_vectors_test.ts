import assert from "node:assert/strict";
import { concat, toHex } from "#kit";
import { sha256 } from "#crypto";
import { SecureSession, type SessionEvent } from "#session";
import { ScriptedRandom } from "#support/seeded_random.ts";
import {
  type HandshakeVector,
  handshakeVector,
  hex,
  noiseVectors,
  rejectText,
  roleOf,
  secretKey,
} from "#support/noise_vectors.ts";
import { dataOf, wireOf } from "#support/session_pair.ts";
import recorded from "../vectors/noise_xx.json" with { type: "json" };

/** The case in which one side takes no part in ML-KEM although the other one offers. */
const UNANSWERED = "offered, not answered";

function initiatorOf(vector: HandshakeVector): SecureSession {
  const kem = vector.mlkem768;
  const seed = kem === undefined ? [] : [hex(kem.seed)];
  return new SecureSession({
    role: "initiator",
    pattern: "XK",
    local: secretKey(vector.initiator.static_sk),
    remote: secretKey(vector.responder.static_sk).publicKey,
    random: new ScriptedRandom(hex(vector.initiator.ephemeral_sk), ...seed),
    offerPostQuantum: kem !== undefined,
  });
}

function responderOf(vector: HandshakeVector): SecureSession {
  const drawn = vector.mlkem768?.encapsulation_m ?? "00".repeat(32);
  return new SecureSession({
    role: "responder",
    pattern: "XK",
    local: secretKey(vector.responder.static_sk),
    random: new ScriptedRandom(hex(vector.responder.ephemeral_sk), hex(drawn)),
    offerPostQuantum: vector.name !== UNANSWERED,
  });
}

/** Wire bytes of handshake message 1, 2 or 3. */
function wire(vector: HandshakeVector, number: number): Uint8Array {
  return hex(vector.messages[number - 1]?.wire);
}

function established(vector: HandshakeVector, side: "initiator" | "responder"): SessionEvent {
  const peer = side === "initiator" ? vector.responder : vector.initiator;
  const downgraded = side === "initiator" && vector.name === UNANSWERED;
  const key = secretKey(peer.static_sk).publicKey;
  return { kind: "established", peer: key, postQuantum: vector.pq, downgraded };
}

for (const vector of noiseVectors.handshakes) {
  Deno.test(`SecureSession as responder replays "${vector.name}" byte for byte`, () => {
    const session = responderOf(vector);
    assert.deepEqual(session.start(), []);
    assert.deepEqual(session.push(wire(vector, 1)), [{ kind: "send", bytes: wire(vector, 2) }]);
    assert.deepEqual(session.push(wire(vector, 3)), [established(vector, "responder")]);
    for (const frame of vector.transport) {
      const plaintext = hex(frame.plaintext);
      if (frame.from === "responder") {
        const sealed = plaintext.length === 0 ? session.sealEmpty() : session.seal(plaintext);
        assert.equal(toHex(sealed), frame.wire);
      } else {
        const expected = plaintext.length === 0 ? [] : [{ kind: "data", bytes: plaintext }];
        assert.deepEqual(session.push(hex(frame.wire)), expected);
      }
    }
  });
}

// Our initiator offers a real key or nothing: it does not make the two cases with other payloads.
const ours = noiseVectors.handshakes.filter(({ messages, mlkem768 }) =>
  messages[0]?.payload === (mlkem768?.encapsulation_key ?? "")
);

for (const vector of ours) {
  Deno.test(`SecureSession as initiator replays "${vector.name}" byte for byte`, () => {
    const session = initiatorOf(vector);
    assert.deepEqual(session.start(), [{ kind: "send", bytes: wire(vector, 1) }]);
    assert.deepEqual(session.push(wire(vector, 2)), [
      { kind: "send", bytes: wire(vector, 3) },
      established(vector, "initiator"),
    ]);
    for (const frame of vector.transport) {
      const plaintext = hex(frame.plaintext);
      if (frame.from === "initiator") {
        const sealed = plaintext.length === 0 ? session.sealEmpty() : session.seal(plaintext);
        assert.equal(toHex(sealed), frame.wire);
      } else {
        assert.deepEqual(dataOf(session.push(hex(frame.wire))), plaintext);
      }
    }
  });
}

Deno.test("five of the recorded handshakes are ones our initiator makes", () => {
  assert.equal(ours.length, 5);
});

for (const vector of noiseVectors.handshake_reject) {
  Deno.test(`SecureSession ends at "${vector.name}" and says nothing to the peer`, () => {
    const recordedCase = handshakeVector(vector.case);
    const initiator = roleOf(vector.receiver) === "initiator";
    const session = initiator ? initiatorOf(recordedCase) : responderOf(recordedCase);
    session.start();
    if (vector.message_number === 3) session.push(wire(recordedCase, 1));
    const altered = hex(vector.message);
    const prefix = Uint8Array.of(altered.length >> 8, altered.length & 0xff);
    const events = session.push(concat(prefix, altered));
    assert.equal(events.length, 1);
    const [event] = events;
    assert.equal(event?.kind === "fatal" && event.message, rejectText(vector));
    assert.ok(session.dead && !session.established);
  });
}

for (const vector of noiseVectors.transport_receive) {
  Deno.test(`stream "${vector.name}": bytes and end are as recorded`, () => {
    const recordedCase = handshakeVector(vector.case);
    const session = responderOf(recordedCase);
    session.push(wire(recordedCase, 1));
    session.push(wire(recordedCase, 3));
    const events = session.push(hex(vector.frames.map((frame) => frame.wire).join("")));
    assert.equal(toHex(dataOf(events)), vector.stream_plaintext);
    const last = events.at(-1);
    const end = last?.kind === "fatal" ? last.message : "EOF"; // "EOF" is what the link says
    assert.equal(end, vector.stream_end);
    assert.equal(session.dead, vector.stream_end !== "EOF");
  });
}

for (const vector of noiseVectors.write_split) {
  Deno.test(`SecureSession seals a write of ${vector.plaintext_length} bytes as recorded`, () => {
    const recordedCase = handshakeVector(vector.case);
    const session = initiatorOf(recordedCase);
    session.start();
    session.push(wire(recordedCase, 2));
    const written = session.seal(
      Uint8Array.from({ length: vector.plaintext_length }, (_, j) => 3 * j),
    );
    assert.equal(toHex(sha256(written)), vector.wire_sha256);
  });
}

Deno.test("SecureSession replays the recorded XX session, records included", () => {
  const session = (role: "initiator" | "responder") => {
    const first = role === "initiator";
    const keys = first ? recorded.initiator_static : recorded.responder_static;
    const ephemeral = first ? recorded.initiator_ephemeral : recorded.responder_ephemeral;
    return new SecureSession({
      role,
      pattern: "XX",
      local: secretKey(keys.secret),
      random: new ScriptedRandom(hex(ephemeral.secret)),
      offerPostQuantum: false,
    });
  };
  const sides = { i: session("initiator"), r: session("responder") };
  const wires = recorded.wire.map((entry) => hex(entry.hex));
  assert.deepEqual(wireOf(sides.i.start()), wires[0]);
  assert.deepEqual(wireOf(sides.r.push(wires[0] ?? hex(""))), wires[1]);
  const last = sides.i.push(wires[1] ?? hex(""));
  assert.deepEqual(wireOf(last), wires[2]);
  const joined = sides.r.push(wires[2] ?? hex(""));
  for (
    const [event, key] of [[last[1], recorded.responder_static], [
      joined[0],
      recorded.initiator_static,
    ]] as const
  ) {
    assert.ok(event?.kind === "established");
    assert.equal(event.peer.hex, key.public);
  }
  const syn = hex(recorded.syn_frame);
  const ack = hex(recorded.ack_frame);
  for (
    const [from, to, frame, records] of [
      [sides.i, sides.r, syn, wires.slice(3, 5)],
      [sides.r, sides.i, ack, wires.slice(5, 7)],
    ] as const
  ) {
    assert.deepEqual([from.seal(frame.subarray(0, 12)), from.seal(frame.subarray(12))], records);
    assert.deepEqual(dataOf(to.push(concat(...records))), frame);
  }
});
