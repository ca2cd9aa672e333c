import assert from "node:assert/strict";
import { concat, utf8 } from "#kit";
import { SecretKey } from "#crypto";
import { SecureSession, type SessionEvent } from "#session";
import { SeededRandom } from "#support/seeded_random.ts";

Deno.test("SecureSession carries bytes both ways after an XK handshake with ML-KEM", () => {
  const random = new SeededRandom(7);
  const [alice, bob] = [SecretKey.generate(random), SecretKey.generate(random)];
  const remote = bob.publicKey;
  const dialer = new SecureSession({
    role: "initiator",
    pattern: "XK",
    local: alice,
    remote,
    random,
  });
  const server = new SecureSession({ role: "responder", pattern: "XK", local: bob, random });
  const sent = (events: readonly SessionEvent[]) =>
    concat(...events.flatMap((event) => event.kind === "send" ? [event.bytes] : []));

  const answer = server.push(sent(dialer.start()));
  const last = dialer.push(sent(answer));
  assert.deepEqual(last.at(-1), {
    kind: "established",
    peer: bob.publicKey,
    postQuantum: true,
    downgraded: false,
  });
  const joined = server.push(concat(sent(last), dialer.seal(utf8("hi"))));
  assert.deepEqual(joined, [
    { kind: "established", peer: alice.publicKey, postQuantum: true, downgraded: false },
    { kind: "data", bytes: utf8("hi") },
  ]);
  assert.deepEqual(dialer.push(server.seal(utf8("yo"))), [{ kind: "data", bytes: utf8("yo") }]);
});
