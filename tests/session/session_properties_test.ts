import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "#kit";
import type { SecureSession, SessionEvent } from "#session";
import { SeededRandom } from "#support/seeded_random.ts";
import {
  dataOf,
  establishedPair,
  type PairOptions,
  sessionPair,
  shakeHands,
  wireOf,
} from "#support/session_pair.ts";

const BAD_TAG = "chacha20poly1305: message authentication failed";

/** Every pattern, with ML-KEM answered, not answered, and not offered. */
const kinds: fc.Arbitrary<PairOptions> = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  pattern: fc.constantFrom("XK", "XX"),
  initiator: fc.record({ offerPostQuantum: fc.boolean() }),
  responder: fc.record({ offerPostQuantum: fc.boolean() }),
});
const cuts = fc.array(fc.oneof(fc.nat(3), fc.nat(2000)), { maxLength: 30 });
const writes = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ minLength: 4060, maxLength: 9000 })),
  { maxLength: 5 },
);

/** Pushes the bytes in pieces of these sizes, then the rest. */
function pushCut(session: SecureSession, bytes: Uint8Array, sizes: readonly number[]) {
  const events: SessionEvent[] = [];
  let offset = 0;
  for (const size of [...sizes, bytes.length]) {
    events.push(...session.push(bytes.slice(offset, offset + size)));
    offset += size;
  }
  return events;
}

/** The records of one write each: ten small ones. */
function tenRecords(session: SecureSession): Uint8Array[] {
  return Array.from({ length: 10 }, (_, index) => session.seal(Uint8Array.of(index)));
}

Deno.test("what one side seals the other reads, in both directions, over every handshake", () => {
  fc.assert(
    fc.property(kinds, writes, writes, (kind, there, back) => {
      const { initiator, responder } = establishedPair(kind);
      const sent = concat(...there.map((bytes) => initiator.seal(bytes)));
      assert.deepEqual(dataOf(responder.push(sent)), concat(...there));
      const returned = concat(...back.map((bytes) => responder.seal(bytes)));
      assert.deepEqual(dataOf(initiator.push(returned)), concat(...back));
    }),
    { numRuns: 25 },
  );
});

Deno.test("a session sees the same events however the bytes are cut", () => {
  fc.assert(
    fc.property(kinds, writes, cuts, (kind, sent, sizes) => {
      const whole = sessionPair(kind);
      const first = wireOf(whole.initiator.start());
      const answer = whole.responder.push(first.slice());
      const last = whole.initiator.push(wireOf(answer));
      const rest = concat(wireOf(last), ...sent.map((bytes) => whole.initiator.seal(bytes)));
      const expected = whole.responder.push(rest.slice());

      const cut = sessionPair(kind);
      cut.initiator.start(); // draws the same random bytes as above
      const events = pushCut(cut.responder, first, sizes);
      assert.deepEqual(events, answer);
      assert.deepEqual(pushCut(cut.responder, rest, sizes), expected);
    }),
    { numRuns: 25 },
  );
});

Deno.test("hostile bytes never make a session throw and end in one fatal event", () => {
  fc.assert(
    fc.property(
      fc.constantFrom<"XK" | "XX">("XK", "XX"),
      fc.constantFrom("initiator", "responder"),
      fc.nat(2),
      fc.uint8Array({ maxLength: 1500 }),
      cuts,
      (pattern, side, stage, noise, sizes) => {
        const pair = sessionPair({ pattern });
        if (stage === 2) shakeHands(pair);
        else pair.initiator.start();
        const session = side === "initiator" ? pair.initiator : pair.responder;
        // A plausible prefix first, so that the bytes get further than the length check.
        const frame = stage === 0
          ? noise
          : concat(Uint8Array.of(noise.length >> 8, noise.length & 0xff), noise);
        const filler = new Uint8Array(4096).fill(0xff); // a prefix of 65535
        const events = pushCut(session, concat(frame, filler), sizes);
        const fatal = events.filter((event) => event.kind === "fatal");
        assert.equal(fatal.length, 1);
        assert.equal(events.at(-1)?.kind, "fatal");
        assert.ok(session.dead);
        assert.deepEqual(session.push(Uint8Array.of(1, 2, 3)), []);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("one flipped bit in a record is the end, and nothing behind it is read", () => {
  fc.assert(
    fc.property(fc.nat(9), fc.integer({ min: 2 * 8, max: 27 * 8 - 1 }), (victim, bit) => {
      const sender = establishedPair();
      const records = tenRecords(sender.initiator);
      const record = records[victim] ?? new Uint8Array(27);
      record[bit >> 3] = (record[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const events = sender.responder.push(concat(...records));
      assert.deepEqual(dataOf(events), Uint8Array.from({ length: victim }, (_, index) => index));
      const last = events.at(-1);
      assert.ok(last?.kind === "fatal");
      if (bit >= 10 * 8) assert.equal(last.message, BAD_TAG);
    }),
    { numRuns: 40 },
  );
});

Deno.test("a record that was seen, or comes after a later one, is refused by its number", () => {
  fc.assert(
    fc.property(fc.nat(9), fc.nat(9), (first, second) => {
      const { initiator, responder } = establishedPair();
      const records = tenRecords(initiator);
      const [one, two] = [records[first], records[second]];
      assert.ok(one && two);
      const events = responder.push(concat(one, two));
      if (second > first) {
        assert.deepEqual(dataOf(events), Uint8Array.of(first, second));
        return;
      }
      assert.deepEqual(events, [
        { kind: "data", bytes: Uint8Array.of(first) },
        {
          kind: "fatal",
          code: "nonce-not-larger",
          message: `received decryption nonce (${second + 1}) is not larger than previous (${
            first + 1
          })`,
        },
      ]);
    }),
    { numRuns: 30 },
  );
});

Deno.test("no two sessions between the same keys, and no two directions, share a sealed record", () => {
  const seen = new Set<string>();
  const random = new SeededRandom(11);
  for (let session = 0; session < 5; session++) {
    const { initiator, responder } = establishedPair({
      initiator: { random },
      responder: { random },
    });
    for (const side of [initiator, responder, initiator]) {
      for (const record of tenRecords(side)) seen.add(record.toHex());
    }
  }
  assert.equal(seen.size, 5 * 30);
});
