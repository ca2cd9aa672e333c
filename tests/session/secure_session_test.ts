import assert from "node:assert/strict";
import { concat, type Random, utf8 } from "#kit";
import { SecretKey } from "#crypto";
import { SecureSession, SessionError } from "#session";
import { SeededRandom } from "#support/seeded_random.ts";
import { dataOf, establishedPair, sessionPair, shakeHands, wireOf } from "#support/session_pair.ts";

const PQ_REQUIRED = {
  kind: "fatal",
  code: "post-quantum-required",
  message:
    "post-quantum required (SKYWIRE_REQUIRE_PQ) but the session negotiated classical-only — refusing the handshake",
};

for (const pattern of ["XK", "XX"] as const) {
  Deno.test(`SecureSession over ${pattern} tells both sides who the other is`, () => {
    const pair = sessionPair({ pattern });
    const events = shakeHands(pair);
    const found = { kind: "established", postQuantum: true, downgraded: false };
    assert.deepEqual(events.initiator.at(-1), { ...found, peer: pair.bob.publicKey });
    assert.deepEqual(events.responder, [{ ...found, peer: pair.alice.publicKey }]);
    assert.ok(pair.initiator.established && pair.responder.established);
  });
}

Deno.test("bytes behind message 3 in the same chunk belong to the transport", () => {
  const { initiator, responder } = sessionPair();
  const last = initiator.push(wireOf(responder.push(wireOf(initiator.start()))));
  const chunk = concat(wireOf(last), initiator.seal(utf8("hi")), initiator.sealEmpty());
  const events = responder.push(chunk);
  assert.deepEqual(events.map((event) => event.kind), ["established", "data"]);
  assert.deepEqual(dataOf(events), utf8("hi"));
});

Deno.test("an idle record is 26 bytes and yields nothing", () => {
  const { initiator, responder } = establishedPair();
  const record = initiator.sealEmpty();
  assert.equal(record.length, 26);
  assert.deepEqual(responder.push(record), []);
  assert.deepEqual(dataOf(responder.push(initiator.seal(utf8("after")))), utf8("after"));
});

Deno.test("the initiator says when its offer got no answer, the responder has nothing to say", () => {
  const events = shakeHands(sessionPair({ responder: { offerPostQuantum: false } }));
  const [toInitiator, toResponder] = [events.initiator.at(-1), events.responder.at(-1)];
  assert.ok(toInitiator?.kind === "established" && toResponder?.kind === "established");
  assert.deepEqual([toInitiator.postQuantum, toInitiator.downgraded], [false, true]);
  assert.deepEqual([toResponder.postQuantum, toResponder.downgraded], [false, false]);
});

Deno.test("an initiator that requires ML-KEM fails before it sends message 3", () => {
  const pair = sessionPair({
    initiator: { requirePostQuantum: true },
    responder: { offerPostQuantum: false },
  });
  const answer = pair.responder.push(wireOf(pair.initiator.start()));
  assert.deepEqual(pair.initiator.push(wireOf(answer)), [PQ_REQUIRED]);
});

Deno.test("a responder that requires ML-KEM answers message 1 and fails after message 3", () => {
  const pair = sessionPair({
    initiator: { offerPostQuantum: false },
    responder: { requirePostQuantum: true },
  });
  const answer = pair.responder.push(wireOf(pair.initiator.start()));
  assert.equal(wireOf(answer).length, 51);
  const last = pair.initiator.push(wireOf(answer));
  assert.ok(pair.initiator.established); // it cannot know better
  assert.deepEqual(pair.responder.push(wireOf(last)), [PQ_REQUIRED]);
});

Deno.test("two sides that require ML-KEM agree", () => {
  const require = { requirePostQuantum: true };
  const events = shakeHands(sessionPair({ initiator: require, responder: require }));
  assert.equal(events.responder.at(-1)?.kind, "established");
});

Deno.test("a pinned XX initiator refuses another key before it shows its own", () => {
  const stranger = SecretKey.generate(new SeededRandom(99)).publicKey;
  const pair = sessionPair({ pattern: "XX", initiator: { remote: stranger } });
  const answer = pair.responder.push(wireOf(pair.initiator.start()));
  const message = `handshake: peer has key ${pair.bob.publicKey}, not the pinned ${stranger}`;
  assert.deepEqual(pair.initiator.push(wireOf(answer)), [
    { kind: "fatal", code: "unexpected-peer", message },
  ]);
});

Deno.test("a wrong pin shows at the responder as a bad tag of message 1", () => {
  const stranger = SecretKey.generate(new SeededRandom(99)).publicKey;
  const pair = sessionPair({ initiator: { remote: stranger } });
  const [event] = pair.responder.push(wireOf(pair.initiator.start()));
  assert.ok(event?.kind === "fatal");
  assert.equal(event.message, "chacha20poly1305: message authentication failed");
});

Deno.test("no ML-KEM work is done for a message 1 whose tag does not hold", () => {
  const drawn: number[] = [];
  const source = new SeededRandom(5);
  const random: Random = {
    bytes(count) {
      drawn.push(count);
      return source.bytes(count);
    },
  };
  const pair = sessionPair({ responder: { random } });
  const first = wireOf(pair.initiator.start());
  assert.equal(first.length, 1235);
  first[1234] = (first[1234] ?? 0) ^ 1;
  assert.equal(pair.responder.push(first)[0]?.kind, "fatal");
  assert.deepEqual(drawn, [32]); // the ephemeral key, nothing for an encapsulation
});

Deno.test("a dead session ignores what comes, seals nothing and reports its end once", () => {
  const { initiator, responder } = establishedPair();
  const record = initiator.seal(utf8("x"));
  record[12] = (record[12] ?? 0) ^ 1;
  const events = responder.push(concat(record, initiator.seal(utf8("y"))));
  assert.deepEqual(events.map((event) => event.kind), ["fatal"]);
  assert.ok(responder.dead && !responder.established);
  assert.deepEqual(responder.push(initiator.seal(utf8("z"))), []);
  assert.throws(() => responder.seal(utf8("no")), SessionError);
  assert.throws(() => responder.sealEmpty(), { code: "not-established", message: /has failed/ });
});

Deno.test("a session seals nothing before it is established", () => {
  const { initiator, responder } = sessionPair();
  initiator.start();
  assert.throws(() => initiator.seal(utf8("early")), SessionError);
  assert.throws(() => responder.sealEmpty(), /not established/);
});

Deno.test("an XK initiator without the responder's key is a mistake of the caller", () => {
  const random = new SeededRandom(1);
  const local = SecretKey.generate(random);
  assert.throws(
    () => new SecureSession({ role: "initiator", pattern: "XK", local, random }),
    TypeError,
  );
});

Deno.test("a session tells how many bytes of a cut frame it holds", () => {
  const { initiator, responder } = establishedPair();
  const record = initiator.seal(utf8("cut"));
  responder.push(record.slice(0, 20));
  assert.equal(responder.pending, 20);
  assert.deepEqual(dataOf(responder.push(record.slice(20))), utf8("cut"));
  assert.equal(responder.pending, 0);
});
