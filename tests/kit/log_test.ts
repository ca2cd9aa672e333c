import assert from "node:assert/strict";
import { CodedError, errorText, quoteForLog } from "#kit";

Deno.test("quoteForLog leaves no control character and cuts long text", () => {
  assert.equal(quoteForLog("a\nb\r\u001b[31m\u2028"), "a\\u000ab\\u000d\\u001b[31m\\u2028");
  assert.equal(quoteForLog("\u202eexe.\u2066txt\u200f"), "\\u202eexe.\\u2066txt\\u200f");
  assert.equal(quoteForLog("x".repeat(500)).length, 201);
  assert.equal(quoteForLog("héllo 👋"), "héllo 👋");
});

Deno.test("CodedError carries its class name, code and cause", () => {
  class DiskError extends CodedError {}
  const cause = new Error("no space");
  const error = new DiskError("disk-full", "Cannot store", { cause });
  assert.equal(error.name, "DiskError");
  assert.equal(error.code, "disk-full");
  assert.equal(error.cause, cause);
  assert.equal(errorText(error), "Cannot store");
  assert.equal(errorText("plain"), "plain");
});
