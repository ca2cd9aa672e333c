import assert from "node:assert/strict";
import { createLog, formatLogLine } from "#app";

const wall = Date.UTC(2026, 8, 8, 10, 0, 0) * 1_000_000;
const WALL = BigInt(wall) + 123_456_789n;

const zones: readonly [minutes: number, text: string][] = [
  [0, "2026-09-08T10:00:00.1234Z"],
  [120, "2026-09-08T12:00:00.1234+02:00"],
  [-570, "2026-09-08T00:30:00.1234-09:30"],
  [840, "2026-09-09T00:00:00.1234+14:00"],
];

for (const [minutes, time] of zones) {
  Deno.test(`formatLogLine writes local time ${minutes} minutes from UTC as ${time}`, () => {
    assert.equal(
      formatLogLine({ level: "INFO", text: "Serving HTTP", wall: WALL, zone: () => minutes }),
      `[${time}] INFO [skychat-standalone]: Serving HTTP`,
    );
  });
}

Deno.test("formatLogLine keeps four fraction digits, cut and not rounded", () => {
  const line = (nanos: bigint) =>
    formatLogLine({ level: "WARN", text: "", wall: BigInt(wall) + nanos, zone: () => 0 });
  assert.match(line(0n), /10:00:00\.0000Z\] WARN /);
  assert.match(line(99_999n), /10:00:00\.0000Z/);
  assert.match(line(999_999_999n), /10:00:00\.9999Z/);
});

Deno.test("formatLogLine makes one line of every text, however long", () => {
  const text = `${"x".repeat(500)}\nFATAL \x1b[2J\u2028${"y".repeat(500)}`;
  const line = formatLogLine({ level: "ERROR", text, wall: WALL, zone: () => 0 });
  assert.doesNotMatch(line, /[\n\u2028]/);
  assert.ok(!line.includes("\x1b"));
  assert.ok(line.endsWith(`${"x".repeat(500)}\\u000aFATAL \\u001b[2J\\u2028${"y".repeat(500)}`));
});

Deno.test("createLog writes whole lines from its level up, coloured when asked", () => {
  const lines: string[] = [];
  const sink = { write: (line: string) => lines.push(line), clock: { wall: () => WALL } };
  const log = createLog({ ...sink, zone: () => 0 });
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  log.fatal("e");
  const levels = lines.map((line) => line.replace(/^\S+ /, ""));
  assert.deepEqual(levels, [
    "INFO [skychat-standalone]: b\n",
    "WARN [skychat-standalone]: c\n",
    "ERROR [skychat-standalone]: d\n",
    "FATAL [skychat-standalone]: e\n",
  ]);
  lines.length = 0;
  createLog({ ...sink, colour: true, minimum: "DEBUG" }).debug("f");
  assert.ok(lines[0]?.includes("] \x1b[90mDEBUG\x1b[0m [skychat-standalone]: f\n"));
});
