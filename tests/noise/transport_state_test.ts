import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "#kit";
import { sha256 } from "#crypto";
import {
  MAX_FRAME_LENGTH,
  MAX_RECORD_NUMBER,
  MAX_RECORD_PLAINTEXT,
  NonceExhaustedError,
  RECORD_OVERHEAD,
  TransportState,
} from "#noise";
import { handshakeVector, hex, noiseVectors } from "#support/noise_vectors.ts";

const KEYS = { send: new Uint8Array(32).fill(1), receive: new Uint8Array(32).fill(2) };
const TURNED = { send: KEYS.receive, receive: KEYS.send };

/** The records of some wire bytes, without their prefixes. */
function bodies(wire: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let offset = 0; offset < wire.length;) {
    const length = new DataView(wire.buffer, wire.byteOffset + offset).getUint16(0);
    found.push(wire.subarray(offset + 2, offset + 2 + length));
    offset += 2 + length;
  }
  return found;
}

function numberOf(body: Uint8Array): bigint {
  return new DataView(body.buffer, body.byteOffset).getBigUint64(0);
}

for (const vector of noiseVectors.write_split) {
  Deno.test(`TransportState cuts a write of ${vector.plaintext_length} bytes as recorded`, () => {
    const recorded = handshakeVector(vector.case);
    const transport = new TransportState({
      send: hex(recorded.initiator_to_responder),
      receive: hex(recorded.responder_to_initiator),
    });
    assert.equal(vector.from, "initiator");
    const plaintext = Uint8Array.from({ length: vector.plaintext_length }, (_, j) => 3 * j);
    const wire = transport.seal(plaintext);
    assert.deepEqual(bodies(wire).map((body) => body.length), vector.prefixes);
    assert.equal(wire.length, vector.wire_length);
    assert.equal(toHex(sha256(wire)), vector.wire_sha256);
  });
}

Deno.test("the sizes of records are those of the vectors", () => {
  assert.equal(MAX_RECORD_PLAINTEXT, noiseVectors.constants.max_plaintext);
  assert.equal(MAX_FRAME_LENGTH, noiseVectors.constants.max_frame);
  assert.equal(MAX_RECORD_PLAINTEXT + RECORD_OVERHEAD, MAX_FRAME_LENGTH);
});

Deno.test("TransportState never uses a number twice, however writes and idle records mix", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9000), { maxLength: 12 }), (lengths) => {
      const transport = new TransportState(KEYS);
      const numbers = lengths.flatMap((length) => {
        const wire = length % 3 === 0
          ? transport.sealEmpty()
          : transport.seal(new Uint8Array(length));
        return bodies(wire).map(numberOf);
      });
      assert.deepEqual(numbers, numbers.map((_, index) => BigInt(index + 1)));
    }),
    { numRuns: 40 },
  );
});

Deno.test("TransportState seals nothing for no bytes and uses no number for it", () => {
  const transport = new TransportState(KEYS);
  assert.equal(transport.seal(new Uint8Array(0)).length, 0);
  assert.deepEqual(bodies(transport.sealEmpty()).map(numberOf), [1n]);
});

Deno.test("TransportState seals what a view holds, not what is around it", () => {
  const [sender, receiver] = [new TransportState(KEYS), new TransportState(TURNED)];
  const around = Uint8Array.of(9, 9, 1, 2, 3, 9);
  const [body] = bodies(sender.seal(around.subarray(2, 5)));
  assert.ok(body);
  assert.deepEqual(receiver.open(body), { ok: true, bytes: Uint8Array.of(1, 2, 3) });
});

Deno.test("TransportState refuses to seal past the last number, before it seals anything", () => {
  const transport = new TransportState(KEYS, MAX_RECORD_NUMBER - 1n);
  const twoRecords = new Uint8Array(MAX_RECORD_PLAINTEXT + 1);
  assert.throws(() => transport.seal(twoRecords), NonceExhaustedError);
  assert.deepEqual(bodies(transport.sealEmpty()).map(numberOf), [2n ** 64n - 2n]);
  assert.throws(() => transport.sealEmpty(), { code: "nonce-exhausted" });
  assert.throws(() => transport.seal(Uint8Array.of(1)), NonceExhaustedError);
});

Deno.test("TransportState accepts the largest number a peer can write, and then none", () => {
  const sender = new TransportState(KEYS, MAX_RECORD_NUMBER - 1n);
  const receiver = new TransportState(TURNED);
  const [body] = bodies(sender.seal(Uint8Array.of(5)));
  assert.ok(body);
  assert.ok(receiver.open(body).ok);
  const again = receiver.open(body);
  assert.ok(!again.ok);
  assert.equal(
    again.message,
    "received decryption nonce (18446744073709551614) is not larger than previous (18446744073709551614)",
  );
});
