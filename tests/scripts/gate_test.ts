import assert from "node:assert/strict";
import { ENVIRONMENT_VARIABLES } from "#cli";
import manifest from "../../deno.json" with { type: "json" };
import { readTally, verdictOf } from "../../scripts/ok.ts";
import { PERMISSIONS, RUN_FLAGS } from "../../scripts/permissions.ts";
import { runChild, withoutColours } from "../../scripts/terminal.ts";

Deno.test("readTally reads the summary of a good, a bad and a filtered run", () => {
  assert.deepEqual(
    readTally("x ... ok\n\nok | 2 passed (3 steps) | 0 failed | 1 ignored (14ms)\n"),
    {
      passed: 2,
      failed: 0,
    },
  );
  assert.deepEqual(readTally("FAILED | 2 passed | 1 failed (10ms)\n\nerror: Test failed\n"), {
    passed: 2,
    failed: 1,
  });
  assert.deepEqual(readTally("ok | 0 passed | 0 failed | 9 filtered out (1ms)\n"), {
    passed: 0,
    failed: 0,
  });
});

Deno.test("readTally answers undefined when no test run came to its end", () => {
  assert.equal(readTally("error: Module not found\n"), undefined);
  assert.equal(readTally("a test prints ok | 1 passed | 0 failed\n"), undefined);
});

Deno.test("verdictOf fails a step of tests in which none ran, whatever its exit code", () => {
  const outputs = ["", "Check a.ts\n", "ok | 0 passed | 0 failed (1ms)\n"];
  for (const output of [...outputs, "ok | 0 passed | 0 failed | 9 filtered out (1ms)\n"]) {
    for (const ok of [true, false]) {
      const verdict = verdictOf({ tests: true }, { ok, output });
      assert.equal(verdict.ok, false, output);
      assert.deepEqual(verdict.tally, { passed: 0, failed: 1 });
      assert.match(verdict.told, /no test ran$/);
    }
  }
});

Deno.test("verdictOf believes neither the exit code nor the summary alone", () => {
  const good = "a ... ok (1ms)\nok | 2 passed | 0 failed (1ms)\n";
  const bad = "a ... ok (1ms)\nb ... FAILED (1ms)\nFAILED | 2 passed | 3 failed (1ms)\n";
  const tests = true;
  const rows: [{ ok: boolean; output: string }, boolean, [number, number]][] = [
    [{ ok: true, output: good }, true, [2, 0]],
    [{ ok: false, output: good }, false, [2, 1]],
    [{ ok: true, output: bad }, false, [2, 3]],
    [{ ok: false, output: bad }, false, [2, 3]],
  ];
  for (const [child, ok, [passed, failed]] of rows) {
    const verdict = verdictOf({ tests }, child);
    assert.deepEqual([verdict.ok, verdict.tally], [ok, { passed, failed }]);
    assert.equal(verdict.told.includes("a ... ok"), false);
    assert.equal(verdict.told.includes("| 2 passed"), !ok);
  }
});

Deno.test("verdictOf counts a failed check as one failure and a good one as nothing", () => {
  const output = "Check a.ts\nok | 5 passed | 5 failed\n";
  assert.deepEqual(verdictOf({}, { ok: true, output }), {
    ok: true,
    tally: { passed: 0, failed: 0 },
    told: "",
  });
  assert.deepEqual(verdictOf({}, { ok: false, output }), {
    ok: false,
    tally: { passed: 0, failed: 1 },
    told: "ok | 5 passed | 5 failed",
  });
});

Deno.test("runChild keeps output without colours, and drops RUST_BACKTRACE", async () => {
  const code = `console.log("\\u001b[32mgreen\\u001b[0m", Deno.env.get("RUST_BACKTRACE"));
    console.error(Deno.env.get("DENO_TLS_CA_STORE")); Deno.exit(3);`;
  const { ok, output } = await runChild(Deno.execPath(), ["eval", code]);
  assert.equal(ok, false);
  assert.match(output, /^green undefined\n\S*system\S*\n$/);
});

Deno.test("runChild reports a program that is not installed", async () => {
  const { ok, output } = await runChild("skychat-no-such-program", []);
  assert.equal(ok, false);
  assert.match(output, /not installed/);
});

Deno.test("runChild ends a child that takes too long", async () => {
  const code = "await new Promise((resolve) => setTimeout(resolve, 60_000));";
  const { ok } = await runChild(Deno.execPath(), ["eval", code], { timeoutMs: 100 });
  assert.equal(ok, false);
});

Deno.test("withoutColours leaves plain text as it is", () => {
  assert.equal(withoutColours("a [b] \u001b[1m\u001b[31mc\u001b[0m"), "a [b] c");
});

Deno.test("RUN_FLAGS are those of the tasks that run the program", () => {
  for (const name of ["start", "skychat", "app"] as const) {
    const { command } = manifest.tasks[name];
    assert.ok(command.startsWith(`deno run ${RUN_FLAGS.join(" ")} `), name);
  }
});

Deno.test("PERMISSIONS allow no programs, no native code, and only named variables", () => {
  assert.ok(PERMISSIONS.includes("--no-prompt"));
  assert.ok(PERMISSIONS.includes(`--allow-env=${ENVIRONMENT_VARIABLES.join(",")}`));
  const names = PERMISSIONS.map((flag) => flag.split("=")[0]);
  for (const wide of ["-A", "--allow-all", "--allow-run", "--allow-ffi", "--allow-sys"]) {
    assert.ok(!names.includes(wide), wide);
  }
});
