/** Two nodes whose chat dials through real attachments to two visors (visor.md 7.5). */
import assert from "node:assert/strict";
import { DirectChat, MESH_LOOK_MS, type MeshNetwork, RECEIPT_WATCH } from "#chat";
import { EventHub } from "#events";
import type { VisorSession } from "#visor";
import { settle } from "#support/manual_clock.ts";
import { recordingLog, VisorScene } from "#support/mini_visor_scene.ts";
import { SeededRandom } from "#support/seeded_random.ts";

/** A node that dials over both networks, whatever it listens on. */
async function meshNode(scene: VisorScene, listensOn: readonly MeshNetwork[]) {
  const visor = scene.visor();
  const log = recordingLog();
  const { clock } = scene;
  const attached = Promise.withResolvers<VisorSession>();
  const chat = new DirectChat({
    ...{ clock, log, self: visor.visorKey, events: new EventHub({ clock }) },
    random: new SeededRandom(visor.visorKey.bytes[5]),
    mesh: {
      networks: ["skynet", "dmsg"],
      dial: async (peer, network, signal) => (await attached.promise).dial(peer, network, signal),
    },
  });
  const app = await scene.app({ visor, networks: listensOn, onLink: (link) => chat.attach(link) });
  attached.resolve(app.session);
  return { key: visor.visorKey, visor, chat, lines: log.lines };
}

/** Sends and waits for the receipt, while as much time passes as a new skynet connection is looked at. */
async function send(
  scene: VisorScene,
  { chat }: { chat: DirectChat },
  request: Parameters<DirectChat["send"]>[0],
) {
  const sending = chat.send({ waitMs: 5_000, ...request });
  await settle();
  await scene.clock.advance(MESH_LOOK_MS);
  for (let turn = 0; turn < 20; turn++) await settle();
  return await sending;
}

/** Ends both nodes, which leaves no timer. */
async function end(scene: VisorScene, nodes: readonly { chat: DirectChat }[]): Promise<void> {
  await Promise.all(nodes.map(({ chat }) => chat.close()));
  await scene.end();
}

Deno.test("auto goes over dmsg at once, moves to skynet and lets dmsg go", async () => {
  const scene = new VisorScene();
  const both = ["skynet", "dmsg"] as const;
  const [alice, bob] = [await meshNode(scene, both), await meshNode(scene, both)];
  const request = { recipient: bob.key, text: "hi", network: "auto" };
  assert.equal((await send(scene, alice, request)).kind, "acked");
  assert.equal(alice.chat.linkState(bob.key).network, "skynet");
  await scene.clock.advance(RECEIPT_WATCH);
  await settle();
  assert.ok(
    alice.lines.includes(`INFO skychat: dmsg disconnected from ${bob.key}: moved to skynet`),
    alice.lines.join("\n"),
  );
  assert.equal((await send(scene, alice, request)).kind, "acked");
  assert.equal(alice.chat.counters.outbound_fallback_count, 0);
  await end(scene, [alice, bob]);
});

Deno.test("a peer that listens on dmsg only is reached there, which counts as fallback", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await meshNode(scene, []), await meshNode(scene, ["dmsg"])];
  const sending = alice.chat.send({ recipient: bob.key, text: "hi", waitMs: 5_000 });
  for (let turn = 0; turn < 20; turn++) await scene.clock.advance(100);
  assert.equal((await sending).kind, "acked");
  assert.equal(alice.chat.linkState(bob.key).network, "dmsg");
  assert.equal(alice.chat.counters.outbound_fallback_count, 1);
  const why = "no listener on port 1, skychat offline";
  assert.ok(alice.lines.includes(`INFO skychat: skynet dial ${bob.key} failed: ${why}`));
  await end(scene, [alice, bob]);
});

Deno.test("a message that skynet took for nobody, and says so late, arrives over dmsg", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await meshNode(scene, []), await meshNode(scene, ["dmsg"])];
  const slow = Promise.withResolvers<void>();
  alice.visor.script = ({ method }) => method === "Read" ? { after: slow.promise } : undefined;
  const sent = await send(scene, alice, { recipient: bob.key, text: "hi", waitMs: 0 });
  assert.equal(sent.kind, "sent");
  assert.equal(bob.chat.counters.inbound_msg_count, 0);
  alice.visor.script = undefined;
  slow.resolve();
  for (let turn = 0; turn < 20; turn++) await settle();
  assert.equal(bob.chat.counters.inbound_msg_count, 1, alice.lines.join("\n"));
  assert.equal(alice.chat.counters.outbound_fallback_count, 1);
  await end(scene, [alice, bob]);
});
