/** `--cxo` as a user of the program meets it: two processes and every surface that shows a message. */
import assert from "node:assert/strict";
import { ask, keyOf, post, publish, specOf, startCxo, textsFrom } from "#support/cxo_app.ts";
import { openEventStream } from "#support/event_stream.ts";
import { type App, run, startApp, startCommand } from "#support/spawn.ts";

/** Runs an action with nodes that are stopped whatever happens, and a folder. */
async function withNodes(
  action: (scene: { folder: string; keep: (app: Promise<App>) => Promise<App> }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-cxo-" });
  const apps: App[] = [];
  const keep = async (starting: Promise<App>) => {
    const app = await starting;
    apps.push(app);
    return app;
  };
  try {
    await action({ folder, keep });
  } finally {
    for (const app of apps) await app.kill();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("two processes with --cxo: a message goes to every surface of the other", () =>
  withNodes(async ({ folder, keep }) => {
    let alice = await keep(startCxo({ who: 1, folder }));
    const bob = await keep(startCxo({ who: 2, folder, peers: [specOf(alice)] }));
    await bob.waitForLog(
      `skychat: cxo subscribed to feed ${alice.pk} via ${alice.cxoAddr}`,
    );
    assert.equal(alice.pk, keyOf(1));
    const lines = alice.logs.filter((line) => line.includes("cxo feed publishing as"));
    assert.match(lines[0] ?? "", / skychat: cxo feed publishing as pk=[0-9a-f]{66} on \S+ \(/);
    assert.match(lines[0] ?? "", /\(identity source: .+\)$/);

    const stream = await openEventStream(`http://${bob.addr}/sse`);
    const begun = Date.now();
    assert.deepEqual(await post(alice, { recipient: bob.pk, message: "hello" }), {
      status: 200,
      body: { network: "cxo", ok: true },
    });
    const [event] = await stream.take(1);
    await stream.close();
    assert.ok(Date.now() - begun < 2_000, "a batch is 300 ms");
    assert.deepEqual(
      [event?.["dir"], event?.["message"], event?.["sender"], event?.["network"]],
      ["in", "hello", alice.pk, "cxo"],
    );
    assert.deepEqual(await textsFrom(bob, alice.pk, 1), ["hello"]);
    const history = await ask(bob, "/history");
    assert.deepEqual(
      history.map((record: { text: string; peer: string; outgoing: boolean }) => [
        ...[record.text, record.peer, record.outgoing],
      ]),
      [["hello", alice.pk, false]],
    );
    const { cxo, inbound_msg_count } = await ask(bob, "/status");
    const [followed] = cxo.peers;
    assert.equal(inbound_msg_count, 1);
    assert.deepEqual(
      [followed.pk, followed.addr, followed.connected, cxo.listen],
      [alice.pk, alice.cxoAddr, true, bob.cxoAddr],
    );
    const own = (await ask(alice, "/status")).cxo;
    assert.deepEqual(
      [own.feed, own.messages, own.followers, own.peers, own.seq],
      [alice.pk, 1, 1, [], followed.seq],
    );

    // The other way, as in the guide: each follows the feed of the other.
    const at = alice.cxoAddr;
    assert.equal(await alice.stop(), 0);
    alice = await keep(startCxo({ who: 1, folder, listen: at, peers: [specOf(bob)] }));
    await publish(bob, ["and back"]);
    assert.deepEqual(await textsFrom(alice, bob.pk, 1), ["and back"]);
    assert.deepEqual(await textsFrom(bob, alice.pk, 1), ["hello"]);
  }));

Deno.test("send, listen, history and status work over a feed", () =>
  withNodes(async ({ folder, keep }) => {
    const alice = await keep(startCxo({ who: 1, folder }));
    const bob = await keep(startCxo({ who: 2, folder, peers: [specOf(alice)] }));
    await bob.waitForLog("cxo subscribed to feed");
    const listener = startCommand(["listen", "--addr", bob.addr]);
    try {
      await listener.waitForOutput("Press Ctrl+C to stop");
      const sent = await run(["send", "--addr", alice.addr, "-t", bob.pk, "-m", "over the feed"]);
      assert.deepEqual(
        [sent.code, sent.stdout],
        [0, `Message sent to ${bob.pk} via cxo\n`],
        sent.stderr,
      );
      await listener.waitForOutput("over the feed");
    } finally {
      await listener.kill();
    }
    const [history, status, other] = await Promise.all([
      run(["history", "--addr", bob.addr]),
      run(["status", "--addr", bob.addr]),
      run(["status", "--addr", alice.addr]),
    ]);
    assert.match(history.stdout, new RegExp(`^\\S+Z \\[in @ ${alice.pk}\\] over the feed\n$`));
    assert.match(status.stdout, new RegExp(`cxo peer\\W+${alice.pk}@\\S+ connected`));
    assert.match(other.stdout, /cxo feed\W+1 messages, followers: 1/);
  }));

Deno.test("tcp-direct works beside --cxo: sent by name and acked, received always", () =>
  withNodes(async ({ keep }) => {
    const alice = await keep(startCxo({ who: 1, flags: ["--tcp-listen", "127.0.0.1:0"] }));
    const bob = await keep(startCxo({
      who: 2,
      peers: [specOf(alice)],
      flags: ["--tcp-peer", `tcp://${alice.pk}@${alice.tcpAddr}`],
    }));
    await bob.waitForLog("tcp-peer connected to");
    await bob.waitForLog("cxo subscribed to feed");
    const acked = await post(alice, {
      ...{ recipient: bob.pk, message: "direct", network: "tcp-direct", wait_ms: 5_000 },
    });
    assert.equal(acked.status, 200);
    assert.equal((acked.body as { acked: boolean }).acked, true);
    await publish(alice, ["feed"]);
    assert.deepEqual(await textsFrom(bob, alice.pk, 2), ["direct", "feed"]);
    const stranger = await keep(startApp(["--tcp-peer", `tcp://${alice.pk}@${alice.tcpAddr}`]));
    await stranger.waitForLog("tcp-peer connected to");
    const direct = await post(stranger, {
      ...{ recipient: alice.pk, message: "from a node without feeds", wait_ms: 5_000 },
    });
    assert.equal((direct.body as { acked: boolean }).acked, true);
    assert.deepEqual(await textsFrom(alice, stranger.pk, 1), ["from a node without feeds"]);
    const bad = await post(alice, { recipient: "02ab", message: "x" });
    assert.equal(bad.status, 400);
    const wrong = await post(alice, { recipient: bob.pk, message: "x", network: "pigeon" });
    assert.equal(wrong.status, 400);
  }));
