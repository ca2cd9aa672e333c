import assert from "node:assert/strict";
import { entrySource } from "../../scripts/artifact_bundle.ts";
import { runFile, verdictOfFile } from "../../scripts/artifact_main.ts";
import { runChild } from "../../scripts/terminal.ts";

/** Runs files of tests as the executable does, from source. */
async function runFiles(
  sources: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<{ ok: boolean; output: string; last: string | undefined }> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-artifact-" });
  try {
    const paths = Object.keys(sources).map((name) => `${folder}/${name}`);
    for (const [name, code] of Object.entries(sources)) {
      await Deno.writeTextFile(`${folder}/${name}`, code);
    }
    await Deno.writeTextFile(`${folder}/main.ts`, entrySource(paths, { source: true }));
    const command = ["run", "-A", "--no-check", `${folder}/main.ts`, ...args];
    const { ok, output } = await runChild(Deno.execPath(), command, { cwd: folder });
    return { ok, output, last: output.trimEnd().split("\n").at(-1) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const GOOD = `Deno.test("good", () => {});
Deno.test({ name: "left out", ignore: true, fn() {} });`;
const BAD = `Deno.test("fine", () => {});
Deno.test("planted", () => { console.error("its log"); throw new Error("planted failure"); });`;

Deno.test("good files end with their counts and exit code 0", async () => {
  const { ok, output, last } = await runFiles({
    "a_test.ts": GOOD,
    "b_test.ts": `Deno.test("other", async (t) => { await t.step("one", () => {}); });`,
  });
  assert.ok(ok, output);
  assert.equal(last, "2 passed, 0 failed");
  assert.match(output, /^a_test\.ts \(.* s\)\n {2}ok {6}good \(\d+ ms\)\n {2}ignored left out$/m);
  assert.match(output, /^1 ignored$/m);
});

Deno.test("a planted failure ends the whole with exit code 1, and its log is shown", async () => {
  const { ok, output } = await runFiles({ "good_test.ts": GOOD, "bad_test.ts": BAD });
  assert.equal(ok, false);
  assert.match(output, /^2 passed, 1 failed$/m);
  assert.match(output, /FAILED {2}planted [^]*planted failure[^]*its log/);
});

Deno.test("files that do not load, end early or register nothing are failures", async () => {
  const { ok, output } = await runFiles({
    "broken_test.ts": `throw new Error("does not load");`,
    "early_test.ts": `Deno.test("ends", () => Deno.exit(0)); Deno.test("never", () => {});`,
    "empty_test.ts": `const test = () => {}; test();`,
    "stray_test.ts":
      `Deno.test("strays", () => new Promise(() => { Promise.reject(new Error("stray")); }));`,
  });
  assert.equal(ok, false);
  assert.match(output, /^0 passed, 4 failed$/m);
  assert.match(
    output,
    /^broken_test\.ts .*\n {2}FAILED {2}ended before .* exit code 1\n[^]*does not/m,
  );
  assert.match(output, /^early_test\.ts .*\n {2}FAILED {2}ended before .* exit code 0$/m);
  assert.match(output, /^empty_test\.ts .*\n {2}FAILED {2}registers no test$/m);
  assert.match(output, /^stray_test\.ts .*\n {2}FAILED {2}ended before [^]*stray/m);
});

Deno.test("names choose files, and when nothing ran that is a failure", async () => {
  const files = { "good_test.ts": GOOD, "bad_test.ts": BAD };
  const one = await runFiles(files, ["good"]);
  assert.ok(one.ok, one.output);
  assert.equal(one.last, "1 passed, 0 failed");
  const none = await runFiles(files, ["no-such-file"]);
  assert.equal(none.ok, false);
  assert.match(none.output, /^no test ran\n0 passed, 0 failed$/m);
  const ignored = await runFiles({ "a_test.ts": `Deno.test("x", { ignore: true }, () => {});` });
  assert.equal(ignored.ok, false);
  assert.match(ignored.output, /^0 passed, 0 failed$/m);
});

Deno.test("no test runs where something that must be hidden can be read", async () => {
  const { ok, output } = await runFiles({ "good_test.ts": GOOD }, ["--hidden", Deno.execPath()]);
  assert.equal(ok, false);
  assert.ok(output.includes(`more than the built files: ${Deno.execPath()} can be read`), output);
  assert.match(output, /^0 passed, [1-9]\d* failed$/m);
  assert.doesNotMatch(output, /ok {6}good/);
});

Deno.test("a process that does not end is killed when its time is over", async () => {
  const endless = { cmd: "sh", args: ["-c", "exec sleep 600", "sh"] };
  const { code } = await runFile("a", endless, 300);
  assert.equal(code, undefined);
});

Deno.test("a killed process is not waited for through what it started", async () => {
  const orphan = "sleep 20 & echo $! >&2; wait; echo over >&2";
  const command = { cmd: "sh", args: ["-c", `sh -c '${orphan}' & wait`, "sh"] };
  const { code, stderr } = await runFile("a", command, 1_000);
  assert.equal(code, undefined);
  assert.doesNotMatch(stderr, /over/);
  // A machine too slow to start it within the limit has nothing to end here.
  const pid = Number(/^\d+\n$/.exec(stderr)?.[0] ?? 0);
  if (pid > 0) Deno.kill(pid, "SIGKILL");
});

Deno.test("verdictOfFile believes neither the exit code nor the last line alone", () => {
  const rows: [code: number | undefined, stdout: string, [number, number, number]][] = [
    [0, "  ok      a\n1 passed, 0 failed, 0 ignored\n", [1, 0, 0]],
    [0, "  ignored a\n0 passed, 0 failed, 1 ignored\n", [0, 0, 1]],
    [1, "  FAILED  a\n2 passed, 1 failed, 3 ignored\n", [2, 1, 3]],
    [0, "  FAILED  a\n2 passed, 1 failed, 3 ignored\n", [2, 1, 3]],
    [1, "  ok      a\n1 passed, 0 failed, 0 ignored\n", [1, 1, 0]],
    [undefined, "  ok      a\n1 passed, 0 failed, 0 ignored\n", [1, 1, 0]],
    [undefined, "  ok      a\n", [0, 1, 0]],
    [0, "0 passed, 0 failed, 0 ignored\n", [0, 1, 0]],
    [0, "1 passed, 0 failed, 0 ignored\n  ok      a\n", [0, 1, 0]],
    [0, "it says 1 passed, 0 failed, 0 ignored\n", [0, 1, 0]],
    [0, "", [0, 1, 0]],
  ];
  for (const [code, stdout, [passed, failed, ignored]] of rows) {
    const { counts, told } = verdictOfFile({ code, stdout, stderr: "its log\n" });
    assert.deepEqual(counts, { passed, failed, ignored }, stdout);
    assert.equal(told.endsWith("\nits log"), failed > 0, stdout);
  }
});
