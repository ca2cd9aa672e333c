/** A large archive through the program (history.md 7.1, 9.5): import, export, import again. */
import assert from "node:assert/strict";
import { run, startApp } from "#support/spawn.ts";
import { residentMemory } from "#support/process_memory.ts";

const MESSAGES = 100_000;
const PEERS = 50;
/** The whole archive is some 20 MiB; holding it a dozen times over would be a leak. */
const MOST_GROWTH_MIB = 400;

interface Archive {
  readonly format: string;
  readonly version: number;
  readonly exported_at: string;
  readonly visor?: string;
  readonly messages: readonly Record<string, unknown>[];
}

function archive(): Archive {
  const peers = Array.from(
    { length: PEERS },
    (_, index) => `02${index.toString(16).padStart(64, "0")}`,
  );
  const start = Date.parse("2026-09-01T00:00:00Z");
  return {
    format: "skychat-archive",
    version: 1,
    exported_at: "2026-11-22T00:00:00Z",
    messages: Array.from({ length: MESSAGES }, (_, index) => {
      const peer = peers[index % PEERS];
      const outgoing = index % 3 === 0;
      return {
        peer,
        ...(!outgoing && { from: peer }),
        outgoing,
        text: `message ${index}: ${index % 1000 === 7 ? "a needle" : "hay ".repeat(index % 9)}`,
        timestamp: new Date(start + index * 7).toISOString().replace(".000Z", "Z")
          .replace(/(\.\d*?)0+Z$/, "$1Z"),
        id: index.toString(16).padStart(16, "0"),
      };
    }),
  };
}

Deno.test(`an archive of ${MESSAGES} messages imports, exports, re-imports and can be searched`, async () => {
  const folder = await Deno.makeTempDir({ prefix: "skychat-archive-" });
  const app = await startApp([
    ...["--persist", "--persist-db", `${folder}/history.db`, "--persist-ttl", "0"],
    ...["--persist-per-peer-cap", "0", "--persist-total-cap", "0"],
  ]);
  try {
    const before = await residentMemory(app.pid);
    await Deno.writeTextFile(`${folder}/in.json`, JSON.stringify(archive()));
    const first = await run(["import", `${folder}/in.json`, "--addr", app.addr, "--json"], {
      timeoutMs: 120_000,
    });
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual(counts(first.stdout), [MESSAGES, 0, 0]);

    const out = await run(["export", `${folder}/out.json`, "--addr", app.addr], {
      timeoutMs: 120_000,
    });
    assert.equal(out.code, 0, out.stderr);
    const written: Archive = JSON.parse(await Deno.readTextFile(`${folder}/out.json`));
    const byId = new Map(archive().messages.map((message) => [message["id"], message]));
    assert.equal(written.messages.length, MESSAGES);
    for (const message of written.messages) assert.deepEqual(message, byId.get(message["id"]));

    const again = await run(["import", `${folder}/out.json`, "--addr", app.addr, "--json"], {
      timeoutMs: 120_000,
    });
    assert.deepEqual(counts(again.stdout), [0, MESSAGES, 0]);

    const hits = await (await fetch(`http://${app.addr}/search?q=a+NEEDLE`)).json();
    assert.equal(hits.length, MESSAGES / 1000);
    const none = await (await fetch(`http://${app.addr}/search?q=nowhere`)).json();
    assert.deepEqual(none, []);
    const grown = await residentMemory(app.pid) - before;
    assert.ok(grown < MOST_GROWTH_MIB, `resident memory grew by ${grown} MiB`);
  } finally {
    await app.kill();
    await Deno.remove(folder, { recursive: true });
  }
});

/** Stored, skipped as duplicates, refused. */
function counts(stdout: string): number[] {
  const report = JSON.parse(stdout);
  return [report.messages, report.duplicates, report.rejected];
}
