import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "#kit";
import { SecretKey } from "#crypto";
import {
  acceptRoot,
  CxoFault,
  decodeRoot,
  encodeRoot,
  MAX_ROOT_BYTES,
  objectId,
  REGISTRY,
  type Root,
  type RootMessage,
  rootMessage,
  rootTreeNode,
  signRoot,
  TREE_ENTRY_SCHEMA,
  TREE_NODE_SCHEMA,
  ZERO_ID,
} from "#cxo";
import { bytes, faultCode, named, sound, type VectorRoot, vectors } from "./vectors.ts";

const secret = SecretKey.parse(vectors.keys.publisher.secret);
const first = named(vectors.roots, "root_seq0");

function fields(vector: VectorRoot): Root {
  return {
    refs: vector.refs.map(({ hash, schema }) => ({ object: hash, schema })),
    descriptor: bytes(vector.descriptor),
    registry: vector.reg,
    pub: vector.pub,
    nonce: BigInt(vector.nonce),
    seq: BigInt(vector.seq),
    time: BigInt(vector.time),
    prev: vector.prev,
  };
}

function push(vector: VectorRoot): RootMessage {
  const { pub: feed, nonce, seq, encoded_hex, sig_hex } = vector;
  const [value, signature] = [bytes(encoded_hex), bytes(sig_hex)];
  return { type: "Root", feed, nonce: BigInt(nonce), seq: BigInt(seq), value, signature };
}

Deno.test("the Registry built from the rules is that of the vectors", () => {
  assert.equal(toHex(REGISTRY.bytes), vectors.registry.encoded_hex);
  assert.equal(REGISTRY.bytes.length, 564);
  assert.equal(REGISTRY.id, "30f7ecd42e31f20218693280f66e2abe73f9ebd26922f240d32f98499d4d22e7");
  assert.equal(REGISTRY.id, vectors.registry.ref);
  const ours = [TREE_ENTRY_SCHEMA, TREE_NODE_SCHEMA];
  assert.deepEqual(
    ours.map(({ id, bytes }) => ({ id, hex: toHex(bytes) })),
    vectors.registry.schemas.map(({ ref, encoded_hex }) => ({ id: ref, hex: encoded_hex })),
  );
});

for (const vector of vectors.roots) {
  Deno.test(`encodeRoot, decodeRoot and acceptRoot agree with the vector ${vector.name}`, () => {
    assert.equal(toHex(encodeRoot(fields(vector))), vector.encoded_hex);
    const accepted = sound(acceptRoot(push(vector)));
    assert.equal(accepted.id, vector.hash);
    assert.deepEqual(accepted.root, fields(vector));
    assert.equal(toHex(encodeRoot(sound(decodeRoot(accepted.value)))), vector.encoded_hex);
    assert.equal(rootTreeNode(accepted.root), vector.refs[0]?.hash);
  });
}

Deno.test("signRoot gives what acceptRoot accepts, with S in the lower half", () => {
  const signed = signRoot(fields(first), secret);
  assert.equal(signed.id, first.hash);
  assert.equal(signed.signature.length, 65);
  assert.ok((signed.signature[32] ?? 0xff) < 0x80);
  assert.deepEqual(sound(acceptRoot(rootMessage(signed))).root, signed.root);
});

for (const { name, feed, value_hex, sig_hex } of vectors.negative.roots) {
  Deno.test(`acceptRoot refuses: ${name}`, () => {
    const { nonce, seq } = sound(decodeRoot(bytes(value_hex)));
    const [value, signature] = [bytes(value_hex), bytes(sig_hex)];
    const fault = acceptRoot({ type: "Root", feed, nonce, seq, value, signature });
    assert.ok(fault instanceof CxoFault);
  });
}

Deno.test("the signed Pub, Nonce and Seq must be those of the message (trap 7)", () => {
  const message = push(named(vectors.roots, "root_seq1"));
  assert.equal(faultCode(acceptRoot({ ...message, nonce: 2n })), "bad-root");
  assert.equal(faultCode(acceptRoot({ ...message, seq: 9n })), "bad-root");
  const other = vectors.negative.roots.at(-1) ?? assert.fail();
  const [value, signature] = [bytes(other.value_hex), bytes(other.sig_hex)];
  const foreign = { ...message, seq: 0n, feed: other.feed, value, signature };
  assert.equal(faultCode(acceptRoot(foreign)), "bad-root");
});

Deno.test("every byte of value, signature and feed counts", () => {
  const message = push(first);
  for (const part of ["value", "signature"] as const) {
    for (let place = 0; place < message[part].length; place += 7) {
      const changed = message[part].slice();
      changed[place] = (changed[place] ?? 0) ^ 1;
      assert.ok(
        acceptRoot({ ...message, [part]: changed }) instanceof CxoFault,
        `${part} ${place}`,
      );
    }
  }
  assert.equal(faultCode(acceptRoot({ ...message, feed: "00".repeat(33) })), "bad-signature");
  assert.equal(faultCode(acceptRoot({ ...message, signature: bytes("00") })), "bad-signature");
});

Deno.test("Seq is 0 exactly when Prev is zero (trap 8)", () => {
  const good = fields(first);
  assert.throws(() => signRoot({ ...good, prev: first.hash }, secret), /unexpected Prev hash/);
  assert.throws(() => signRoot({ ...good, seq: 1n }, secret), /missing Prev hash/);
  assert.throws(() => signRoot({ ...good, nonce: 0n }, secret), RangeError);
  const node = SecretKey.parse(vectors.keys.subscriber_node.secret);
  assert.throws(() => signRoot(good, node), RangeError);
});

Deno.test("rootTreeNode tells why a Root is none of a tree", () => {
  const good = fields(first);
  const object = good.refs[0]?.object ?? assert.fail();
  const text = (root: Root) => {
    const found = rootTreeNode(root);
    return found instanceof CxoFault ? found.message : found;
  };
  assert.equal(text({ ...good, refs: [] }), undefined);
  assert.equal(text({ ...good, refs: [{ object: ZERO_ID, schema: ZERO_ID }] }), undefined);
  assert.equal(text({ ...good, registry: ZERO_ID }), "blank registry reference");
  assert.equal(text({ ...good, registry: first.hash }), `unknown registry ${first.hash}`);
  assert.equal(text({ ...good, refs: [{ object, schema: ZERO_ID }] }), "invalid dynamic reference");
  const schema = TREE_ENTRY_SCHEMA.id;
  assert.equal(text({ ...good, refs: [{ object, schema }] }), `missng schema "${schema}"`);
  assert.ok(rootTreeNode({ ...good, refs: [...good.refs, ...good.refs] }) instanceof CxoFault);
});

Deno.test("times and nonces beyond 2^53 come back whole (trap 12)", () => {
  const root = { ...fields(first), time: 2n ** 63n - 1n, nonce: 2n ** 64n - 1n };
  assert.deepEqual(decodeRoot(encodeRoot(root)), root);
});

Deno.test("decodeRoot on hostile bytes gives a Root or a fault", () => {
  assert.equal(faultCode(decodeRoot(new Uint8Array(MAX_ROOT_BYTES + 1))), "too-large");
  const value = bytes(first.encoded_hex);
  fc.assert(fc.property(fc.nat(192), fc.nat(255), (place, byte) => {
    const changed = value.slice();
    changed[place] = byte;
    const root = decodeRoot(changed);
    if (!(root instanceof CxoFault)) assert.equal(objectId(encodeRoot(root)), objectId(changed));
    assert.ok(decodeRoot(changed.subarray(0, place)) instanceof CxoFault);
  }));
});
