import { runWalkthrough } from "#support/walkthrough_steps.ts";
import assert from "node:assert/strict";

Deno.test("the walkthrough of cli.md 14 holds, whitelisted and refused key included", async () => {
  const failures: unknown[] = [];
  const whole = await runWalkthrough((step, result) => {
    if (!result.ok) failures.push(new Error(step.name, { cause: result.error }));
  });
  assert.deepEqual(failures, []);
  assert.ok(whole);
});
