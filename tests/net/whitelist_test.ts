import assert from "node:assert/strict";
import { PublicKey } from "#crypto";
import { silentLog } from "#kit";
import { parseWhitelist } from "#net";
import { RecordingLog } from "./recording_log.ts";

const A = PublicKey.parse("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
const B = PublicKey.parse("02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5");
const C = PublicKey.parse("02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9");

Deno.test("parseWhitelist trims items, skips empty ones and logs bad ones", () => {
  const log = new RecordingLog();
  const list = parseWhitelist(` ${A} ,, ${B.hex.toUpperCase()},nonsense, 02ab,${A}`, log);
  assert.ok(list !== "all-invalid");
  assert.equal(list.size, 2);
  assert.deepEqual([A, B, C].map((peer) => list.allows(peer)), [true, true, false]);
  assert.deepEqual(log.lines, [
    `WARN skychat: tcp-whitelist skipping invalid pk "nonsense": Invalid public key`,
    `WARN skychat: tcp-whitelist skipping invalid pk "02ab": Invalid public key length`,
  ]);
});

Deno.test("parseWhitelist of a blank text welcomes every key", () => {
  for (const text of ["", "  "]) {
    const list = parseWhitelist(text, silentLog);
    assert.ok(list !== "all-invalid");
    assert.equal(list.size, 0);
    assert.equal(list.allows(C), true);
  }
});

Deno.test("parseWhitelist never takes a list without any valid key for an open door", () => {
  for (const text of ["x", ",", " , ", `${A.hex.slice(2)}`, "0".repeat(66)]) {
    assert.equal(parseWhitelist(text, silentLog), "all-invalid", text);
  }
});

Deno.test("parseWhitelist keeps a bad item from forging log lines", () => {
  const log = new RecordingLog();
  parseWhitelist("a\nFATAL forged", log);
  assert.deepEqual(log.lines.length, 1);
  assert.ok(!log.lines[0]?.includes("\n"));
});
