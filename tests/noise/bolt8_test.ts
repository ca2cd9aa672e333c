import assert from "node:assert/strict";
import { concat, toHex, utf8 } from "#kit";
import { cipherOf, ecdh } from "#crypto";
import { HandshakeState, type Role, type Suite, XK } from "#noise";
import { hex, secretKey } from "#support/noise_vectors.ts";
import { ScriptedRandom } from "#support/seeded_random.ts";
import bolt8 from "../vectors/bolt8.json" with { type: "json" };

// The published vectors of another protocol pass through the same machine: another spelling of the
// curve, 32 bytes of DH output, a prologue and the split of the Noise specification.
const LIGHTNING_SUITE: Suite = {
  name: "secp256k1_ChaChaPoly_SHA256",
  dh: (secret, peer) => ecdh(secret, peer),
  splitOrder: "initiator-first",
};

type Steps = Record<string, { ck: string; h: string; k: string }>;

function party(role: Role, steps: Steps = {}): HandshakeState {
  for (const kind of ["static", "ephemeral"] as const) {
    const key = secretKey(bolt8[role][`${kind}_sk`]).publicKey;
    assert.equal(key.hex, bolt8[role][`${kind}_pk`]);
  }
  return new HandshakeState({
    pattern: XK,
    suite: LIGHTNING_SUITE,
    role,
    local: secretKey(bolt8[role].static_sk),
    remote: role === "initiator" ? secretKey(bolt8.responder.static_sk).publicKey : undefined,
    random: new ScriptedRandom(hex(bolt8[role].ephemeral_sk)),
    prologue: utf8(bolt8.prologue),
    observe: (step, { chainingKey, hash, key }) => {
      const k = key === undefined ? "" : toHex(key);
      steps[step] = { ck: toHex(chainingKey), h: toHex(hash), k };
    },
  });
}

/** An act is a version byte, which Noise does not see, and a Noise message. */
function act(message: Uint8Array): string {
  return toHex(concat(Uint8Array.of(0), message));
}

function assertSteps(seen: Steps): void {
  for (const { step, ...values } of bolt8.steps) {
    for (const [name, value] of Object.entries(values)) {
      const state = seen[step];
      assert.ok(state, step);
      assert.equal(name === "ck" ? state.ck : name === "h" ? state.h : state.k, value, step);
    }
  }
}

Deno.test("HandshakeState reproduces the published acts, steps and keys of BOLT 8", () => {
  assert.equal(`Noise_${XK.name}_${LIGHTNING_SUITE.name}`, bolt8.protocol_name);
  const [atInitiator, atResponder]: [Steps, Steps] = [{}, {}];
  const initiator = party("initiator", atInitiator);
  const responder = party("responder", atResponder);
  const first = initiator.writeMessage();
  assert.ok(responder.readMessage(first).ok);
  const second = responder.writeMessage();
  assert.ok(initiator.readMessage(second).ok);
  const third = initiator.writeMessage();
  assert.ok(responder.readMessage(third).ok);
  assert.deepEqual([first, second, third].map(act), bolt8.acts);
  assertSteps(atInitiator);
  assertSteps(atResponder);
  const keys = initiator.transportKeys();
  assert.equal(toHex(keys.send), bolt8.initiator_sends);
  assert.equal(toHex(keys.receive), bolt8.initiator_receives);
  assert.deepEqual(responder.transportKeys(), { send: keys.receive, receive: keys.send });
  assert.equal(responder.remoteStatic?.hex, bolt8.initiator.static_pk);
});

Deno.test("the keys of BOLT 8 seal its first two published messages", () => {
  const cipher = cipherOf(hex(bolt8.initiator_sends));
  const sealed = bolt8.messages.first_two.map((_, index) =>
    toHex(concat(
      cipher.seal(BigInt(2 * index), hex(bolt8.messages.length)),
      cipher.seal(BigInt(2 * index + 1), hex(bolt8.messages.plaintext)),
    ))
  );
  assert.deepEqual(sealed, bolt8.messages.first_two);
});

const KIND_OF_ERROR: Record<string, string> = {
  BAD_PUBKEY: "invalid-key",
  BAD_TAG: "bad-tag",
  BAD_CIPHERTEXT: "bad-tag",
  READ_FAILED: "bad-tag",
};

for (const reject of bolt8.rejects) {
  Deno.test(`HandshakeState refuses BOLT 8's "${reject.name}"`, () => {
    assert.ok(reject.error.startsWith(`ACT${reject.act}_`));
    const receiver = party(reject.act === 2 ? "initiator" : "responder");
    if (reject.act === 2) receiver.writeMessage();
    if (reject.act === 3) {
      assert.ok(receiver.readMessage(hex(bolt8.acts[0]).subarray(1)).ok);
      receiver.writeMessage();
    }
    const read = receiver.readMessage(hex(reject.input).subarray(1));
    const expected = KIND_OF_ERROR[reject.error.replace(/^ACT\d_/, "")];
    if (expected === undefined) { // only the version byte is wrong, and Noise does not see it
      assert.equal(reject.error, `ACT${reject.act}_BAD_VERSION`);
      assert.ok(read.ok);
      return;
    }
    assert.ok(!read.ok);
    assert.equal(read.code, expected);
  });
}
