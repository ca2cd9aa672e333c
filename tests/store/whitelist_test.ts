import assert from "node:assert/strict";
import { parseStoreWhitelist } from "#store";
import { keptLog } from "#support/stored_messages.ts";
import { loadStoreWhitelist } from "../../lib/store/whitelist.ts";

const FIRST = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const SECOND = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

Deno.test("parseStoreWhitelist takes comments, blanks, upper case, CR LF and a byte order mark", () => {
  const log = keptLog();
  const text =
    `\uFEFF# people I keep\r\n${FIRST}\r\n\r\n  ${SECOND.toUpperCase()}\t\r\n#${FIRST}\r\n`;
  assert.deepEqual([...parseStoreWhitelist(text, log)], [FIRST, SECOND]);
  assert.deepEqual(log.lines, []);
});

Deno.test("parseStoreWhitelist warns about lines that are no key, and skips them", () => {
  const log = keptLog();
  const text = [`${FIRST} # inline`, "bob\u0007", `04${FIRST.slice(2)}`, SECOND].join("\n");
  assert.deepEqual([...parseStoreWhitelist(text, log)], [SECOND]);
  assert.equal(log.lines.length, 3);
  assert.equal(
    log.lines[1],
    "WARN skychat: history whitelist skipping a line that is no key: bob\\u0007",
  );
});

Deno.test("loadStoreWhitelist of a missing file says what it wanted", async () => {
  await assert.rejects(
    loadStoreWhitelist("/nowhere/at/all", keptLog()),
    /^StoreError: load whitelist: .*No such file/,
  );
});
