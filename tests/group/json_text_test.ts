import assert from "node:assert/strict";
import fc from "fast-check";
import { parseJson, type WireValue } from "../../lib/group/json_text.ts";

const RUNS = { numRuns: 500 };

Deno.test("parseJson reads what JSON.parse reads, whatever the spacing", () => {
  const spaces = fc.constantFrom("", " ", "\n", "\t\r");
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), spaces, (value, space) => {
      const text = space + JSON.stringify(value, undefined, space) + space;
      assert.deepEqual(plain(parseJson(text)), withoutNulls(JSON.parse(text)));
    }),
    RUNS,
  );
});

Deno.test("parseJson takes and refuses the same texts as JSON.parse", () => {
  const pieces = fc.constantFrom(
    ...'{}[]:,"\\/ \n\t-+.eE019atrufln',
    "true",
    "null",
    "false",
    '"a"',
    "\\u0041",
    "\\ud800",
    "\\x",
    "\u0001",
    "\u007f",
    "\ufeff",
    "\u00a0",
    "1e5",
    "0.5",
  );
  const texts = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
    fc.jsonValue().chain((value) => {
      const text = JSON.stringify(value);
      return fc.tuple(fc.nat(text.length), pieces).map(([at, piece]) =>
        text.slice(0, at) + piece + text.slice(at + 1)
      );
    }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(parseJson(text) !== undefined, isJson(text), JSON.stringify(text));
    }),
    { numRuns: 3000 },
  );
});

Deno.test("parseJson keeps the digits of numbers", () => {
  for (const digits of ["18446744073709551615", "-0", "1.50", "1e400", "0"]) {
    assert.deepEqual(parseJson(digits), { digits });
  }
});

Deno.test("parseJson folds keys, keeps the last of duplicates and leaves null out", () => {
  const text = '{"op":1,"OP":2,"Op":3,"oP":null,"ſender":4,"\\u212aey":5,"__proto__":6}';
  assert.deepEqual(
    parseJson(text),
    new Map(Object.entries({ op: 3, sender: 4, key: 5 }).map(([key, n]) => [key, num(n)]))
      .set("__proto__", num(6)),
  );
  assert.deepEqual(parseJson('{"a":1,"A":2,"a":3}'), new Map([["a", num(3)]]));
});

Deno.test("parseJson refuses more than 32 levels without descending", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  assert.notEqual(parseJson(nested(32)), undefined);
  assert.equal(parseJson(nested(33)), undefined);
  assert.equal(parseJson("[".repeat(200_000)), undefined);
  assert.equal(parseJson('{"a":'.repeat(200_000)), undefined);
});

Deno.test("parseJson reads long runs of quotation marks and backslashes", () => {
  for (const piece of ['"', "\\", '\\"', '"\\\\"', "a\n"]) {
    const text = piece.repeat(20_000);
    assert.equal(parseJson(JSON.stringify(text)), text);
  }
});

function num(number: number): { digits: string } {
  return { digits: String(number) };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function plain(value: WireValue | undefined): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, plain(item)]));
  return typeof value === "object" && value !== null && "digits" in value
    ? Number(value.digits)
    : value;
}

/** What the parser makes of it: folded keys, no members that are null. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return new Map(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key.toLowerCase().replaceAll("ſ", "s"), withoutNulls(item)]),
  );
}
