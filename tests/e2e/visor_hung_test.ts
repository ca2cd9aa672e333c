/** Nodes whose visor accepts them and then answers nothing: it waits for them without limit (visor.md 8). */
import assert from "node:assert/strict";
import {
  endOf,
  postTo,
  send,
  startUnder,
  statusOf,
  until,
  withVisors,
} from "#support/embedded_apps.ts";
import { startApp, startCommand, startEmbedded } from "#support/spawn.ts";

/** Files of a store that was not closed. */
function leftOvers(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name)
    .filter((name) => /-(wal|shm|journal)$/.test(name));
}

Deno.test("a node whose visor hangs serves all else at once, and ends when it is told to", async () => {
  await withVisors(async ({ apps, folder, one }) => {
    one.script = () => "hang";
    const app = await startEmbedded(one.procConfig(), [
      ...["--port", "7", "--tcp-listen", "127.0.0.1:0", "--persist"],
      ...["--persist-db", `${folder}/history.db`],
    ], { cwd: folder });
    apps.push(app);
    await app.waitForOutput("tcp-direct listening on");
    const peer = await startApp([
      "--sk",
      "0c".repeat(32),
      "--tcp-peer",
      `tcp://${app.pk}@${app.tcpAddr}`,
    ]);
    apps.push(peer);
    await peer.waitForLog("tcp-peer connected to");
    assert.equal(await send(peer, app.pk, "over tcp"), "sent");
    assert.equal(one.argumentsOf("Listen").length, 2);
    assert.deepEqual(one.argumentsOf("SetDetailedStatus"), [], "it does not run yet");
    const { visor_connected: connected, visor_networks: networks } = await statusOf(app);
    assert.deepEqual([connected, networks], [true, []]);
    assert.equal(await endOf(app), 0);
    assert.deepEqual(leftOvers(folder), []);
  });
});

Deno.test("a node that is told to stop while it starts under a visor that hangs ends at once", async () => {
  await withVisors(async ({ apps, folder, one }) => {
    for (const flags of [[], ["--port", "7"]]) {
      one.script = () => "hang";
      one.calls.length = 0;
      const app = startCommand(["app", "--addr", "127.0.0.1:0", ...flags], {
        env: { PROC_CONFIG: one.procConfig() },
        cwd: folder,
      });
      apps.push(app);
      // Whatever it says first: from now on it waits for an answer, if it waits at all.
      assert.ok(await until(() => one.calls.length > 0));
      assert.equal(await endOf(app), 0, `${flags}`);
    }
  });
});

Deno.test("a node with connections over a visor that hangs closes its store and ends", async () => {
  await withVisors(async ({ apps, folder, one, two }) => {
    const flags = ["--persist", "--persist-db", `${folder}/history.db`];
    const app = await startUnder(one, flags, { cwd: folder });
    const peer = await startUnder(two, [], { cwd: folder });
    apps.push(app, peer);
    assert.equal(await send(app, two.visorKey.hex, "hello"), "sent");
    assert.equal(await send(peer, one.visorKey.hex, "hello back"), "sent");
    one.script = () => "hang";
    // It waits for a receipt that is not written, and for a write that is not answered.
    void postTo(app, "message", { recipient: two.visorKey.hex, message: "lost", wait_ms: 9_000 })
      .then((reply) => reply.body?.cancel(), () => {});
    assert.ok(await until(() => one.argumentsOf("Write").length > 1));
    assert.equal(await endOf(app), 0);
    assert.deepEqual(leftOvers(folder), []);
  });
});
