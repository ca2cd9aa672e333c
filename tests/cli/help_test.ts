import assert from "node:assert/strict";
import { flagReference } from "#cli";
import { VERSION } from "#app";
import manifest from "../../deno.json" with { type: "json" };
import { type CommandSpec, isBuilt } from "../../cli/command.ts";
import { COMMANDS, findCommand } from "../../cli/command_table.ts";
import type { FlagSpec } from "../../cli/flag.ts";
import { runTest } from "#support/cli_run.ts";

/** Every command that works, those below others too. */
const WORKING: readonly CommandSpec[] = COMMANDS.filter(isBuilt)
  .flatMap((spec) => [spec, ...spec.subcommands ?? []]);

Deno.test("every working command's --help and -h name every flag of its table", async () => {
  for (const { name, flags } of WORKING) {
    const words = name.split(" ");
    const { code, stdout, stderr } = await runTest([...words, "--help"]);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.ok(stdout.startsWith(`Usage: skychat ${name} `), stdout);
    assert.equal((await runTest([...words, "-h"])).stdout, stdout);
    assert.equal((await runTest(["help", ...words])).stdout, stdout);
    for (const [flag, { short, state }] of Object.entries(flags)) {
      const start = stdout.search(
        new RegExp(`^ +${short ? `-${short}, ` : ""}--${flag}[ \n]`, "m"),
      );
      assert.ok(start >= 0, `${name} --help lacks --${flag}`);
      const entry = stdout.slice(start).split(/\n {2}-|\n\n/)[0]?.replace(/\s+/g, " ") ?? "";
      assert.equal(
        entry.includes("not in this build yet"),
        state === "later",
        entry,
      );
    }
  }
});

Deno.test("--help works beside mistakes, and without a command", async () => {
  const root = await runTest(["--help"]);
  assert.equal(root.code, 0);
  for (const { name, summary } of COMMANDS) {
    assert.match(root.stdout, new RegExp(`^  ${name} `, "m"));
    assert.ok(root.stdout.includes(summary.replace(/:.*/, "")));
  }
  assert.deepEqual(await runTest([]), root);
  assert.deepEqual(await runTest(["cli"]), root);
  assert.deepEqual(await runTest(["cli", "skychat"]), root);
  assert.equal((await runTest(["send", "--nope", "--help"])).code, 0);
});

Deno.test("--version prints the version that deno.json has", async () => {
  assert.equal(VERSION, manifest.version);
  for (const args of [["--version"], ["-v"], ["send", "-v"], ["app", "--version"]]) {
    assert.deepEqual(await runTest(args), {
      code: 0,
      stdout: `skychat ${manifest.version}\n`,
      stderr: "",
    });
  }
});

Deno.test("flagReference has a row for every flag of every working command", () => {
  const markdown = flagReference();
  for (const { name, flags } of WORKING) {
    // Commands below another one that only have its flags are a row of its section.
    const [family = "", word] = name.split(" ");
    const above = findCommand(family)?.flags;
    if (word !== undefined && flags === above) {
      assert.match(markdown, new RegExp(`^\\| \`skychat ${name}[ \`]`, "m"));
      continue;
    }
    const section = markdown.split(/^### /m).find((text) => text.startsWith(`${name}\n`)) ?? "";
    for (const flag of Object.keys(flags)) {
      assert.match(section, new RegExp("^\\| `(-., )?--" + flag + "[ `]", "m"));
    }
  }
  assert.match(markdown, /\| `-t, --to <pk\\\|alias>` \| recipient/);
});

/** Rows `| flag | type | default | …` of the specification's table for `app`. */
async function specifiedFlags(): Promise<string[][]> {
  const spec = await Deno.readTextFile(new URL("../../docs/spec/cli.md", import.meta.url));
  const section = spec.slice(spec.indexOf("## 2. `app"), spec.indexOf("### 2.1"));
  return section.split("\n").filter((line) => line.startsWith("| `--"))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("app has every flag of cli.md 2 with its type, default and variable", async () => {
  const flags: Readonly<Record<string, FlagSpec>> = findCommand("app")?.flags ?? {};
  const rows = await specifiedFlags();
  const named: string[] = [];
  for (const [names = "", type = "", fallback = "", variable = ""] of rows) {
    for (const [, name = ""] of names.matchAll(/`--([a-z-]+)`/g)) {
      named.push(name);
      const flag = flags[name];
      assert.ok(flag !== undefined, `--${name} is missing`);
      assert.equal(flag.short, /`-([a-z])`/.exec(names)?.[1]);
      assert.equal(flag.env, variable === "–" ? undefined : variable.replaceAll("`", ""));
      const expected = type === "uint16"
        ? "int"
        : type.includes("/")
        ? "string"
        : type.split(",")[0];
      assert.equal(flag.type, expected, `--${name}`);
      const simple = /^(?:`([^<` ]+)`|(\d+s?|true))$/.exec(fallback);
      const value = simple?.[1] ?? simple?.[2];
      // Where it matters whether somebody gave it, the default is only shown.
      const shown = flag.default ?? flag.defaultText;
      if (value !== undefined) assert.equal(shown, value, `--${name}`);
    }
  }
  assert.deepEqual(Object.keys(flags).sort(), named.sort());
});
