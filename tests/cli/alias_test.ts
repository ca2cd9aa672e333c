import assert from "node:assert/strict";
import { type CliResult, runTest } from "#support/cli_run.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const PATH = "/x/skywire/skychat-aliases.json";

/** An alias file that several commands share. */
class Book {
  readonly files: Record<string, string> = {};

  constructor(content?: string) {
    if (content !== undefined) this.files[PATH] = content;
  }

  alias(...args: readonly string[]): Promise<CliResult> {
    return runTest(["alias", ...args], { env: { XDG_CONFIG_HOME: "/x" }, files: this.files });
  }
}

Deno.test("alias add, ls and rm print the texts of cli.md 9 and keep the file", async () => {
  const book = new Book();
  assert.deepEqual(await book.alias("ls"), {
    code: 0,
    stdout: "(no aliases — use skychat alias add NAME PK)\n",
    stderr: "",
  });
  assert.equal((await book.alias("add", "bob", A.toUpperCase())).stdout, `alias bob → ${A}\n`);
  assert.equal(book.files[PATH], `{\n  "bob": "${A}"\n}\n`);
  assert.equal(
    (await book.alias("add", "bob", B)).stdout,
    `alias bob replaced (was ${A}, now ${B})\n`,
  );
  await book.alias("add", "Ann", A);
  assert.equal(
    (await book.alias("ls")).stdout,
    `Ann                  ${A}\nbob                  ${B}\n`,
  );
  assert.equal((await book.alias("list", "--json")).stdout, `{"Ann":"${A}","bob":"${B}"}\n`);
  assert.equal((await book.alias("rm", "bob")).stdout, "alias bob removed\n");
  assert.equal(book.files[PATH], `{\n  "Ann": "${A}"\n}\n`);
});

Deno.test("alias says nothing on success with --json", async () => {
  const book = new Book();
  assert.equal((await book.alias("add", "bob", A, "--json")).stdout, "");
  assert.equal((await book.alias("rm", "bob", "--json")).stdout, "");
});

const mistakes: readonly [args: readonly string[], text: string][] = [
  [["rm", "bob"], 'no such alias "bob"'],
  [["rm", "toString"], 'no such alias "toString"'],
  [["add", "", A], "alias name must not be empty"],
  [
    ["add", "2bob", A],
    'alias name "2bob" must not start with a digit (looks like a PK fragment)',
  ],
  [["add", "bob", "zz"], "invalid pk: Invalid public key"],
  [["add", A, "bob"], 'alias name "0279'],
  [["add", "bob"], "alias add: wants NAME and PK"],
  [["rm"], "alias rm: wants NAME"],
  [["ls", "x"], "alias ls: wants nothing else"],
  [["rename", "x"], 'alias: unknown action "rename"'],
  [[], "alias: add, ls or rm?"],
];

for (const [args, text] of mistakes) {
  Deno.test(`alias ${args.join(" ").slice(0, 30)} is refused and changes nothing`, async () => {
    const book = new Book();
    const { code, stdout, stderr } = await book.alias(...args);
    assert.equal(stderr.slice(0, `skychat: ${text}`.length), `skychat: ${text}`);
    assert.equal(stdout, "");
    assert.equal(code, 1);
    assert.deepEqual(book.files, {});
  });
}

Deno.test("alias does not overwrite a file that it cannot read, and keeps what it does not know", async () => {
  const broken = new Book("{ oops");
  const { code, stderr } = await broken.alias("add", "bob", A);
  assert.equal(stderr, `skychat: ${PATH}: not a JSON object\n`);
  assert.equal(code, 1);
  assert.equal(broken.files[PATH], "{ oops");

  const foreign = new Book(`{"note":{"a":1},"__proto__":"${B}"}`);
  await foreign.alias("add", "bob", A);
  assert.deepEqual(
    foreign.files[PATH],
    `{\n  "note": {\n    "a": 1\n  },\n  "__proto__": "${B}",\n  "bob": "${A}"\n}\n`,
  );
});

Deno.test("alias without a home says what is missing", async () => {
  const { stderr } = await runTest(["alias", "ls"]);
  assert.equal(
    stderr,
    "skychat: no place for the alias file: set XDG_CONFIG_HOME or HOME\n",
  );
});

Deno.test("alias shows names that hold line feeds on one line", async () => {
  const book = new Book(JSON.stringify({ "a\nb": A }));
  assert.equal((await book.alias("ls")).stdout, `${"a\\nb".padEnd(20)} ${A}\n`);
});
