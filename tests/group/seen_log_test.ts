import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { MemoryFiles } from "#files";
import { MAX_SEEN, SeenLog } from "../../lib/group/seen_log.ts";
import { RecordingLog } from "../net/recording_log.ts";

const FILE = "g/seen.log";
const digest = (number: number) => number.toString(16).padStart(64, "0");
const digests = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => digest(from + index));
const lines = (from: number, to: number) => digests(from, to).map((line) => `${line}\n`).join("");

async function opened(files: MemoryFiles) {
  const log = new RecordingLog();
  return { seen: await SeenLog.open({ path: "g", files, log }), log };
}

Deno.test("SeenLog appends what is new in batches, one line each", async () => {
  const files = new MemoryFiles();
  const { seen } = await opened(files);
  deepStrictEqual(seen.digests, []);
  seen.add(digests(0, 2));
  seen.add(digests(1, 3));
  deepStrictEqual(seen.digests, digests(0, 3));
  await seen.flush();
  strictEqual(files.texts.get(FILE), lines(0, 3));
  deepStrictEqual(files.steps, ["folder g", `append ${FILE}`]);
  seen.add(digests(0, 3));
  await seen.flush();
  strictEqual(files.steps.length, 2);
  seen.add([digest(9)]);
  await seen.flush();
  deepStrictEqual((await opened(files)).seen.digests, [...digests(0, 3), digest(9)]);
});

Deno.test("SeenLog takes what comes while the disk is busy with the next batch", async () => {
  const files = new MemoryFiles();
  const { seen } = await opened(files);
  const gate = Promise.withResolvers<void>();
  files.before = () => gate.promise;
  seen.add(digests(0, 1));
  await Promise.resolve();
  await Promise.resolve();
  for (let number = 1; number < 9; number++) seen.add([digest(number)]);
  const flushed = seen.flush();
  gate.resolve();
  await flushed;
  strictEqual(files.texts.get(FILE), lines(0, 9));
  strictEqual(files.steps.filter((step) => step.startsWith("append")).length, 2);
});

Deno.test("SeenLog skips a line that was cut off, and what it adds later is whole", async () => {
  const whole = lines(0, 3);
  for (let length = whole.length - 66; length <= whole.length; length++) {
    const files = new MemoryFiles({ [FILE]: whole.slice(0, length) });
    const { log, seen } = await opened(files);
    const kept = digests(0, Math.floor((length + 1) / 65));
    deepStrictEqual(seen.digests, kept, `${length}`);
    seen.add([digest(9)]);
    await seen.flush();
    deepStrictEqual((await opened(files)).seen.digests, [...kept, digest(9)], `${length}`);
    deepStrictEqual(log.lines, []);
  }
});

Deno.test("SeenLog skips lines that are no digests", async () => {
  const text = `${lines(0, 1)}${"\0".repeat(130)}\n\n${"A".repeat(64)}\n${digest(1)}x\r\n${
    lines(2, 3)
  }`;
  const { seen } = await opened(new MemoryFiles({ [FILE]: text }));
  deepStrictEqual(seen.digests, [digest(0), digest(2)]);
});

Deno.test("SeenLog remembers the newest 50,000, and rewrites the file at twice as many lines", async () => {
  const files = new MemoryFiles({ [FILE]: lines(0, 2 * MAX_SEEN - 1) });
  const { seen } = await opened(files);
  deepStrictEqual([seen.digests.length, seen.digests[0]], [MAX_SEEN, digest(MAX_SEEN - 1)]);
  // The line behind the last line end counts as one.
  seen.add([digest(1_000_000)]);
  await seen.flush();
  seen.add([digest(1_000_001)]);
  await seen.flush();
  ok(files.steps.includes(`write ${FILE}.tmp`) && files.steps.includes(`rename ${FILE}.tmp`));
  const text = files.texts.get(FILE) ?? "";
  ok(text.length <= 65 * (MAX_SEEN + 1));
  const expected = [
    ...digests(MAX_SEEN + 1, 2 * MAX_SEEN - 1),
    digest(1_000_000),
    digest(1_000_001),
  ];
  deepStrictEqual(seen.digests, expected);
  deepStrictEqual((await opened(files)).seen.digests, expected);
});

Deno.test("SeenLog loses nothing wherever a rewrite ends", async () => {
  const before = lines(0, 2 * MAX_SEEN);
  for (let steps = 0; steps <= 2; steps++) {
    const files = new MemoryFiles({ [FILE]: before });
    const { log, seen } = await opened(files);
    files.stepsLeft = steps;
    seen.add([digest(1_000_000)]);
    await seen.flush();
    strictEqual(files.texts.get(FILE), before);
    strictEqual(log.lines.length, 1);
    files.stepsLeft = Infinity;
    await seen.flush();
    deepStrictEqual((await opened(files)).seen.digests, seen.digests);
    strictEqual(seen.digests.at(-1), digest(1_000_000));
  }
});

Deno.test("SeenLog goes on in memory while the disk refuses, says so once, and catches up", async () => {
  for (const steps of [0, 1]) {
    const files = new MemoryFiles({ [FILE]: lines(0, 3) });
    const { log, seen } = await opened(files);
    files.stepsLeft = steps;
    seen.add(digests(3, 10));
    await seen.flush();
    seen.add(digests(10, 12));
    await seen.flush();
    strictEqual(log.lines.length, 1);
    match(log.lines[0] ?? "", /^ERROR skychat: g\/seen\.log cannot be written: no space left/);
    deepStrictEqual(seen.digests, digests(0, 12));
    deepStrictEqual((await opened(files)).seen.digests.slice(0, 3), digests(0, 3));
    files.stepsLeft = Infinity;
    await seen.flush();
    strictEqual(files.texts.get(FILE)?.includes("\n\n"), false);
    deepStrictEqual((await opened(files)).seen.digests, digests(0, 12));
    files.stepsLeft = 0;
    seen.add([digest(12)]);
    await seen.flush();
    strictEqual(log.lines.length, 2);
  }
});

Deno.test("SeenLog grows no file without end on a disk that refuses", async () => {
  const files = new MemoryFiles();
  const { seen } = await opened(files);
  files.stepsLeft = 1;
  for (let round = 0; round < 20; round++) {
    seen.add(digests(round * 10, round * 10 + 10));
    await seen.flush();
    files.stepsLeft = 1;
  }
  ok((files.texts.get(FILE) ?? "").length <= 10 * 65);
});

Deno.test("SeenLog leaves a file that it cannot read as it is", async () => {
  const text = lines(0, 1).repeat(200_001);
  const files = new MemoryFiles({ [FILE]: text });
  const { log, seen } = await opened(files);
  match(
    log.lines.join(),
    /^ERROR skychat: g\/seen\.log cannot be read and is left as it is: more than/,
  );
  seen.add(digests(0, 2));
  await seen.flush();
  deepStrictEqual(seen.digests, digests(0, 2));
  strictEqual(files.texts.get(FILE), text);
  deepStrictEqual(files.steps, []);
});
