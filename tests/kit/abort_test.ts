import assert from "node:assert/strict";
import { withAbort } from "#kit";

Deno.test("withAbort ends its task when the parent aborts, with the same reason", async () => {
  const parent = new AbortController();
  const reason = new Error("enough");
  const heard = withAbort(
    parent.signal,
    (own) =>
      new Promise((resolve) =>
        own.signal.addEventListener("abort", () => resolve(own.signal.reason))
      ),
  );
  parent.abort(reason);
  assert.equal(await heard, reason);
});

Deno.test("withAbort begins aborted under a parent that is", async () => {
  assert.ok(await withAbort(AbortSignal.abort(), (own) => Promise.resolve(own.signal.aborted)));
});

Deno.test("withAbort leaves the parent alone, and hears nothing of it once the task is over", async () => {
  const parent = new AbortController();
  const own = await withAbort(parent.signal, (controller) => Promise.resolve(controller));
  parent.abort();
  assert.ok(!own.signal.aborted);
  const other = new AbortController();
  await assert.rejects(
    withAbort(other.signal, (controller) => {
      controller.abort();
      return Promise.reject(new Error("failed"));
    }),
    /failed/,
  );
  assert.ok(!other.signal.aborted);
});
