import assert from "node:assert/strict";
import { DirectChat } from "#chat";
import { EventHub } from "#events";
import type { MeshNetwork } from "#visor";
import { settle } from "#support/manual_clock.ts";
import { recordingLog, VisorScene } from "#support/mini_visor_scene.ts";
import { SeededRandom } from "#support/seeded_random.ts";

/** A chat whose only connections are those of a visor; whatever it accepts it uses. */
async function chatNode(scene: VisorScene) {
  const visor = scene.visor({ seed: 5 });
  const events = new EventHub({ clock: scene.clock });
  const chat = new DirectChat({
    self: visor.visorKey,
    clock: scene.clock,
    random: new SeededRandom(visor.visorKey.bytes[5]),
    log: recordingLog(),
    events,
  });
  const reader = events.subscribeLegacy();
  const app = await scene.app({ visor, onLink: (link) => chat.attach(link) });
  return {
    ...app,
    chat,
    connect: async (peer: typeof app.key, network: MeshNetwork) => {
      const link = await app.session.dial(peer, network);
      void chat.attach(link);
      await settle();
      return link;
    },
    /** Messages that came in since the last call. */
    received: async () => {
      await settle();
      events.publishStatus({ id: "marker", peer: "", status: "read" });
      return (await reader.next()).map((text) => JSON.parse(text))
        .filter(({ type, sender, message }) => type !== "status" && sender && message);
    },
  };
}

for (const network of ["skynet", "dmsg"] as const) {
  Deno.test(`two nodes chat both ways over ${network}, receipts included`, async () => {
    const scene = new VisorScene();
    const [alice, bob] = [await chatNode(scene), await chatNode(scene)];
    await alice.connect(bob.key, network);
    const pairs = [[alice, bob], [bob, alice]] as const;
    for (const [from, to] of pairs) {
      const outcome = await from.chat.send({ recipient: to.key, text: "hello", waitMs: 1_000 });
      assert.equal(outcome.kind, "acked", JSON.stringify(outcome));
      const events = await to.received();
      const incoming = events.filter(({ sender }) => sender === from.key.hex);
      assert.deepEqual(incoming.map(({ message }) => message), ["hello"]);
      assert.equal(incoming[0].network, network);
    }
    await scene.end();
  });
}

Deno.test("a message that fills a frame comes through, and 20 at once in order", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await chatNode(scene), await chatNode(scene)];
  await alice.connect(bob.key, "skynet");
  const large = "x".repeat(65_000);
  const outcome = await alice.chat.send({ recipient: bob.key, text: large, waitMs: 1_000 });
  assert.equal(outcome.kind, "acked");
  assert.deepEqual((await bob.received()).map(({ message }) => message.length), [65_000]);
  const texts = Array.from({ length: 20 }, (_, number) => `message ${number}`);
  const outcomes = await Promise.all(
    texts.map((text) => alice.chat.send({ recipient: bob.key, text, waitMs: 1_000 })),
  );
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(["acked"]));
  assert.deepEqual((await bob.received()).map(({ message }) => message), texts);
  await scene.end();
});

Deno.test("a visor that dies ends its connections of the chat, and nothing else", async () => {
  const scene = new VisorScene();
  const [alice, bob] = [await chatNode(scene), await chatNode(scene)];
  await alice.connect(bob.key, "dmsg");
  alice.visor.dropApps();
  await alice.session.lost;
  await settle();
  const outcome = await alice.chat.send({ recipient: bob.key, text: "hello" });
  assert.notEqual(outcome.kind, "sent");
  assert.ok(bob.session.connected);
  await scene.end();
});
