import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, NO_BYTES, utf8 } from "#kit";
import { MAX_LEAF_BYTES } from "../../lib/group/wire_json.ts";
import {
  decodeMessageLeaf,
  encodeMessageLeaf,
  HEARTBEAT_TEXT,
  signMessage,
  verifyMessage,
} from "../../lib/group/message_leaf.ts";
import {
  checkMessageLeaf,
  groupMessagePath,
  parseGroupMessagePath,
  readMessageLeaf,
} from "../../lib/group/message_path.ts";
import { groupBodyOf, tombstoneText } from "../../lib/group/message_body.ts";
import { altered, faultCode, pkOf, secretOf, sound, vectors } from "./vectors.ts";

const RUNS = { numRuns: 60 };
const ALICE = secretOf("alice");
const times = fc.bigInt(0n, 2n ** 63n - 1n);
const blobs = fc.uint8Array({ maxLength: 80 });
const texts = fc.string({ unit: "binary", maxLength: 80 });
const LEAF = vectors.messages[0]?.leaf_json ?? "";
const PATH = vectors.messages[0]?.path ?? "";

Deno.test("a signed message comes back from its leaf and path, lone surrogates replaced", () => {
  const surrogates = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(unit) });
  const bodies = fc.record({
    ts: times,
    text: fc.oneof(texts, surrogates, fc.constant("<a>&\u2028\u2029\\\"'")),
    ciphertext: blobs,
    nonce: blobs,
  });
  fc.assert(
    fc.property(bodies, fc.nat(), (body, seq) => {
      const message = signMessage(ALICE, body);
      assert.equal(message.text, body.text.toWellFormed());
      const leaf = encodeMessageLeaf(message);
      assert.equal(/[<>&\u2028\u2029]/.test(new TextDecoder().decode(leaf)), false);
      const read = sound(checkMessageLeaf(groupMessagePath({ ...message, seq }), leaf));
      assert.deepEqual(read.message, message);
      assert.equal(read.seq, BigInt(seq));
    }),
    RUNS,
  );
});

Deno.test("signMessage refuses a time that has no path", () => {
  for (const ts of [-1n, 2n ** 63n]) {
    assert.throws(() => signMessage(ALICE, { ts, text: "x" }), RangeError);
  }
});

Deno.test("a message with any signed field changed does not verify", () => {
  const message = signMessage(ALICE, {
    ts: 5n,
    text: "ab",
    ciphertext: utf8("cd"),
    nonce: utf8("e"),
  });
  for (
    const change of [
      { sender: pkOf("bob") },
      { ts: 6n },
      { text: "ac" },
      { text: "abc", ciphertext: utf8("d") },
      { ciphertext: utf8("cde"), nonce: NO_BYTES },
      { nonce: utf8("f") },
    ]
  ) assert.equal(verifyMessage({ ...message, ...change })?.code, "bad-signature");
  for (let at = 0; at < 65; at++) {
    const signature = message.signature.with(at, (message.signature[at] ?? 0) ^ 1);
    assert.equal(verifyMessage({ ...message, signature })?.code, "bad-signature", `${at}`);
  }
  for (const length of [1, 64, 66]) {
    const signature = new Uint8Array(length).fill(1);
    assert.equal(verifyMessage({ ...message, signature })?.code, "bad-signature");
  }
});

Deno.test("a message leaf is read however its keys, zeros and escapes are written", () => {
  const expected = sound(decodeMessageLeaf(utf8(LEAF)));
  for (
    const same of [
      LEAF.replace("sender_pk", "Sender_PK").replace("signature", "SIGNATURE"),
      LEAF.replace("{", '{"text":"first","later":{"a":[1,{}]},'),
      LEAF.replace("{", '{"ciphertext":null,"nonce":"","text":"other","TEXT":"third",'),
      LEAF.replace(pkOf("alice"), pkOf("alice").toUpperCase()),
      LEAF.replace("hello", "\\u0068\\u0065llo"),
      LEAF.replace("14:13:20.123456789Z", "16:43:20.1234567899999+02:30"),
      ` \n${LEAF}\t`,
    ]
  ) {
    assert.deepEqual(decodeMessageLeaf(utf8(same)), expected, same);
    assert.equal(faultCode(checkMessageLeaf(PATH, utf8(same))), undefined);
  }
});

Deno.test("a lone surrogate in a leaf is the replacement character that was signed", () => {
  const made = signMessage(ALICE, { ts: 5n, text: "a\ud800b" });
  const leaf = altered(new TextDecoder().decode(encodeMessageLeaf(made)), { text: '"a\\udbffb"' });
  const read = sound(decodeMessageLeaf(leaf));
  assert.equal(read.text, "a\ufffdb");
  assert.equal(verifyMessage(read), undefined);
});

Deno.test("a message leaf of the wrong shape is a fault, never an error", () => {
  const undecodable: Readonly<Record<string, readonly string[]>> = {
    sender_pk: ["5", "{}", "[]", "true", '"zz"', '"02"', `"${"0".repeat(65)}g"`],
    ts: ["5", '""', '"yesterday"', '"0001-01-02T00:00:00Z"', '"9999-01-01T00:00:00Z"'],
    text: ["5", "{}", "[]", "true"],
    ciphertext: ["5", "[]", ...["a", "YQ", "Y===", "YQ=", "Y Q=", "-_==", "YQ==YQ=="].map(quoted)],
    nonce: ["{}", '"*"'],
    signature: ["5", "{}", '""', '"00"', `"${"0".repeat(129)}g"`],
  };
  const missing: Readonly<Record<string, readonly string[]>> = {
    sender_pk: ["", "null", '""', '"0"', `"${"0".repeat(66)}"`],
    ts: ["", "null", '"0001-01-01T00:00:00Z"'],
  };
  for (
    const [code, fields] of [["undecodable", undecodable], ["missing-field", missing]] as const
  ) {
    for (const [key, literals] of Object.entries(fields)) {
      for (const literal of literals) {
        const fault = decodeMessageLeaf(altered(LEAF, { [key]: literal }));
        assert.equal(faultCode(fault), code, `${key} ${literal}`);
      }
    }
  }
  for (const text of ["", "null", "[]", "5", `${LEAF}x`, LEAF.slice(1), LEAF.slice(0, -1)]) {
    assert.equal(faultCode(decodeMessageLeaf(utf8(text))), "undecodable", text);
  }
});

Deno.test("base64 may be broken into lines and end in stray bits, as deployed readers allow", () => {
  for (const literal of ['"Y\\r\\nQ==\\n"', '"YQ=="', '"YR=="']) {
    const message = sound(decodeMessageLeaf(altered(LEAF, { ciphertext: literal })));
    assert.deepEqual(message.ciphertext, utf8("a"), literal);
  }
});

Deno.test("a leaf above the bound is refused before it is read", () => {
  const message = signMessage(ALICE, { ts: 5n, text: "" });
  const bare = encodeMessageLeaf(message);
  const padded = (length: number) => concat(bare, new Uint8Array(length - bare.length).fill(0x20));
  const path = groupMessagePath({ ...message, seq: 1 });
  assert.equal(faultCode(checkMessageLeaf(path, padded(MAX_LEAF_BYTES))), undefined);
  for (const length of [MAX_LEAF_BYTES + 1, 4 * MAX_LEAF_BYTES]) {
    assert.equal(faultCode(checkMessageLeaf(path, padded(length))), "too-large");
    assert.equal(faultCode(decodeMessageLeaf(padded(length))), "too-large");
  }
});

Deno.test("parseGroupMessagePath takes exactly the paths of messages", () => {
  const pk = pkOf("alice");
  const most = "9".repeat(19);
  assert.deepEqual(parseGroupMessagePath(`msgs/${pk}/${most}/${most}9`), {
    sender: pk,
    ts: BigInt(most),
    seq: BigInt(`${most}9`),
  });
  for (
    const wrong of [
      "",
      `msgs/${pk}`,
      `msgs/${pk}/1`,
      `msgs/${pk}/1/`,
      `msgs/${pk}/1/2/3`,
      `msgs/${pk}/1/2/`,
      `/msgs/${pk}/1/2`,
      `msgsX/${pk}/1/2`,
      `mirror/${pk}/1/2`,
      `msgs/${pk.toUpperCase()}/1/2`,
      `msgs/${pk.slice(1)}/1/2`,
      `msgs/${pk}/-1/2`,
      `msgs/${pk}/+1/2`,
      `msgs/${pk}/01/2`,
      `msgs/${pk}/1e3/2`,
      `msgs/${pk}/${most}0/2`,
      `msgs/${pk}/1/${most}00`,
      `msgs/${pk}/1/x`,
      `msgs/${pk}/1/2\n`,
      `msgs//1/2`,
    ]
  ) assert.equal(parseGroupMessagePath(wrong), undefined, wrong);
});

Deno.test("readMessageLeaf checks all but the signature, and gives the digest that checkMessageLeaf gives", () => {
  const [forged] = vectors.leaf_checks.filter((one) => one.case === "signed by another key");
  const read = sound(readMessageLeaf(PATH, utf8(forged?.leaf_json ?? "")));
  assert.equal(read.digest, sound(checkMessageLeaf(PATH, utf8(LEAF))).digest);
  assert.equal(faultCode(readMessageLeaf(PATH.replace("/1790", "/1791"), utf8(LEAF))), "bad-path");
});

Deno.test("groupBodyOf tells heartbeats and tombstones from texts", () => {
  assert.deepEqual(groupBodyOf(HEARTBEAT_TEXT), { kind: "heartbeat" });
  for (const ts of [1n, -1n, 1_790_000_000_123_456_789n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    assert.deepEqual(groupBodyOf(tombstoneText(ts)), { kind: "delete", ts });
    assert.deepEqual(groupBodyOf(` \n${tombstoneText(ts)}\t`), { kind: "delete", ts });
  }
  for (
    const text of [
      "",
      "hello",
      ` ${HEARTBEAT_TEXT}`,
      `${HEARTBEAT_TEXT}.`,
      tombstoneText(0n),
      tombstoneText(2n ** 63n),
      tombstoneText(-(2n ** 63n) - 1n),
      '{"skychat_delete":{}}',
      '{"skychat_delete":{"to_ts_nano":"5"}}',
      '{"skychat_delete":{"to_ts_nano":5.0}}',
      '{"skychat_delete":{"to_ts_nano":5e1}}',
      '{"skychat_delete":5}',
      '{"skychat_delete":null}',
      '{"skychat_delete":{"to_ts_nano":5}',
      '[{"skychat_delete":{"to_ts_nano":5}}]',
      'see {"skychat_delete":{"to_ts_nano":5}}',
      '{"skychat_reply":{"text":"skychat_delete"}}',
      `{"skychat_delete":${"[".repeat(100_000)}`,
    ]
  ) assert.deepEqual(groupBodyOf(text), { kind: "text" }, text.slice(0, 80));
});

Deno.test("bytes that nobody would send never make a check throw", () => {
  const leaf = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.jsonValue().map((value) => utf8(JSON.stringify(value))),
    fc.tuple(fc.nat(LEAF.length), fc.uint8Array({ maxLength: 4 })).map(([at, bytes]) =>
      concat(utf8(LEAF.slice(0, at)), bytes, utf8(LEAF.slice(at + 1)))
    ),
  );
  fc.assert(
    fc.property(leaf, (bytes) => {
      const read = checkMessageLeaf(PATH, bytes);
      if (faultCode(read) === undefined) assert.equal(sound(read).message.text, "hello group");
    }),
    { numRuns: 1500 },
  );
  fc.assert(fc.property(fc.string(), (path) => {
    assert.equal(faultCode(checkMessageLeaf(path, utf8(LEAF))), "bad-path");
  }));
});

function quoted(text: string): string {
  return `"${text}"`;
}

function unit(code: number): string {
  return String.fromCharCode(code);
}
