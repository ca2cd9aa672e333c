import assert from "node:assert/strict";
import { linesOf, logProblems } from "../../scripts/log_table.ts";

const SOURCE = `
  log.info(\`started \${new Map([["}", \`\${x}\`]]).size} of "\${name}"\`);
  this.#log.warn(
    \`skychat: \${what} failed: \` +
      quoteForLog(errorText(error, { deep: "a, b" })),
  );
  context.log.debug("skychat: never shown");
  log?.error(NAMED);
  this.#options.log?.warn(made(config));
  warnings.push(plain ? "a" : "b");
  throw new Error("no line");
  return textReply(401, \`skychat: \${reason}\`);
  const text = { text: 'skychat: single', level: "info" } && "skychat: elsewhere";
const NAMED = "a constant";
function made(config: Config): string {
  return "made " +
    \`of \${config.a}, \${config.b}\`;
}
`;

Deno.test("linesOf finds what log calls get, joined, named or made in the same file", () => {
  const { lines, unclear } = linesOf(SOURCE, "lib/x.ts");
  assert.deepEqual(lines, [
    'started … of "…"',
    "skychat: … failed: …",
    "a constant",
    "made of …, …",
    "skychat: elsewhere",
  ]);
  assert.deepEqual(unclear, ['lib/x.ts: plain ? "a" : "b"']);
});

Deno.test("linesOf says which calls it cannot read, but for those that pass lines on", () => {
  assert.deepEqual(linesOf("log.warn(warning);", "lib/app/compose.ts"), { lines: [], unclear: [] });
  assert.deepEqual(linesOf("log.warn(warning);", "lib/app/other.ts").unclear, [
    "lib/app/other.ts: warning",
  ]);
});

const TABLE = `
| line | meaning |
| --- | --- |
| \`started <n> of "<name>"\` | it runs |
| \`skychat: disk failed: <why>\` | it does not |
| \`a long …\` | short |
| \`<why>; go on\` | odd |
`;
const LINES = ['started … of "…"', "skychat: … failed: …", "a long line that … ends", "…; go on"];

Deno.test("logProblems accepts a table that names every line, filled in or cut short", () => {
  assert.deepEqual(logProblems(TABLE, { lines: LINES, unclear: [] }), []);
});

Deno.test("logProblems reports rows without a line, lines without a row, and unclear calls", () => {
  const wrong = TABLE.replace("disk failed", "disk broke").replace("; go on", "; go");
  assert.deepEqual(logProblems(wrong, { lines: LINES, unclear: ["lib/x.ts: y"] }), [
    "docs/OPERATIONS.md: cannot tell what is logged by lib/x.ts: y",
    'docs/OPERATIONS.md: no log line "skychat: disk broke: <why>"',
    'docs/OPERATIONS.md: no log line "<why>; go"',
    'docs/OPERATIONS.md: the log line "skychat: … failed: …" is missing',
    'docs/OPERATIONS.md: the log line "…; go on" is missing',
  ]);
});

Deno.test("a line that begins with what is filled in stands for no other row", () => {
  const lines = ["… from …"];
  const row = "| line |\n| --- |\n| `link from <key>` |\n";
  assert.equal(logProblems(row, { lines, unclear: [] }).length, 2);
});
