import assert from "node:assert/strict";
import { createLog, embeddedLogLook } from "#app";
import { ManualClock } from "#support/manual_clock.ts";

const KEY = "00112233445566778899aabbccddeeff";

/** A line about `text`, without its time, of a node with these fields of `PROC_CONFIG`. */
async function lineOf(fields: object | string, text: string): Promise<string> {
  const value = typeof fields === "string" ? fields : JSON.stringify({ proc_key: KEY, ...fields });
  const lines: string[] = [];
  const look = await embeddedLogLook(value);
  createLog({ ...look, write: (line) => lines.push(line), clock: new ManualClock() }).info(text);
  return lines.join("").replace(/^\[[^\]]*\] /, "");
}

Deno.test("lines of a node under a visor begin with the name that it has there", async () => {
  assert.equal(await lineOf({ app_name: "skychat-2" }, "x"), "INFO [skychat-2]: x\n");
  for (const app_name of ["", "a]: b\nERROR [c", "x".repeat(65), "\u202ename"]) {
    assert.equal(await lineOf({ app_name }, "x"), "INFO [skychat]: x\n");
  }
  assert.equal(await lineOf({}, "x"), "INFO [skychat]: x\n");
  for (const value of ["", "[]", "{", '{"proc_key":7}']) {
    assert.equal(await lineOf(value, "x"), "INFO [skychat]: x\n");
  }
});

Deno.test("no line has the proc key, wherever it was pasted and in whichever case", async () => {
  for (const key of [KEY, KEY.toUpperCase()]) {
    const text = `failed to dial to app server: ${key}:1: no such host, db=/work/${key}/h.db`;
    assert.equal(
      await lineOf({}, text),
      "INFO [skychat]: failed to dial to app server: <proc key>:1: no such host, " +
        "db=/work/<proc key>/h.db\n",
    );
  }
  assert.equal(await lineOf({ app_name: KEY }, "x"), "INFO [skychat]: x\n");
});
