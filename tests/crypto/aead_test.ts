import assert from "node:assert/strict";
import fc from "fast-check";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { concat } from "#kit";
import { type Cipher, cipherOf, MAX_ASSOCIATED, MAX_DATA, TAG_LENGTH } from "#crypto";
import { aeadBackends } from "../../lib/crypto/backends.ts";
import { eachAead } from "#support/each_backend.ts";
import { SeededRandom } from "#support/seeded_random.ts";

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const counters = fc.bigInt(0n, 2n ** 64n - 1n);

/** The reference: noble, called directly. */
function reference(key: Uint8Array, counter: bigint, associated?: Uint8Array) {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, counter, true);
  return chacha20poly1305(key, nonce, associated);
}

function into(cipher: Cipher, offset: number, counter: bigint, plaintext: Uint8Array): Uint8Array {
  const target = new Uint8Array(offset + plaintext.length + TAG_LENGTH + 3).fill(0xee);
  cipher.sealInto(target, offset, counter, plaintext);
  const end = offset + plaintext.length + TAG_LENGTH;
  assert.ok(target.subarray(0, offset).every((byte) => byte === 0xee));
  assert.ok(target.subarray(end).every((byte) => byte === 0xee));
  return target.subarray(offset, end);
}

eachAead("seal, sealInto and open agree with the reference at every length to 5000", () => {
  const random = new SeededRandom(3);
  const key = random.bytes(32);
  const cipher = cipherOf(key);
  const bytes = random.bytes(5000);
  for (let length = 0; length <= 5000; length += length < 600 ? 1 : 37) {
    const plaintext = bytes.subarray(0, length);
    const counter = BigInt(length) * 0x1_0000_0001n;
    const expected = reference(key, counter).encrypt(plaintext);
    assert.deepEqual(cipher.seal(counter, plaintext), expected, `${length}`);
    assert.deepEqual(into(cipher, length % 7, counter, plaintext), expected, `${length}`);
    assert.deepEqual(cipher.open(counter, expected), plaintext, `${length}`);
  }
});

eachAead("lengths around the edges of blocks, pages and records agree with the reference", () => {
  const random = new SeededRandom(4);
  const key = random.bytes(32);
  const cipher = cipherOf(key);
  for (const edge of [4070, 4096, 16_384, 65_536, 131_072, MAX_DATA - 1]) {
    for (const length of [edge - 17, edge - 16, edge - 1, edge, edge + 1]) {
      const plaintext = random.bytes(length);
      const expected = reference(key, 5n).encrypt(plaintext);
      assert.ok(equal(cipher.seal(5n, plaintext), expected), `${length}`);
      assert.ok(equal(cipher.open(5n, expected) ?? new Uint8Array(0), plaintext), `${length}`);
      assert.ok(equal(into(cipher, 1, 5n, plaintext), expected), `${length}`);
      assert.ok(equal(cipher.openInPlace(5n, expected) ?? new Uint8Array(0), plaintext));
    }
  }
});

Deno.test("every AEAD gives the reference's bytes for any key, counter, data and prefix", async () => {
  const backends = await aeadBackends();
  const data = fc.uint8Array({ maxLength: 700 });
  fc.assert(
    fc.property(keys, counters, data, data, (key, counter, plaintext, associated) => {
      const expected = reference(key, counter, associated).encrypt(plaintext);
      for (const backend of backends) {
        const cipher = backend.cipherOf(key);
        assert.deepEqual(cipher.seal(counter, plaintext, associated), expected, backend.name);
        assert.deepEqual(cipher.open(counter, expected, associated), plaintext, backend.name);
      }
    }),
    { numRuns: 60 },
  );
});

eachAead("open refuses whatever is a bit away: data, tag, counter, key, associated", () => {
  fc.assert(
    fc.property(keys, fc.uint8Array({ maxLength: 90 }), fc.nat(), (key, plaintext, at) => {
      const associated = Uint8Array.of(1, 2, 3);
      const cipher = cipherOf(key);
      const sealed = cipher.seal(7n, plaintext, associated);
      assert.deepEqual(cipher.open(7n, sealed, associated), plaintext);
      const bit = at % (sealed.length * 8);
      const flipped = sealed.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const otherKey = key.slice();
      otherKey[at & 31] = (otherKey[at & 31] ?? 0) ^ 0x10;
      assert.equal(cipher.open(7n, flipped, associated), undefined);
      assert.equal(cipher.open(8n, sealed, associated), undefined);
      assert.equal(cipher.open(7n + (1n << 32n), sealed, associated), undefined);
      assert.equal(cipher.open(7n, sealed), undefined);
      assert.equal(cipher.open(7n, sealed, concat(associated, Uint8Array.of(0))), undefined);
      assert.equal(cipher.open(7n, sealed.subarray(0, -1), associated), undefined);
      assert.equal(cipherOf(otherKey).open(7n, sealed, associated), undefined);
    }),
    { numRuns: 60 },
  );
});

eachAead("open refuses what is shorter than a tag", () => {
  const cipher = cipherOf(new Uint8Array(32));
  for (let length = 0; length < TAG_LENGTH; length++) {
    assert.equal(cipher.open(0n, new Uint8Array(length)), undefined);
  }
});

eachAead("openInPlace leaves the plaintext in front of its own bytes, or all as it was", () => {
  const random = new SeededRandom(5);
  const cipher = cipherOf(random.bytes(32));
  for (const length of [0, 1, 63, 64, 65, 4070]) {
    const plaintext = random.bytes(length);
    const buffer = new Uint8Array(length + TAG_LENGTH + 8).fill(0xee);
    const view = buffer.subarray(5, 5 + length + TAG_LENGTH);
    cipher.sealInto(buffer, 5, 3n, plaintext);
    const before = buffer.slice();
    assert.equal(cipher.openInPlace(4n, view), undefined);
    assert.equal(cipher.openInPlace(3n, view.subarray(1)), undefined);
    assert.deepEqual(buffer, before);
    const opened = cipher.openInPlace(3n, view) ?? assert.fail(`${length}`);
    assert.deepEqual(opened, plaintext);
    assert.deepEqual([opened.buffer, opened.byteOffset], [buffer.buffer, view.byteOffset]);
    assert.ok([...buffer.subarray(0, 5), ...buffer.subarray(-3)].every((byte) => byte === 0xee));
  }
  assert.equal(cipher.openInPlace(0n, new Uint8Array(15)), undefined);
});

eachAead(
  "openInPlace answers as open does, for any bytes, and touches nothing when it refuses",
  () => {
    const sizes = fc.oneof(fc.nat(80), fc.nat(5000), fc.constantFrom(4069, 4070, 4080, 65_519));
    const around = fc.nat(40);
    fc.assert(
      fc.property(keys, counters, sizes, around, fc.nat(), fc.boolean(), (
        key,
        counter,
        length,
        front,
        at,
        honest,
      ) => {
        const cipher = cipherOf(key);
        const buffer = new Uint8Array(front + length + TAG_LENGTH + 9).fill(0xee);
        const sealed = buffer.subarray(front, front + length + TAG_LENGTH);
        cipher.sealInto(buffer, front, counter, new SeededRandom(at).bytes(length));
        if (!honest) {
          sealed[at % sealed.length] = (sealed[at % sealed.length] ?? 0) ^ (1 << (at & 7));
        }
        const before = buffer.slice();
        const expected = cipher.open(counter, sealed);
        assert.ok(equal(buffer, before), "open leaves its input alone");
        const opened = cipher.openInPlace(counter, sealed);
        assert.equal(opened !== undefined, honest);
        if (opened === undefined || expected === undefined) {
          assert.equal(opened, expected);
          assert.ok(equal(buffer, before), "a refusal changes nothing");
          return;
        }
        assert.ok(equal(opened, expected));
        assert.deepEqual([opened.buffer, opened.byteOffset], [buffer.buffer, sealed.byteOffset]);
        assert.ok(equal(buffer.subarray(0, front), before.subarray(0, front)));
        const end = front + sealed.length;
        assert.ok(equal(buffer.subarray(end), before.subarray(end)));
      }),
      { numRuns: 80 },
    );
  },
);

eachAead("a result stays what it is whatever the cipher does next", () => {
  const random = new SeededRandom(9);
  const cipher = cipherOf(random.bytes(32));
  const [first, second] = [random.bytes(300), random.bytes(300)];
  const sealed = cipher.seal(1n, first);
  const opened = cipher.open(1n, sealed);
  const inPlace = cipher.openInPlace(1n, sealed.slice());
  cipher.openInPlace(2n, cipher.seal(2n, second));
  assert.deepEqual(opened, first);
  assert.deepEqual(inPlace, first);
  assert.deepEqual(sealed, cipher.seal(1n, first));
});

eachAead("ciphers of several keys take turns without touching each other or the caller", () => {
  const random = new SeededRandom(6);
  const ciphers = [1, 2, 3].map(() => {
    const key = random.bytes(32);
    const own = key.slice();
    const cipher = cipherOf(key);
    key.fill(0);
    return { cipher, own };
  });
  for (let round = 0; round < 20; round++) {
    for (const { cipher, own } of ciphers) {
      const plaintext = random.bytes(round * 13);
      const before = plaintext.slice();
      const first = cipher.seal(BigInt(round), plaintext);
      const kept = first.slice();
      ciphers[0]?.cipher.seal(9n, random.bytes(500));
      assert.deepEqual(first, kept, "a result is not overwritten by the next call");
      assert.deepEqual(first, reference(own, BigInt(round)).encrypt(before));
      assert.deepEqual(plaintext, before);
    }
  }
});

eachAead("sealInto may write over its own plaintext, and refuses a target without room", () => {
  const cipher = cipherOf(new Uint8Array(32).fill(1));
  const plaintext = new SeededRandom(8).bytes(100);
  const expected = cipher.seal(1n, plaintext);
  const buffer = new Uint8Array(120);
  buffer.set(plaintext, 2);
  cipher.sealInto(buffer, 4, 1n, buffer.subarray(2, 102));
  assert.deepEqual(buffer.subarray(4), expected);
  assert.throws(() => cipher.sealInto(new Uint8Array(115), 0, 1n, plaintext), RangeError);
  assert.throws(() => cipher.sealInto(new Uint8Array(116), 1, 1n, plaintext), RangeError);
});

eachAead(
  "more than the largest plaintext is a programmer's mistake, and leaves the cipher whole",
  () => {
    const cipher = cipherOf(new Uint8Array(32));
    const tooMuch = new Uint8Array(MAX_DATA + 1);
    const sealed = new Uint8Array(MAX_DATA + 1 + TAG_LENGTH);
    assert.throws(() => cipher.seal(0n, tooMuch), RangeError);
    assert.throws(() => cipher.sealInto(sealed, 0, 0n, tooMuch), RangeError);
    assert.throws(() => cipher.open(0n, sealed), RangeError);
    assert.throws(() => cipher.openInPlace(0n, sealed), RangeError);
    assert.ok(sealed.every((byte) => byte === 0));
    const expected = reference(new Uint8Array(32), 1n).encrypt(Uint8Array.of(1));
    assert.deepEqual(cipher.seal(1n, Uint8Array.of(1)), expected);
  },
);

eachAead("keys of another length and too much associated data are programmer's mistakes", () => {
  for (const length of [0, 16, 31, 33]) {
    assert.throws(() => cipherOf(new Uint8Array(length)), RangeError);
  }
  const cipher = cipherOf(new Uint8Array(32));
  const most = new Uint8Array(MAX_ASSOCIATED).fill(3);
  const sealed = cipher.seal(0n, Uint8Array.of(1), most);
  assert.deepEqual(cipher.open(0n, sealed, most), Uint8Array.of(1));
  const tooMuch = new Uint8Array(MAX_ASSOCIATED + 1);
  assert.throws(() => cipher.seal(0n, Uint8Array.of(1), tooMuch), RangeError);
  assert.throws(() => cipher.open(0n, sealed, tooMuch), RangeError);
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
