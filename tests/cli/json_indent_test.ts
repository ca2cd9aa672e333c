import assert from "node:assert/strict";
import fc from "fast-check";
import { indentJson, MAX_INDENTED_DEPTH } from "../../cli/json_indent.ts";

Deno.test("indentJson lays out every JSON value as JSON.stringify does", () => {
  fc.assert(fc.property(fc.json({ maxDepth: 5 }), (json) => {
    assert.equal(indentJson(` ${json}\n`), JSON.stringify(JSON.parse(json), null, 2));
  }));
});

Deno.test("indentJson keeps what JavaScript would lose: digits, and members of the same name", () => {
  assert.equal(
    indentJson('{"ts":1789000000123456789,"a":1.0,"a":-1E+400}'),
    '{\n  "ts": 1789000000123456789,\n  "a": 1.0,\n  "a": -1E+400\n}',
  );
});

Deno.test("indentJson leaves alone what is no JSON, and does not grow with the depth", () => {
  for (const text of ["", "{", "{} {}", "nothing", '{"a":}']) assert.equal(indentJson(text), text);
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.ok(indentJson(nested(MAX_INDENTED_DEPTH)).includes("\n"));
  const deep = nested(200_000);
  assert.equal(indentJson(` ${deep} `), deep);
});
