import assert from "node:assert/strict";
import { equalBytes, toHex, utf8 } from "#kit";
import { SecretKey } from "#crypto";
import {
  HandshakeState,
  HybridExchange,
  type Pattern,
  type Role,
  SKYWIRE_SUITE,
  XK,
  XX,
} from "#noise";
import { hex, secretKey } from "#support/noise_vectors.ts";
import { ScriptedRandom, SeededRandom } from "#support/seeded_random.ts";
import recorded from "../vectors/noise_xx.json" with { type: "json" };

function partyXX(role: Role, prologue = hex(recorded.prologue)): HandshakeState {
  const initiator = role === "initiator";
  const keys = initiator ? recorded.initiator_static : recorded.responder_static;
  const ephemeral = initiator ? recorded.initiator_ephemeral : recorded.responder_ephemeral;
  assert.equal(secretKey(ephemeral.secret).publicKey.hex, ephemeral.public);
  return new HandshakeState({
    pattern: XX,
    suite: SKYWIRE_SUITE,
    role,
    local: secretKey(keys.secret),
    random: new ScriptedRandom(hex(ephemeral.secret)),
    prologue,
  });
}

Deno.test("HandshakeState reproduces the recorded XX handshake", () => {
  const [initiator, responder] = [partyXX("initiator"), partyXX("responder")];
  const first = initiator.writeMessage();
  assert.ok(responder.readMessage(first).ok);
  const second = responder.writeMessage();
  assert.ok(initiator.readMessage(second).ok);
  const third = initiator.writeMessage();
  assert.ok(responder.readMessage(third).ok);
  const expected = recorded.wire.slice(0, 3).map(({ hex: digits }) => digits.slice(4));
  assert.deepEqual([first, second, third].map(toHex), expected);
  for (const state of [initiator, responder]) {
    assert.equal(toHex(state.hash), recorded.handshake_hash);
  }
  assert.equal(initiator.remoteStatic?.hex, recorded.responder_static.public);
  assert.equal(responder.remoteStatic?.hex, recorded.initiator_static.public);
  assert.equal(`Noise_${XX.name}_${SKYWIRE_SUITE.name}`, recorded.protocol_name);
});

Deno.test("payload 1 of XX travels in clear text and counts in the transcript", () => {
  const initiator = partyXX("initiator");
  const first = initiator.writeMessage(utf8("anyone can read this"));
  assert.ok(equalBytes(first.subarray(33), utf8("anyone can read this")));
  const responder = partyXX("responder");
  first[40] = 0;
  assert.ok(responder.readMessage(first).ok); // no key yet, so nothing can be noticed here
  const read = initiator.readMessage(responder.writeMessage());
  assert.ok(!read.ok);
  assert.equal(read.code, "bad-tag");
});

Deno.test("a different prologue ends the handshake at the first tag", () => {
  const initiator = partyXX("initiator", utf8("lightning"));
  const responder = partyXX("responder");
  responder.readMessage(initiator.writeMessage());
  assert.equal(initiator.readMessage(responder.writeMessage()).ok, false);
});

Deno.test("the split is swapped for three messages and the specification's for two", () => {
  const random = new SeededRandom(3);
  const [alice, bob] = [SecretKey.generate(random), SecretKey.generate(random)];
  const kk: Pattern = {
    name: "KK",
    preMessages: ["initiator", "responder"],
    messages: [
      { from: "initiator", tokens: ["e", "es", "ss"] },
      { from: "responder", tokens: ["e", "ee", "se"] },
    ],
  };
  const options = { pattern: kk, suite: SKYWIRE_SUITE, random };
  const initiator = new HandshakeState({
    ...options,
    role: "initiator",
    local: alice,
    remote: bob.publicKey,
  });
  const responder = new HandshakeState({
    ...options,
    role: "responder",
    local: bob,
    remote: alice.publicKey,
  });
  assert.ok(responder.readMessage(initiator.writeMessage()).ok);
  assert.ok(initiator.readMessage(responder.writeMessage()).ok);
  assert.deepEqual(initiator.transportKeys().send, initiator.split().first);
  assert.deepEqual(responder.transportKeys().send, initiator.split().second);
});

Deno.test("HandshakeState throws for calls in the wrong order and for keys it cannot have", () => {
  const random = new SeededRandom(4);
  const local = SecretKey.generate(random);
  const options = { suite: SKYWIRE_SUITE, local, random };
  assert.throws(
    () => new HandshakeState({ ...options, pattern: XK, role: "initiator" }),
    /XK initiator without the peer's public key/,
  );
  const remote = local.publicKey;
  assert.throws(
    () => new HandshakeState({ ...options, pattern: XX, role: "responder", remote }),
    /omit remote/,
  );
  const responder = new HandshakeState({ ...options, pattern: XK, role: "responder" });
  assert.throws(() => responder.writeMessage(), /Cannot write/);
  assert.throws(() => responder.transportKeys(), /not done/);
});

Deno.test("HybridExchange ignores payloads of other sizes and draws nothing for them", () => {
  const server = new HybridExchange(new ScriptedRandom());
  for (const length of [0, 5, 1088, 1183, 1185]) {
    assert.equal(server.answer(new Uint8Array(length)).length, 0);
  }
  const dialer = new HybridExchange(new SeededRandom(5));
  dialer.accept(new Uint8Array(1088)); // never offered
  assert.equal(dialer.agreed, false);
  dialer.offer();
  dialer.accept(new Uint8Array(1087));
  assert.deepEqual([dialer.offered, dialer.agreed], [true, false]);
  const keys = { send: new Uint8Array(32), receive: new Uint8Array(32) };
  assert.equal(dialer.rekey(keys, new Uint8Array(32)), keys);
});

Deno.test("a key beyond the field has its own text, unless its prefix is wrong anyway", () => {
  const cases = [
    ["03" + "ff".repeat(32), /^handshake panic: /],
    ["04" + "ff".repeat(32), /^noise DH: ECDH failed: invalid key$/],
    ["02" + "00".repeat(32), /^noise DH: ECDH failed: invalid key$/],
  ] as const;
  for (const [key, text] of cases) {
    const read = partyXX("responder").readMessage(hex(key));
    assert.ok(!read.ok);
    assert.match(read.message, text);
    assert.equal(read.code, "invalid-key");
  }
});
