import assert from "node:assert/strict";
import { concat, NO_BYTES, toHex, utf8 } from "#kit";
import { hkdfSha256 } from "#crypto";
import {
  encodeNoiseFrame,
  HandshakeState,
  HybridExchange,
  NoiseFrameDecoder,
  type Role,
  SKYWIRE_SUITE,
  type SymmetricSnapshot,
  type TransportKeys,
  TransportState,
  XK,
} from "#noise";
import {
  type HandshakeVector,
  handshakeVector,
  hex,
  noiseVectors,
  rejectText,
  roleOf,
  secretKey,
} from "#support/noise_vectors.ts";
import { ScriptedRandom } from "#support/seeded_random.ts";

interface Step {
  step: string;
  ck: string;
  h: string;
  k?: string;
}

/** One side of a recorded handshake, with the steps it took. */
function party(vector: HandshakeVector, role: Role): { state: HandshakeState; steps: Step[] } {
  const steps: Step[] = [];
  const keys = vector[role];
  assert.equal(secretKey(keys.ephemeral_sk).publicKey.hex, keys.ephemeral_pk);
  const remote = secretKey(vector.responder.static_sk).publicKey;
  const state = new HandshakeState({
    pattern: XK,
    suite: SKYWIRE_SUITE,
    role,
    local: secretKey(keys.static_sk),
    remote: role === "initiator" ? remote : undefined,
    random: new ScriptedRandom(hex(keys.ephemeral_sk)),
    observe: (step, snapshot) => steps.push(asVector(step, snapshot)),
  });
  return { state, steps };
}

function asVector(step: string, { chainingKey, hash, key }: SymmetricSnapshot): Step {
  const name = step === "prologue" ? "prologue (empty)" : step;
  const seen = { step: name, ck: toHex(chainingKey), h: toHex(hash) };
  return key === undefined ? seen : { ...seen, k: toHex(key) };
}

/** Runs both sides over the recorded payloads and returns them when all messages agreed. */
function run(vector: HandshakeVector) {
  const sides = {
    initiator: party(vector, "initiator"),
    responder: party(vector, "responder"),
  };
  for (const { from, payload, message, wire, length } of vector.messages) {
    const [writer, reader] = roleOf(from) === "initiator"
      ? [sides.initiator, sides.responder]
      : [sides.responder, sides.initiator];
    const written = writer.state.writeMessage(hex(payload));
    assert.equal(toHex(written), message);
    assert.equal(written.length, length);
    assert.equal(toHex(encodeNoiseFrame(written)), wire);
    const read = reader.state.readMessage(written);
    assert.ok(read.ok);
    assert.equal(toHex(read.bytes), payload);
  }
  return sides;
}

for (const vector of noiseVectors.handshakes) {
  Deno.test(`HandshakeState goes through every step of "${vector.name}"`, () => {
    const { initiator, responder } = run(vector);
    assert.deepEqual(initiator.steps, vector.steps);
    assert.deepEqual(responder.steps, vector.steps);
    for (const { state } of [initiator, responder]) {
      assert.equal(state.turn, "done");
      assert.equal(toHex(state.hash), vector.handshake_hash);
      assert.equal(toHex(state.split().first), vector.split_first);
      assert.equal(toHex(state.split().second), vector.split_second);
    }
    assert.equal(responder.state.remoteStatic?.hex, vector.initiator.static_pk);
    assert.equal(initiator.state.remoteStatic?.hex, vector.responder.static_pk);
  });

  Deno.test(`HybridExchange and TransportState give keys and records of "${vector.name}"`, () => {
    const keys = finalKeys(vector);
    const sent = hexKeys(keys.initiator);
    assert.deepEqual(sent, [vector.initiator_to_responder, vector.responder_to_initiator]);
    assert.deepEqual(hexKeys(keys.responder), sent.toReversed());
    const states = {
      initiator: new TransportState(keys.initiator),
      responder: new TransportState(keys.responder),
    };
    for (const { from, nonce, plaintext, wire } of vector.transport) {
      const [writer, reader] = roleOf(from) === "initiator"
        ? [states.initiator, states.responder]
        : [states.responder, states.initiator];
      const record = plaintext === "" ? writer.sealEmpty() : writer.seal(hex(plaintext));
      assert.equal(toHex(record), wire);
      assert.equal(new DataView(record.buffer).getBigUint64(2), BigInt(nonce));
      assert.deepEqual(reader.open(record.subarray(2)), { ok: true, bytes: hex(plaintext) });
    }
    assert.equal(vector.transport.length, 12);
    if (vector.pq) assert.equal(mixed(vector), vector.initiator_to_responder);
  });
}

/** The initiator's final key from the recorded KEM secret alone. */
function mixed(vector: HandshakeVector): string {
  return toHex(hkdfSha256({
    ikm: concat(hex(vector.split_second), hex(vector.mlkem768?.shared_secret)),
    salt: hex(vector.handshake_hash),
    info: utf8(noiseVectors.constants.hybrid_info),
    length: 32,
  }));
}

function hexKeys(keys: TransportKeys): string[] {
  return [toHex(keys.send), toHex(keys.receive)];
}

/** Does the ML-KEM part of a case as the payloads of its messages say. */
function finalKeys(
  vector: HandshakeVector,
): { initiator: TransportKeys; responder: TransportKeys } {
  const { initiator, responder } = run(vector);
  const kem = vector.mlkem768;
  const [first, second] = vector.messages;
  assert.ok(first && second);
  const seed = kem ? [hex(kem.seed)] : [];
  const dialer = new HybridExchange(new ScriptedRandom(...seed));
  if (kem) assert.equal(toHex(dialer.offer()), kem.encapsulation_key);
  const server = new HybridExchange(
    new ScriptedRandom(hex(kem?.encapsulation_m ?? "00".repeat(32))),
  );
  const answers = vector.name !== "offered, not answered";
  const answer = answers ? server.answer(hex(first.payload)) : NO_BYTES;
  assert.equal(toHex(answer), second.payload);
  assert.equal(toHex(answer), kem?.ciphertext ?? "");
  dialer.accept(answer);
  assert.deepEqual([dialer.agreed, server.agreed], [vector.pq, vector.pq]);
  return {
    initiator: dialer.rekey(initiator.state.transportKeys(), hex(vector.handshake_hash)),
    responder: server.rekey(responder.state.transportKeys(), hex(vector.handshake_hash)),
  };
}

for (const vector of noiseVectors.handshake_reject) {
  Deno.test(`HandshakeState refuses "${vector.name}" with the text of the specification`, () => {
    const recorded = handshakeVector(vector.case);
    const receiver = roleOf(vector.receiver);
    const { state } = party(recorded, receiver);
    for (const earlier of recorded.messages.slice(0, vector.message_number - 1)) {
      if (earlier.from === receiver) state.writeMessage(hex(earlier.payload));
      else assert.ok(state.readMessage(hex(earlier.message)).ok);
    }
    const read = state.readMessage(hex(vector.message));
    assert.ok(!read.ok && !vector.ok);
    assert.equal(read.message, rejectText(vector));
    assert.throws(() => state.readMessage(NO_BYTES), /failed/);
    assert.throws(() => state.split(), /not done/);
  });
}

Deno.test("the constants of the suite and the frames are those of the vectors", () => {
  const { protocol_name, initial_h, max_prefix } = noiseVectors.constants;
  assert.equal(`Noise_${XK.name}_${SKYWIRE_SUITE.name}`, protocol_name);
  const { steps } = party(handshakeVector("classical"), "responder");
  assert.equal(steps[0]?.h, initial_h);
  assert.doesNotThrow(() => encodeNoiseFrame(new Uint8Array(max_prefix)));
  assert.throws(() => encodeNoiseFrame(new Uint8Array(max_prefix + 1)), RangeError);
});

for (const vector of noiseVectors.transport_receive) {
  Deno.test(`records "${vector.name}": each one is read as recorded`, () => {
    const receiver = roleOf(vector.receiver);
    const transport = new TransportState(finalKeys(handshakeVector(vector.case))[receiver]);
    for (const { ok, wire, plaintext, error } of vector.frames) {
      const decoder = new NoiseFrameDecoder();
      decoder.push(hex(wire));
      const frame = decoder.next();
      if (frame === undefined) {
        assert.deepEqual([ok, error], [false, "EOF"]);
        assert.equal(decoder.pending, wire.length / 2);
        continue;
      }
      const read = frame.ok ? transport.open(frame.bytes) : frame;
      if (read.ok) assert.equal(toHex(read.bytes), plaintext);
      else assert.equal(read.message, error);
      assert.equal(read.ok, ok);
    }
  });
}
