import assert from "node:assert/strict";
import { type ControlPorts, ControlServer } from "#http";
import { EventHub } from "#events";
import { silentLog, systemClock } from "#kit";
import { denoNetwork } from "#net";
import { runTest } from "#support/cli_run.ts";
import { FakeHistory } from "#support/fake_control_ports.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/** A real control surface on loopback, with this history, for one test. */
async function withServer(
  test: (setting: { addr: string; network: typeof denoNetwork; history: FakeHistory }) => unknown,
  more: Partial<ControlPorts> = {},
): Promise<void> {
  const events = new EventHub({ clock: systemClock });
  const history = new FakeHistory();
  const server = new ControlServer({
    send: () => Promise.resolve({ kind: "sent", id: "1", network: "tcp-direct" }),
    status: () => ({}),
    events,
    history,
    ...more,
  }, { address: ":0", allowNonLoopback: false, log: silentLog, clock: systemClock });
  const addr = server.listen();
  try {
    await test({ addr, network: denoNetwork, history });
  } finally {
    events.close();
    await server.shutdown();
  }
}

Deno.test("history, search, export and import work against the real control surface", async () => {
  await withServer(async ({ addr, network, history }) => {
    history.records = Array.from({ length: 5 }, (_, index) => ({
      peer: A,
      from: A,
      outgoing: false,
      text: `grüße ${index}`,
      timestamp: `2026-09-10T00:00:0${index}Z`,
    }));
    const at = ["--addr", addr];
    const shown = await runTest(["history", "--limit", "2", ...at], { network });
    assert.equal(
      shown.stdout,
      `2026-09-10T00:00:03Z [in @ ${A}] grüße 3\n2026-09-10T00:00:04Z [in @ ${A}] grüße 4\n`,
    );
    const found = await runTest(["search", "grüße 2", ...at], { network });
    assert.match(found.stdout, /grüße 2\n$/);

    const files: Record<string, string> = {};
    const exported = await runTest(["export", "/a", ...at], { network, files });
    assert.equal(exported.stderr, "");
    assert.equal(JSON.parse(files["/a"] ?? "").messages.length, 5);
    const imported = await runTest(["import", "/a", ...at], { network, files });
    assert.equal(imported.stderr, "");
    assert.match(imported.stdout, /^imported \d+ messages/);
    assert.deepEqual(
      history.imports[0]?.messages.map(({ text }) => text),
      [0, 1, 2, 3, 4].map((n) => `grüße ${n}`),
    );

    const junk = await runTest(["import", "-", ...at], { network, stdin: '{"a":1}' });
    assert.match(junk.stderr, /^skychat: server error 400: not a SkyChat archive\n/);
  });
});

Deno.test("history without --persist, pair and outbox are refused by the real control surface", async () => {
  await withServer(async ({ addr, network }) => {
    const at = ["--addr", addr];
    const history = await runTest(["history", ...at], { network });
    assert.equal(
      history.stderr,
      "skychat: persistence not enabled (start the app with --persist)\n",
    );
    for (const args of [["list"], ["add", "-t", A], ["remove", "-t", A], ["poll"]]) {
      const { stderr } = await runTest(["pair", ...args, ...at], { network });
      assert.equal(
        stderr,
        "skychat: pair-rpc-disabled (start chat-app with --pair-enable): " +
          "pairing disabled (visor RPC unavailable)\n",
      );
    }
    const outbox = await runTest(["outbox", ...at], { network });
    assert.equal(outbox.stderr, "skychat: server error 503: the outbox needs --persist\n");
  }, { history: undefined });
});

Deno.test("outbox and send --queue work against the real control surface", async () => {
  const waiting = new Map([["7", {
    id: "7",
    to: A,
    text: "x",
    queued_at: "",
    expires_at: "",
    state: "waiting",
  }]]);
  await withServer(async ({ addr, network }) => {
    const at = ["--addr", addr];
    const sent = await runTest(["send", "-t", A, "-m", "x", "--queue", ...at], { network });
    assert.equal(sent.stderr, "");
    assert.equal(sent.stdout, `Queued for ${A} (id=7), expires 1970-01-01T00:00:01Z\n`);
    assert.match((await runTest(["outbox", ...at], { network })).stdout, / 7 \[waiting → /);
    const cancel = ["outbox", "cancel", "7", ...at];
    assert.equal(
      (await runTest(cancel, { network })).stdout,
      "message 7 taken out of the outbox\n",
    );
    assert.equal((await runTest(cancel, { network })).stderr, 'skychat: no queued message "7"\n');
  }, {
    send: () => Promise.resolve({ kind: "queued", id: "7", expires: 1_000_000_000n }),
    outbox: {
      list: () => [...waiting.values()],
      cancel: (id) => Promise.resolve(waiting.delete(id)),
    },
  });
});
