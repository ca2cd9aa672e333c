import assert from "node:assert/strict";
import { type Counts, TestRunner } from "../../scripts/artifact_runner.ts";

interface Steps {
  readonly name: string;
  step(...args: unknown[]): Promise<boolean>;
}

/** Registers tests and runs them. */
async function runOf(
  register: (test: (...args: unknown[]) => void) => void,
  limitMs?: number,
): Promise<{ counts: Counts; lines: string[] }> {
  const runner = new TestRunner();
  register(runner.test);
  const lines: string[] = [];
  const counts = await runner.run({
    say: (line) => lines.push(line.replace(/ \(\d+ ms\)$/, "")),
    ...(limitMs === undefined ? {} : { limitMs }),
  });
  return { counts, lines };
}

const fine = () => {};
const bad = () => {
  throw new Error("planted");
};

Deno.test("the runner counts every form in which a test can be registered", async () => {
  const { counts, lines } = await runOf((test) => {
    test("name and function", fine);
    test("name, options and function", { sanitizeOps: false }, fine);
    test({ name: "definition", fn: fine, ignore: false });
    test({ name: "definition and function" }, fine);
    test(function named() {});
    test("asynchronous", () => Promise.resolve());
  });
  assert.deepEqual(counts, { passed: 6, failed: 0, ignored: 0 });
  assert.deepEqual(lines, [
    "  ok      name and function",
    "  ok      name, options and function",
    "  ok      definition",
    "  ok      definition and function",
    "  ok      named",
    "  ok      asynchronous",
  ]);
});

Deno.test("the runner fails a test that throws or rejects, shows why, and goes on", async () => {
  const { counts, lines } = await runOf((test) => {
    test("throws", bad);
    test("rejects", () => Promise.reject(new TypeError("later", { cause: "the cause" })));
    test("rejects with nothing", () => Promise.reject(undefined));
    test("after them", fine);
  });
  assert.deepEqual(counts, { passed: 1, failed: 3, ignored: 0 });
  const report = lines.join("\n");
  assert.match(report, /^ {2}FAILED {2}throws\n {10}Error: planted\n {10} {4}at /);
  assert.match(report, /FAILED {2}rejects\n +TypeError: later\n[^]*the cause/);
  assert.equal(lines.at(-1), "  ok      after them");
});

Deno.test("the runner runs nothing of an ignored test", async () => {
  let ran = 0;
  const { counts, lines } = await runOf((test) => {
    test({ name: "left out", ignore: true, fn: () => ran++ });
    test("left out too", { ignore: true }, () => ran++);
  });
  assert.deepEqual(counts, { passed: 0, failed: 0, ignored: 2 });
  assert.equal(ran, 0);
  assert.deepEqual(lines, ["  ignored left out", "  ignored left out too"]);
});

Deno.test("a failing step fails its test alone, and the steps after it run", async () => {
  const answers: boolean[] = [];
  const { counts, lines } = await runOf((test) => {
    test("with steps", async (t: Steps) => {
      answers.push(await t.step("good", fine));
      answers.push(await t.step("bad", bad));
      answers.push(await t.step({ name: "left out", ignore: true, fn: bad }));
      answers.push(await t.step("after", { ignore: false }, fine));
      answers.push(await t.step(function named() {}));
    });
    test("next", fine);
  });
  assert.deepEqual(answers, [true, false, false, true, true]);
  assert.deepEqual(counts, { passed: 1, failed: 1, ignored: 0 });
  const names = lines.filter((line) => /^ *(ok|FAILED|ignored) /.test(line));
  assert.deepEqual(names, [
    "    ok      good",
    "    FAILED  bad",
    "    ignored left out",
    "    ok      after",
    "    ok      named",
    "  FAILED  with steps",
    "  ok      next",
  ]);
  assert.match(lines.join("\n"), /Error: 1 steps failed/);
});

Deno.test("a step inside a step fails all above it", async () => {
  const { counts } = await runOf((test) => {
    test("outer", async (t: Steps) => {
      await t.step("middle", async (inner: Steps) => {
        await inner.step("inner", bad);
      });
    });
  });
  assert.deepEqual(counts, { passed: 0, failed: 1, ignored: 0 });
});

Deno.test("a step that is not awaited fails its test, and none can start after the end", async () => {
  const hold = Promise.withResolvers<void>();
  let kept: Steps | undefined;
  const { counts, lines } = await runOf((test) => {
    test("forgets", (t: Steps) => {
      kept = t;
      void t.step("slow", () => hold.promise);
    });
  });
  hold.resolve();
  assert.deepEqual(counts, { passed: 0, failed: 1, ignored: 0 });
  assert.match(lines.join("\n"), /1 steps were not awaited/);
  await assert.rejects(async () => await kept?.step("late", fine), /"late": its test is over/);
});

Deno.test("a test that never ends is ended, and the next one runs", async () => {
  const { counts, lines } = await runOf((test) => {
    test("hangs", () => new Promise(() => {}));
    test("next", fine);
  }, 50);
  assert.deepEqual(counts, { passed: 1, failed: 1, ignored: 0 });
  assert.match(lines.join("\n"), /FAILED {2}hangs\n +Error: The test did not end within 50 ms/);
});

// The leak checks, which see the timer of a limit, are off unless asked for.
const LEAK_CHECKS = { sanitizeOps: true, sanitizeResources: true };

Deno.test(
  "the runner waits for a test's end, and leaves no timer behind",
  LEAK_CHECKS,
  async () => {
    let done = false;
    const { counts } = await runOf((test) => {
      test("later", async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        done = true;
      });
    });
    assert.ok(done);
    assert.deepEqual(counts, { passed: 1, failed: 0, ignored: 0 });
  },
);

Deno.test("the runner refuses what it would otherwise get wrong", async () => {
  const runner = new TestRunner();
  const { test } = runner;
  assert.throws(() => test("no function"), /without a function/);
  assert.throws(() => test(() => {}), /without a name/);
  assert.throws(() => test({ name: "a", only: true, fn: fine }), /the option "only"/);
  assert.throws(() => test("a", { permissions: "none" }, fine), /the option "permissions"/);
  test("registers one more", () => test("too late", fine));
  assert.deepEqual(await runner.run({ say: fine }), { passed: 0, failed: 1, ignored: 0 });
});
