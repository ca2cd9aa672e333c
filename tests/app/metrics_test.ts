import assert from "node:assert/strict";
import type { AppConfig, HistoryConfig } from "#app";
import { SecretKey } from "#crypto";
import { MemoryNetwork } from "#net";
import { MiniVisor } from "#support/mini_visor.ts";
import { ROOT } from "#support/spawn.ts";
import { TestNode } from "#support/test_node.ts";

const TABLE = /<!-- metrics:begin -->(.*?)<!-- metrics:end -->/s;

/** The default limits, with a store in this folder. */
function historyIn(folder: string): HistoryConfig {
  return {
    path: `${folder}/history.db`,
    perPeerCap: 500,
    ttlDays: 30,
    seed: 50,
    whitelistPath: "",
    perPeerRate: 20,
    totalCapMib: 10,
    maxSize: 4096,
    groupCap: 5_000,
    groupRate: 60,
  };
}

/** A group of this node alone, beside its feed. */
function groupIn(folder: string): Pick<AppConfig, "group" | "groupDefaults"> {
  const defaults: AppConfig["groupDefaults"] = {
    ...{ listen: ":8803", advertise: "", governance: "owner" },
    folder: `${folder}/groups`,
  };
  const owner = SecretKey.parse("0a".repeat(32)).publicKey.hex;
  return {
    groupDefaults: defaults,
    group: { ...defaults, id: "room", owner, join: "", peers: [], mode: "" },
  };
}

/** Names and kinds of the metrics that the documentation lists. */
async function documented(): Promise<string[]> {
  const page = await Deno.readTextFile(`${ROOT}docs/OPERATIONS.md`);
  const rows = TABLE.exec(page)?.[1]?.matchAll(/^\| `(\w+)`[^|]*\| (counter|gauge)/gm) ?? [];
  return Array.from(rows, ([, name, type]) => `${name} ${type}`).sort();
}

Deno.test("/metrics has what docs/OPERATIONS.md lists, and nothing else", async () => {
  const folder = await Deno.makeTempDir();
  const network = new MemoryNetwork();
  const visor = MiniVisor.start({ network });
  const node = await TestNode.start({
    network,
    config: {
      visor: {
        ...{ procConfig: visor.procConfig(), networks: ["dmsg"], port: 0, portless: false },
        freePaths: { history: true, groups: true },
      },
      sk: "0a".repeat(32),
      tcpListen: ":8801",
      cxo: { listen: ":8802", peers: [], cap: 10 },
      ...groupIn(folder),
      history: historyIn(folder),
    },
  });
  try {
    const reply = await fetch(`${node.url}/metrics`);
    const text = await reply.text();
    assert.equal(
      reply.headers.get("content-type"),
      "text/plain; version=0.0.4; charset=utf-8",
    );
    const served = Array.from(text.matchAll(/^# TYPE (\w+ \w+)$/gm), ([, family]) => family ?? "");
    assert.deepEqual(served.sort(), await documented());
    assert.match(text, /^skychat_history_messages 0$/m);
    assert.match(text, /^skychat_history_damaged 0$/m);
    assert.match(
      text,
      /^skychat_history_refused_total\{reason="total storage cap reached"\} 0$/m,
    );
    assert.match(text, /^skychat_handshakes_total\{outcome="ok"\} 0$/m);
    assert.match(text, /^process_resident_memory_bytes [1-9]\d{6,}$/m);
    assert.match(text, /^skychat_visor_connected 1$/m);
  } finally {
    await node.stop();
    await visor.stop();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("/metrics leaves out what a node without store and listener does not have", async () => {
  const node = await TestNode.start();
  try {
    const text = await (await fetch(`${node.url}/metrics`)).text();
    assert.doesNotMatch(text, /history|outbox_messages|handshakes|visor_/);
    assert.match(text, /^skychat_peers_connected 0$/m);
  } finally {
    await node.stop();
  }
});

Deno.test("/healthz says ok, or why not", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/history.db`, "my thesis\n");
  const history = historyIn(folder);
  const [well, ill] = [await TestNode.start(), await TestNode.start({ config: { history } })];
  try {
    const good = await fetch(`${well.url}/healthz`);
    assert.deepEqual([good.status, await good.text()], [200, "ok\n"]);
    const bad = await fetch(`${ill.url}/healthz`);
    assert.deepEqual([bad.status, await bad.text()], [
      503,
      "history store: not open, nothing is kept\n",
    ]);
  } finally {
    await well.stop();
    await ill.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
