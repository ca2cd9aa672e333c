import assert from "node:assert/strict";
import { run, startApp, startCommand } from "#support/spawn.ts";

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`listen prints what a node receives and exits 0 on ${signal}`, async () => {
    const app = await startApp(["--tcp-listen", "127.0.0.1:0"]);
    const listen = startCommand(["listen", "--addr", app.addr]);
    try {
      await listen.waitForOutput("Press Ctrl+C to stop");
      await untilSubscribed(app.addr);
      const via = `tcp://${app.pk}@${app.tcpAddr}`;
      const sent = await run(["send", "--via", via, "--sk", "0a".repeat(32), "-m", "hello"]);
      assert.equal(sent.code, 0, sent.stderr);
      await listen.waitForOutput(/^\S* ?\[[0-9a-f]{66}\/tcp-direct\] hello$/);
      assert.equal(await listen.stop(signal), 0);
      assert.deepEqual(listen.logs, []);
    } finally {
      await listen.kill();
      await app.kill();
    }
  });
}

/** Waits until somebody reads the node's stream. */
async function untilSubscribed(addr: string): Promise<void> {
  const deadline = AbortSignal.timeout(10_000);
  for (;;) {
    const answer = await fetch(`http://${addr}/status`, { signal: deadline });
    if ((await answer.json()).sse_subscribers > 0) return;
  }
}
