/** Who was away gets what was said, once, after whatever restart (groups.md 4.5, 4.6). */
import assert from "node:assert/strict";
import type { MemoryHistory } from "#store";
import {
  FIRST_PORT,
  type GroupNode,
  type GroupNodeOptions,
  type GroupWorld,
  inGroupWorld,
} from "#support/group_scene.ts";
import { MemoryFiles } from "#files";
import { groupHistoryOf } from "#support/group_stores.ts";

const [ALICE, BOB, CAROL] = [FIRST_PORT, FIRST_PORT + 1, FIRST_PORT + 2];

/** What outlives a node: its folder, and its store where it has one. */
interface Kept {
  readonly files: MemoryFiles;
  readonly history: MemoryHistory | undefined;
}

function keptBy(world: GroupWorld, port: number, stored: boolean): Kept {
  return {
    files: new MemoryFiles(),
    history: stored ? groupHistoryOf(world, port) : undefined,
  };
}

/** Plays a test with and without a store behind each node. */
function storedOrNot(
  title: string,
  play: (world: GroupWorld, keep: (port: number) => Kept) => Promise<void>,
): void {
  for (const stored of [true, false]) {
    Deno.test(`${title}, ${stored ? "with" : "without"} a store`, () =>
      inGroupWorld(async (world) => {
        const stores: MemoryHistory[] = [];
        await play(world, (port) => {
          const kept = keptBy(world, port, stored);
          if (kept.history !== undefined) stores.push(kept.history);
          return kept;
        });
        await world.end();
        for (const store of stores) await store.close();
      }));
  }
}

function others(...ports: readonly number[]): Pick<GroupNodeOptions, "peers"> {
  return { peers: ports };
}

async function sayAll(world: GroupWorld, node: GroupNode, ...texts: readonly string[]) {
  for (const text of texts) {
    await node.say(text);
    await world.pass(10);
  }
}

Deno.test("whoever comes late gets everything in the order in which it was said, from whomever", () =>
  inGroupWorld(async (world) => {
    const alice = await world.start(ALICE, others(BOB, CAROL));
    const bob = await world.start(BOB, others(ALICE, CAROL));
    await world.pass(4_000);
    await sayAll(world, alice, "one");
    await sayAll(world, bob, "two");
    await sayAll(world, alice, "three");
    await world.pass(1_000);
    await world.stop(bob);
    // Bob is away: what he said comes as alice's copy.
    const carol = await world.start(CAROL, others(ALICE, BOB));
    await world.pass(4_000);
    assert.deepEqual(carol.received, ["one", "two", "three"]);
    const again = await world.start(BOB, { ...others(ALICE, CAROL), files: bob.files });
    await world.pass(40_000);
    assert.deepEqual(carol.received, ["one", "two", "three"]);
    assert.deepEqual(again.received, []);
    await sayAll(world, again, "four");
    await world.pass(1_000);
    assert.deepEqual(carol.received.at(-1), "four");
  }));

storedOrNot(
  "after a restart nothing is shown twice, and nothing is missing",
  async (world, keep) => {
    const kept = new Map([ALICE, BOB].map((port) => [port, keep(port)]));
    let alice = await world.start(ALICE, { ...others(BOB), ...kept.get(ALICE) });
    let bob = await world.start(BOB, { ...others(ALICE), ...kept.get(BOB) });
    await world.pass(4_000);
    const shown = { alice: [] as string[], bob: [] as string[] };
    for (let round = 0; round < 4; round++) {
      await sayAll(world, alice, `a${round}`);
      await sayAll(world, bob, `b${round}`);
      await world.pass(1_000);
      const [node, port] = round % 2 === 0 ? [alice, ALICE] : [bob, BOB];
      const name = round % 2 === 0 ? "alice" : "bob";
      shown[name].push(...node.received);
      await world.stop(node);
      await sayAll(world, round % 2 === 0 ? bob : alice, `meanwhile ${round}`);
      const next = await world.start(port, {
        ...others(port === ALICE ? BOB : ALICE),
        ...kept.get(port),
      });
      if (round % 2 === 0) alice = next;
      else bob = next;
      await world.pass(40_000);
    }
    shown.alice.push(...alice.received);
    shown.bob.push(...bob.received);
    assert.deepEqual(
      shown.alice.toSorted(),
      [
        ...["b0", "b1", "b2", "b3"],
        ...["meanwhile 0", "meanwhile 2"],
      ].toSorted(),
    );
    assert.deepEqual(
      shown.bob.toSorted(),
      [
        ...["a0", "a1", "a2", "a3"],
        ...["meanwhile 1", "meanwhile 3"],
      ].toSorted(),
    );
  },
);

storedOrNot(
  "a node that was killed serves what it said before to whoever comes late",
  async (world, keep) => {
    const kept = keep(ALICE);
    const files = keep(BOB);
    let alice = await world.start(ALICE, { ...others(BOB, CAROL), ...kept });
    const bob = await world.start(BOB, { ...others(ALICE, CAROL), ...files });
    await world.pass(4_000);
    await sayAll(world, alice, "before");
    await world.pass(1_000);
    await world.kill(alice);
    alice = await world.start(ALICE, { ...others(BOB, CAROL), ...kept });
    await world.pass(40_000);
    await world.stop(bob);
    const carol = await world.start(CAROL, { ...others(ALICE, BOB) });
    await world.pass(4_000);
    assert.deepEqual(carol.received, ["before"], "also where only bob had it");
    assert.deepEqual(alice.received, []);
  },
);

storedOrNot("what was taken back stays away after a restart, own or not", async (world, keep) => {
  const kept = new Map([ALICE, BOB].map((port) => [port, keep(port)]));
  let alice = await world.start(ALICE, { ...others(BOB, CAROL), ...kept.get(ALICE) });
  let bob = await world.start(BOB, { ...others(ALICE, CAROL), ...kept.get(BOB) });
  await world.pass(4_000);
  const ts = await alice.say("never mind");
  await sayAll(world, alice, "stays");
  await world.pass(1_000);
  await alice.session.publisher.unsend(ts);
  await world.pass(1_000);
  assert.deepEqual(bob.retractions.map((each) => each.ts), [ts]);
  for (const port of [ALICE, BOB]) {
    await world.stop(port === ALICE ? alice : bob);
    const next = await world.start(port, {
      ...others(port === ALICE ? BOB : ALICE, CAROL),
      ...kept.get(port),
    });
    if (port === ALICE) alice = next;
    else bob = next;
    await world.pass(40_000);
    assert.deepEqual(
      [...alice.received, ...bob.received].filter((text) => text === "never mind"),
      port === ALICE ? ["never mind"] : [],
    );
  }
  const carol = await world.start(CAROL, others(ALICE, BOB));
  await world.pass(4_000);
  assert.deepEqual(carol.received, ["stays"]);
});

storedOrNot("two nodes that restart at once forget nothing", async (world, keep) => {
  const kept = new Map([ALICE, BOB].map((port) => [port, keep(port)]));
  const start = async () =>
    [
      await world.start(ALICE, { ...others(BOB, CAROL), ...kept.get(ALICE) }),
      await world.start(BOB, { ...others(ALICE, CAROL), ...kept.get(BOB) }),
    ] as const;
  let [alice, bob] = await start();
  const carol = await world.start(CAROL, others(ALICE, BOB));
  await world.pass(4_000);
  await sayAll(world, alice, "one");
  await sayAll(world, bob, "two");
  await alice.act("mute", carol);
  await world.pass(1_000);
  await world.stop(alice);
  await world.stop(bob);
  [alice, bob] = await start();
  await world.pass(40_000);
  assert.deepEqual([alice.received, bob.received], [[], []]);
  for (const node of [alice, bob]) assert.ok(node.roster.muted.has(carol.key));
  assert.deepEqual(carol.received, ["one", "two"]);
});

Deno.test("a folder that is lost costs nothing but what only it knew", () =>
  inGroupWorld(async (world) => {
    let [alice, bob] = await world.mesh(2);
    assert.ok(alice !== undefined && bob !== undefined);
    await world.pass(4_000);
    await sayAll(world, bob, "one");
    await sayAll(world, alice, "mine");
    await world.pass(1_000);
    await world.stop(alice);
    alice = await world.start(ALICE, others(BOB));
    await world.pass(40_000);
    assert.deepEqual(alice.received, ["one"], "shown anew, but never her own");
    await sayAll(world, alice, "after");
    await world.pass(1_000);
    assert.deepEqual(bob.received, ["mine", "after"]);
  }));

Deno.test("a disk that refuses every write costs nothing while the node runs", () =>
  inGroupWorld(async (world) => {
    const files = new MemoryFiles();
    files.stepsLeft = 0;
    const [alice, bob] = await world.mesh(2, (index) => index === 0 ? { files } : {});
    assert.ok(alice !== undefined && bob !== undefined);
    await world.pass(4_000);
    await sayAll(world, bob, "one");
    await sayAll(world, alice, "two");
    await alice.act("mute", bob);
    await world.pass(1_000);
    assert.deepEqual([alice.received, bob.received], [["one"], ["two"]]);
    assert.ok(bob.roster.muted.has(bob.key));
    assert.equal(alice.session.state.saved, false);
    assert.ok(alice.logs.length < 20, alice.logs.join("\n"));
  }));
