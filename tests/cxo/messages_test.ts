import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex, utf8 } from "#kit";
import {
  CxoFault,
  type CxoMessage,
  decodeMessage,
  encodeMessage,
  MAX_FIELD_BYTES,
  MAX_LISTED,
  MAX_OBJECT_BYTES,
  MAX_ROOT_BYTES,
  Writer,
} from "#cxo";
import { bytes, faultCode, sound, vectors } from "./vectors.ts";

for (const { name, type, body_hex } of vectors.messages) {
  Deno.test(`decodeMessage and encodeMessage agree with the vector ${name}`, () => {
    const message = sound(decodeMessage(bytes(body_hex)));
    assert.equal(message.type, name.replace(/_.*/, ""));
    assert.equal(Number.parseInt(body_hex.slice(0, 2), 16), type);
    assert.equal(toHex(encodeMessage(message)), body_hex);
  });
}

Deno.test("decodeMessage reads the fields of the vectors", () => {
  const [publisher, node] = [vectors.keys.publisher.public, vectors.keys.subscriber_node.public];
  const read = (name: string) => {
    const { body_hex } = vectors.messages.find((vector) => vector.name === name) ?? assert.fail();
    return sound(decodeMessage(bytes(body_hex)));
  };
  assert.deepEqual(read("Syn"), { type: "Syn", protocol: 3, nodeId: node });
  assert.deepEqual(read("Err"), { type: "Err", text: "do not share the feed" });
  assert.deepEqual(read("Err_empty"), { type: "Err", text: "" });
  assert.deepEqual(read("List"), { type: "List", feeds: [publisher, node] });
  const [peer] = (read("Peers") as Extract<CxoMessage, { type: "Peers" }>).peers;
  assert.deepEqual([peer?.key, peer?.tcp, peer?.udp], [node, "127.0.0.1:8802", ""]);
  assert.deepEqual(peer?.metadata, utf8("m"));
  const root = read("Root");
  assert.ok(root.type === "Root");
  assert.deepEqual([root.feed, root.nonce, root.seq], [publisher, 1n, 0n]);
  assert.equal(toHex(root.value), vectors.roots[0]?.encoded_hex);
  assert.equal(toHex(root.signature), vectors.roots[0]?.sig_hex);
});

for (const { name, body_hex } of vectors.negative.messages) {
  Deno.test(`decodeMessage refuses: ${name}`, () => {
    assert.ok(decodeMessage(bytes(body_hex)) instanceof CxoFault);
  });
}

Deno.test("every message refuses one byte less and one byte more", () => {
  for (const { body_hex } of vectors.messages) {
    const body = bytes(body_hex);
    assert.ok(decodeMessage(body.subarray(0, -1)) instanceof CxoFault);
    assert.equal(faultCode(decodeMessage(bytes(`${body_hex}00`))), "trailing-bytes");
  }
});

Deno.test("fields longer than their bounds are refused", () => {
  const feed = vectors.keys.publisher.public;
  const long = (most: number) => new Uint8Array(most + 1);
  const object: CxoMessage = { type: "Object", value: long(MAX_OBJECT_BYTES) };
  assert.equal(faultCode(decodeMessage(encodeMessage(object))), "too-large");
  const text: CxoMessage = { type: "Err", text: "x".repeat(MAX_FIELD_BYTES + 1) };
  assert.equal(faultCode(decodeMessage(encodeMessage(text))), "too-large");
  const signature = new Uint8Array(65);
  const value = long(MAX_ROOT_BYTES);
  const root: CxoMessage = { type: "Root", feed, nonce: 1n, seq: 0n, value, signature };
  assert.equal(faultCode(decodeMessage(encodeMessage(root))), "too-large");
  const list = new Writer().u8(10).u32(MAX_LISTED + 1).fixed(new Uint8Array(33 * (MAX_LISTED + 1)));
  assert.equal(faultCode(decodeMessage(list.finish())), "too-large");
});

Deno.test("encodeMessage refuses keys and signatures of a wrong length", () => {
  assert.throws(() => encodeMessage({ type: "Sub", feed: "02" }), RangeError);
  assert.throws(() => encodeMessage({ type: "RqObject", id: "00" }), RangeError);
});

const hexOf = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(toHex);
const someBytes = fc.uint8Array({ maxLength: 80 });
const someText = fc.string({ unit: "binary", maxLength: 40 });
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const kind = <T extends string>(...types: T[]) => fc.constantFrom(...types);
const anyMessage: fc.Arbitrary<CxoMessage> = fc.oneof(
  fc.record({ type: kind("Ping", "Pong", "Ok", "RqList") }),
  fc.record({ type: kind("Syn"), protocol: fc.nat(0xffff), nodeId: hexOf(33) }),
  fc.record({ type: kind("Ack"), nodeId: hexOf(33) }),
  fc.record({ type: kind("Err"), text: someText }),
  fc.record({ type: kind("Sub", "Unsub", "RqPreview", "RqPeers"), feed: hexOf(33) }),
  fc.record({ type: kind("List"), feeds: fc.array(hexOf(33), { maxLength: 5 }) }),
  fc.record({
    type: kind("Root"),
    feed: hexOf(33),
    nonce: u64,
    seq: u64,
    value: someBytes,
    signature: fc.uint8Array({ minLength: 65, maxLength: 65 }),
  }),
  fc.record({ type: kind("RqObject"), id: hexOf(32) }),
  fc.record({ type: kind("Object"), value: someBytes }),
  fc.record({
    type: kind("Peers"),
    feed: hexOf(33),
    peers: fc.array(
      fc.record({ key: hexOf(33), metadata: someBytes, tcp: someText, udp: someText }),
      { maxLength: 3 },
    ),
  }),
);

Deno.test("every message comes back as it was written", () => {
  fc.assert(fc.property(anyMessage, (message) => {
    assert.deepEqual(plain(decodeMessage(encodeMessage(message))), plain(message));
  }));
});

Deno.test("a changed or cut message gives a message or a fault, never an exception", () => {
  fc.assert(fc.property(anyMessage, fc.nat(200), fc.nat(255), (message, place, byte) => {
    const body = encodeMessage(message);
    body[place % body.length] = byte;
    decodeMessage(body);
    decodeMessage(body.subarray(0, place % body.length));
  }));
});

/** Views and arrays compare by their bytes. */
function plain(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (inner instanceof Uint8Array) return toHex(inner);
    return typeof inner === "bigint" ? String(inner) : inner;
  });
}
