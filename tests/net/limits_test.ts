import assert from "node:assert/strict";
import { CONNECT_LIMIT_MS, HANDSHAKE_LIMIT_MS, WRITE_LIMIT_MS } from "#net";

Deno.test("the deadlines that the specification fixes are these figures (noise.md 7, messages.md 1)", () => {
  // As literals: the other tests move the clock by the constants and hold whatever they are.
  assert.equal(WRITE_LIMIT_MS, 5_000);
  assert.equal(HANDSHAKE_LIMIT_MS, 10_000);
  assert.equal(CONNECT_LIMIT_MS, 10_000);
});
