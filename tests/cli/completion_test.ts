import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/command_table.ts";
import { bashScript } from "../../cli/completion_bash.ts";
import { fishScript } from "../../cli/completion_fish.ts";
import {
  completionModel,
  operandOffer,
  secondOffer,
  withSubcommands,
  wordsBeforeAlias,
} from "../../cli/completion_model.ts";
import { zshScript } from "../../cli/completion_zsh.ts";
import { command, isBuilt } from "../../cli/command.ts";
import { runTest } from "#support/cli_run.ts";
import { mayBeLeftOut } from "#support/left_out.ts";
import { completeIn, hasProgram, runShell, type Shell } from "#support/shell_completion.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const ALIASES = JSON.stringify({ ann: A, "an:na": A, bob: A }, null, 2);
const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];
const WORKING = COMMANDS.filter(isBuilt);
const GROUP = COMMANDS.find(({ name }) => name === "group")?.subcommands ?? [];

async function scriptOf(shell: Shell): Promise<string> {
  const { code, stdout, stderr } = await runTest(["completion", shell]);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  return stdout;
}

/** Bash is on every machine that builds this; the others are tested where they are installed. */
function shellTest(name: string, shell: Shell, body: (script: string) => Promise<void>): void {
  const ignore = mayBeLeftOut(shell === "bash" || hasProgram(shell));
  const reason = ignore ? ` (${shell} is not installed here)` : "";
  Deno.test({
    name: `${shell}: ${name}${reason}`,
    ignore,
    fn: async () => body(await scriptOf(shell)),
  });
}

for (const shell of SHELLS) {
  const find = (script: string, line: string) =>
    completeIn(shell, { script, line, aliases: ALIASES });

  shellTest("completes commands, also in the older spellings", shell, async (script) => {
    const names = WORKING.map(({ name }) => name).sort();
    for (const line of ["skychat ", "skychat cli ", "skychat cli skychat "]) {
      assert.deepEqual(await find(script, line), names, line);
    }
    assert.deepEqual(await find(script, "skychat ke"), ["keygen"]);
    assert.deepEqual(await find(script, "skychat --json sta"), ["status"]);
    assert.deepEqual(await find(script, "skychat --addr [::1]:8002 li"), ["listen"]);
    assert.deepEqual(await find(script, "skychat completion "), ["bash", "fish", "zsh"]);
  });

  shellTest("completes the flags of the command at hand", shell, async (script) => {
    assert.deepEqual(await find(script, "skychat keygen --j"), ["--json"]);
    assert.deepEqual(await find(script, "skychat cli send --m"), ["--msg"]);
    assert.deepEqual(await find(script, "skychat app skychat --tcp-w"), ["--tcp-whitelist"]);
    assert.deepEqual(await find(script, "skychat listen --whitelist"), []);
    const flags = await find(script, "skychat send --net dmsg --");
    for (const name of Object.keys(COMMANDS.find(({ name }) => name === "send")?.flags ?? {})) {
      // zsh no longer offers what is there already.
      assert.equal(flags.includes(`--${name}`), name !== "net" || shell !== "zsh", name);
    }
  });

  shellTest("completes what stands below a command, with its own flags", shell, async (script) => {
    const words = GROUP.map(({ name }) => name.slice("group ".length)).sort();
    for (const line of ["group ", "cli skychat group ", "--json group ", "group --addr [::1]:1 "]) {
      assert.deepEqual(await find(script, `skychat ${line}`), words, line);
    }
    assert.deepEqual(await find(script, "skychat group --exit"), ["--exit-codes"]);
    assert.deepEqual(await find(script, "skychat group pr"), ["promote"]);
    assert.deepEqual(await find(script, "skychat group create --k"), ["--kind"]);
    assert.deepEqual(await find(script, "skychat group --json create -m p"), ["private", "public"]);
    assert.deepEqual(await find(script, "skychat group create --member b"), ["bob"]);
    assert.deepEqual(await find(script, "skychat group history --li"), [
      "--limit",
      "--list-groups",
    ]);
    assert.deepEqual(await find(script, "skychat group listen --k"), []);
    assert.deepEqual(await find(script, "skychat group add team an"), ["an:na", "ann"]);
    assert.deepEqual(await find(script, "skychat group readonly team o"), ["off", "on"]);
    for (const line of ["add ", "add team ann ", "list ", "info ", "nothing ", "create create "]) {
      const names = (await find(script, `skychat group ${line}`))
        .filter((one) => !one.startsWith("-"));
      assert.deepEqual(names, [], line);
    }
  });

  shellTest("completes values after a space and after =", shell, async (script) => {
    const after = (prefix: string, values: readonly string[]) =>
      shell === "bash" ? values : values.map((value) => `${prefix}${value}`);
    assert.deepEqual(await find(script, "skychat app --ack "), ["received", "stored"]);
    assert.deepEqual(await find(script, "skychat app --ack=s"), after("--ack=", ["stored"]));
    assert.deepEqual(await find(script, "skychat send -n t"), ["tcp-direct"]);
    const channels = ["all", "dm", "group", "pair", "system"];
    assert.deepEqual(await find(script, "skychat events --channel "), channels);
    assert.deepEqual(
      await find(script, "skychat send --net="),
      after("--net=", [
        "auto",
        "cxo",
        "dmsg",
        "skynet",
        "tcp-direct",
      ]),
    );
    assert.deepEqual(await find(script, "skychat chat --net c"), ["cxo"]);
    assert.deepEqual(await find(script, "skychat send --msg "), []);
  });

  shellTest("completes file names and the user's aliases", shell, async (script) => {
    const found = await find(script, "skychat send --config a");
    const names = found.map((name) => name.replaceAll("\\", "")).sort();
    assert.deepEqual(names, ["a file.json", "a=b:c.json"]);
    assert.deepEqual(await find(script, "skychat send --to b"), ["bob"]);
    assert.deepEqual(await find(script, "skychat chat -t an"), ["an:na", "ann"]);
    assert.deepEqual(await find(script, "skychat alias rm an"), ["an:na", "ann"]);
    assert.deepEqual(await find(script, "skychat --json alias rm "), ["an:na", "ann", "bob"]);
    for (const line of ["alias add ", "alias ls ", "alias rm bob ", "history rm "]) {
      // zsh then offers flags.
      const names = (await find(script, `skychat ${line}`)).filter((one) => !one.startsWith("-"));
      assert.deepEqual(names, [], line);
    }
    const broken = await completeIn(shell, { script, line: "skychat send -t ", aliases: "{" });
    assert.deepEqual(broken, []);
  });
}

shellTest("completes whatever characters cut words", "bash", async (script) => {
  const find = (line: string, breaks: string) =>
    completeIn("bash", { script, line, aliases: ALIASES, breaks });
  for (const breaks of [" \t\n", " \t\n:", " \t\n=", " \t\n=:"]) {
    const kept = breaks.includes("=") ? "" : "--ack=";
    assert.deepEqual(await find("skychat app --ack=s", breaks), [`${kept}stored`]);
    assert.deepEqual(await find("skychat app --json=", breaks), []);
    const name = breaks.includes(":") ? "na" : "an:na";
    assert.deepEqual(await find("skychat send -t an:", breaks), [name]);
    const long = breaks.includes(":") ? "na" : breaks.includes("=") ? "an:na" : "--to=an:na";
    assert.deepEqual(await find("skychat send --to=an:", breaks), [long]);
    assert.deepEqual(await find("skychat --addr 127.0.0.1:1 keyg", breaks), ["keygen"]);
  }
  assert.deepEqual(await find("skychat send --json=", "="), ["false", "true"]);
  assert.deepEqual(await find("skychat send -- --", " "), []);
});

shellTest("the script is clean", "bash", async (script) => {
  assert.equal(await runShell("bash", `bash -n <<'SCRIPT'\n${script}SCRIPT`, Deno.cwd()), "");
  // Where shellcheck is installed it must agree too.
  if (!hasProgram("shellcheck")) return;
  assert.equal(await runShell("bash", `shellcheck - <<'SCRIPT'\n${script}SCRIPT`, Deno.cwd()), "");
});

shellTest("the script works from a folder of fpath", "zsh", async (script) => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/_skychat`, script);
    const output = await runShell(
      "zsh",
      "zsh -n _skychat; fpath=($PWD $fpath); autoload -Uz compinit; compinit -D -u; print $_comps[skychat]",
      folder,
    );
    assert.equal(output, "_skychat\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("every command and flag that works is in every script, and nothing else", async () => {
  assert.deepEqual(
    completionModel(COMMANDS).commands.map(({ name }) => name),
    WORKING.map(({ name }) => name),
  );
  const all = [...WORKING, ...GROUP];
  assert.deepEqual(
    withSubcommands(completionModel(COMMANDS).commands).map(({ name }) => name).sort(),
    all.map(({ name }) => name).sort(),
  );
  for (const shell of SHELLS) {
    const script = await scriptOf(shell);
    for (const { name, flags } of all) {
      const where = name.includes(" ") ? `"${name}"` : name;
      for (const [flag, { state }] of Object.entries(flags)) {
        const written = shell === "fish" ? `_in ${where}' -l ${flag} ` : `--${flag}`;
        if (state !== "later") assert.ok(script.includes(written), `${shell} ${name} ${flag}`);
      }
    }
  }
  const later = completionModel([
    command({ name: "later", summary: "", flags: {} }),
    command({
      name: "now",
      summary: "",
      flags: { soon: { type: "bool", help: "", state: "later" } },
      load: () => Promise.reject(new Error("not run")),
    }),
  ]);
  assert.deepEqual(later.commands.map(({ name }) => name), ["now"]);
  assert.deepEqual(later.commands[0]?.flags.map(({ name }) => name), ["help", "version"]);
});

Deno.test("scripts quote whatever a table says", async () => {
  const help = `it's a "test" [of] \\ $(x) \`y\` a:b`;
  const model = completionModel([
    command({
      name: "odd",
      summary: help,
      operands: "FILE",
      flags: { flag: { type: "path", short: "f", help, value: "a:b" } },
      load: () => Promise.reject(new Error("not run")),
    }),
  ]);
  const scripts = { bash: bashScript(model), zsh: zshScript(model), fish: fishScript(model) };
  for (const shell of SHELLS) {
    if (shell !== "bash" && !hasProgram(shell)) continue;
    const find = (line: string) => completeIn(shell, { script: scripts[shell], line });
    assert.deepEqual(await find("skychat "), ["odd"]);
    assert.deepEqual(await find("skychat odd --f"), ["--flag"]);
    assert.equal((await find("skychat odd a")).length, 2);
  }
});

Deno.test("operandOffer reads usage lines", () => {
  assert.deepEqual(operandOffer("add NAME PK | ls | rm ALIAS"), {
    kind: "words",
    words: ["add", "ls", "rm"],
  });
  assert.deepEqual(operandOffer("bash|zsh|fish"), {
    kind: "words",
    words: ["bash", "zsh", "fish"],
  });
  assert.deepEqual(operandOffer("FILE"), { kind: "files" });
  assert.deepEqual(operandOffer("[FILE]"), { kind: "files" });
  assert.deepEqual(operandOffer("[list | cancel ID]"), {
    kind: "words",
    words: ["list", "cancel"],
  });
  assert.deepEqual(operandOffer("ID on|off"), { kind: "nothing" });
  assert.deepEqual(secondOffer("ID on|off"), { kind: "words", words: ["on", "off"] });
  assert.deepEqual(secondOffer("ID PK"), { kind: "aliases" });
  for (const usage of ["", "ID", "add NAME PK | ls | rm ALIAS", "[list | cancel ID]"]) {
    assert.deepEqual(secondOffer(usage), { kind: "nothing" });
  }
  assert.deepEqual(operandOffer("NAME"), { kind: "nothing" });
  assert.deepEqual(operandOffer(""), { kind: "nothing" });
  assert.deepEqual(wordsBeforeAlias("add NAME PK | ls | rm ALIAS"), ["rm"]);
});

Deno.test("completion refuses what is no shell", async () => {
  for (
    const [args, problem] of [[[], "which shell?"], [["tcsh"], 'unknown shell "tcsh"']] as const
  ) {
    assert.deepEqual(await runTest(["completion", ...args]), {
      code: 1,
      stdout: "",
      stderr: `skychat: completion: ${problem} (use one of: bash, zsh, fish)\n`,
    });
  }
  assert.equal((await runTest(["completion", "bash", "zsh"])).code, 1);
});
