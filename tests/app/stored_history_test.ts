import assert from "node:assert/strict";
import { openStoredHistory } from "../../lib/app/stored_history.ts";
import { silentLog, systemClock } from "#kit";
import { keptLog, SELF } from "#support/stored_messages.ts";

/** As `--persist` sets it up. */
const CONFIG = {
  seed: 50,
  maxSize: 4_096,
  groupCap: 5_000,
  groupRate: 60,
  perPeerRate: 20,
  perPeerCap: 500,
  totalCapMib: 10,
  ttlDays: 30,
  whitelistPath: "",
};

Deno.test("openStoredHistory refuses a seed below 0 like every other limit, and touches nothing", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/history.db`;
  const node = { self: SELF, clock: systemClock, log: silentLog };
  for (const seed of [-1, NaN]) {
    const { history, tell } = await openStoredHistory({ ...CONFIG, path, seed }, node);
    assert.equal(history, undefined);
    const log = keptLog();
    tell(log);
    assert.deepEqual(log.lines, [
      "WARN Failed to open history store: invalid limits: Seed must be >= 0 — " +
      "continuing in ephemeral mode",
    ]);
  }
  for await (const { name } of Deno.readDir(folder)) assert.fail(`made ${name}`);
  const { history } = await openStoredHistory({ ...CONFIG, path, seed: 0 }, node);
  assert.equal(history?.figures().messages, 0);
  await history?.close();
  await Deno.remove(folder, { recursive: true });
});
