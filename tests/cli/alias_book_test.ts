import assert from "node:assert/strict";
import { aliasPath } from "../../cli/alias_book.ts";
import { runTest } from "#support/cli_run.ts";

const PK = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

Deno.test("aliasPath is in the user's configuration directory", () => {
  const file = "skywire/skychat-aliases.json";
  const of = (environment: Record<string, string>, os = "linux") => aliasPath({ environment, os });
  assert.equal(of({ HOME: "/h" }), `/h/.config/${file}`);
  assert.equal(of({ HOME: "/h", XDG_CONFIG_HOME: "/x" }), `/x/${file}`);
  assert.equal(of({ HOME: "/h" }, "darwin"), `/h/Library/Application Support/${file}`);
  assert.equal(of({}), undefined);
});

const unusable: readonly [content: string, stderr: string][] = [
  ["{", "skychat: aliases not read: /h/.config/skywire/skychat-aliases.json: not a JSON object\n"],
  ["[]", "skychat: aliases not read: /h/.config/skywire/skychat-aliases.json: not a JSON object\n"],
  ['{"bob":7}', ""],
  ['{"bob":"zz"}', ""],
  [`{"Bob":"${PK}"}`, ""],
  [`{"__proto__":"${PK}"}`, ""],
];

for (const [content, stderr] of unusable) {
  Deno.test(`an alias file with ${content.slice(0, 14)} knows no bob`, async () => {
    const result = await runTest(["send", "-t", "bob", "-m", "x"], {
      env: { HOME: "/h" },
      files: { "/h/.config/skywire/skychat-aliases.json": content },
    });
    assert.equal(result.code, 1);
    assert.equal(
      result.stderr,
      `${stderr}skychat: "bob" is neither a valid PK nor a known alias (try: skychat alias ls)\n`,
    );
  });
}

Deno.test("names of the language's own objects are no aliases", async () => {
  for (const word of ["toString", "constructor", "__proto__"]) {
    const { stderr } = await runTest(["send", "-t", word, "-m", "x"], {
      env: { HOME: "/h" },
      files: { "/h/.config/skywire/skychat-aliases.json": "{}" },
    });
    assert.match(stderr, /is neither a valid PK nor a known alias/);
  }
});
