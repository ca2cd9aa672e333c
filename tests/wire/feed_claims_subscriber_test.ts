/** When a feed is dialled again, what its watchdog asks, and what the log says of addresses that do not work. */
import assert from "node:assert/strict";
import { feedSpec, type FeedWorld } from "#support/feed_node.ts";
import { HostilePublisher } from "#support/feed_hostile.ts";
import type { FeedLine } from "#support/feed_peer.ts";
import { FIRST_PORT, heard, historyOf, inWorld, pair, sayMany } from "#support/feed_scene.ts";

const { alice: A, bob: B, toAlice } = pair();
const C = FIRST_PORT + 5;
const SECOND = 1_000;

/** Seconds between the agreements of a publisher that hangs up on each line as the test says. */
async function gapsOf(
  world: FeedWorld,
  { onFollowed, seconds }: {
    onFollowed: (line: FeedLine, evil: HostilePublisher, count: number) => void;
    seconds: number;
  },
): Promise<number[]> {
  const met = new Map<FeedLine, number>();
  const evil = new HostilePublisher(world, {
    onFollowed: (line, publisher) => {
      if (met.has(line)) return;
      met.set(line, world.clock.now());
      onFollowed(line, publisher, met.size);
    },
  });
  const node = await world.start(C, { peers: [evil] });
  await world.clock.advance(seconds * SECOND);
  const times = [...met.values()];
  await world.stop(node);
  await evil.close();
  await world.clock.advance(0);
  return times.slice(1).map((time, index) => Math.round((time - (times[index] ?? 0)) / 100) / 10);
}

/** Hangs up after a time. */
function hangUp(world: FeedWorld, { line, afterMs }: { line: FeedLine; afterMs: number }): void {
  void world.clock.sleep(afterMs).then(() => line.close());
}

Deno.test("FeedSubscriber waits twice as long, to 32 s, for a peer that agrees and brings nothing", () =>
  inWorld(async (world) => {
    const gaps = await gapsOf(world, { seconds: 140, onFollowed: (line) => line.close() });
    assert.deepEqual(gaps, [1, 2, 4, 8, 16, 32, 32, 32]);
  }));

Deno.test("FeedSubscriber waits 1 s after a connection that completed a Root", () =>
  inWorld(async (world) => {
    const gaps = await gapsOf(world, {
      seconds: 45,
      onFollowed(line, evil, count) {
        // The fourth brings one, and all after the sixth.
        if (count === 4 || count > 6) line.send(evil.root(evil.node([{ name: "x" }])));
        hangUp(world, { line, afterMs: 500 });
      },
    });
    assert.deepEqual(gaps.slice(0, 9), [1.5, 2.5, 4.5, 1.5, 2.5, 4.5, 1.5, 1.5, 1.5]);
  }));

Deno.test("FeedSubscriber counts a Root of a connection before for nothing", () =>
  inWorld(async (world) => {
    const gaps = await gapsOf(world, {
      seconds: 60,
      onFollowed(line, evil, count) {
        if (count === 1) line.send(evil.root(evil.node([{ name: "x" }])));
        hangUp(world, { line, afterMs: 500 });
      },
    });
    assert.deepEqual(gaps.slice(0, 5), [1.5, 2.5, 4.5, 8.5, 16.5]);
  }));

for (const [lives, wait] of [[59.9, 8], [60, 1]] as const) {
  Deno.test(`FeedSubscriber waits ${wait} s after a connection without a Root that lived ${lives} s`, () =>
    inWorld(async (world) => {
      const gaps = await gapsOf(world, {
        seconds: 100,
        onFollowed(line, _, count) {
          hangUp(world, { line, afterMs: count === 4 ? lives * SECOND : 0 });
        },
      });
      assert.deepEqual(gaps.slice(0, 4), [1, 2, 4, lives + wait]);
    }));
}

Deno.test("FeedSubscriber asks one question at a time of a peer that answers none", () =>
  inWorld(async (world) => {
    const subs: number[] = [];
    const evil = new HostilePublisher(world, {
      onMessage({ message }) {
        if (message.type !== "Sub") return false;
        subs.push(world.clock.now());
        return subs.length > 1;
      },
    });
    const node = await world.start(C, { peers: [evil] });
    await world.clock.advance(118 * SECOND);
    assert.deepEqual(subs, [0, 60 * SECOND], "the watchdog looks at 90 s too");
    assert.equal(evil.lines.length, 1);
    await world.clock.advance(3 * SECOND);
    assert.equal(evil.lines.length, 2, "after 59 s without an answer it is dialled anew");
    assert.match(node.logs.join("\n"), /disconnected from feed .*: timeout/);
    await world.stop(node);
    await evil.close();
  }));

Deno.test("FeedSubscriber asks again after each answer, every 30 s, while nothing comes", () =>
  inWorld(async (world) => {
    const subs: number[] = [];
    const evil = new HostilePublisher(world, {
      onFollowed: () => void subs.push(world.clock.now() / SECOND),
    });
    const node = await world.start(C, { peers: [evil] });
    await world.clock.advance(250 * SECOND);
    assert.deepEqual(subs, [0, 60, 120, 180, 240]);
    assert.equal(evil.lines.length, 1);
    await world.stop(node);
    await evil.close();
  }));

Deno.test("DirectFeeds follows a peer that is named twice once", () =>
  inWorld(async (world) => {
    const alice = await world.start(A);
    const shouted = feedSpec(A).replace(/0[23][0-9a-f]{64}/, (key) => key.toUpperCase());
    const bob = await world.start(B, { peers: [...toAlice, ...toAlice, { spec: shouted }] });
    await world.pass(SECOND);
    assert.equal(bob.feeds.figures.peers.length, 1);
    assert.equal(alice.feeds.figures.followers, 1);
    assert.equal(bob.dialled.length, 1);
    await alice.say("once");
    await world.pass(SECOND);
    assert.deepEqual(heard(bob, alice), ["once"]);
  }));

Deno.test("DirectFeeds says what to check where the node at an address serves another feed", () =>
  inWorld(async (world) => {
    await world.start(A);
    const spec = feedSpec(C).replace(`:${C}`, `:${A}`);
    const bob = await world.start(B, { peers: [{ spec }] });
    await world.pass(SECOND / 2);
    const [line] = bob.logs.filter((line) => line.includes("failed, retry"));
    assert.match(
      line ?? "",
      /subscribe: do not share the feed \(the node there serves another feed: check key and address\)$/,
    );
    assert.equal(bob.feeds.figures.peers[0]?.connected, false);
  }));

Deno.test("DirectFeeds says what a refusal by allowlist means, and nothing of other texts", () =>
  inWorld(async (world) => {
    const texts = ["subscribe rejected", "something else"];
    const evil = new HostilePublisher(world, {
      onMessage({ message, seq }, line) {
        if (message.type !== "Sub") return false;
        line.send({ type: "Err", text: texts.shift() ?? "" }, seq);
        return true;
      },
    });
    const bob = await world.start(C, { peers: [evil] });
    await world.clock.advance(2 * SECOND);
    const reasons = bob.logs.filter((line) => line.includes("failed, retry"))
      .map((line) => line.slice(line.indexOf("subscribe: ")));
    assert.deepEqual(reasons.slice(0, 2), [
      "subscribe: subscribe rejected (the node there does not let this one in)",
      "subscribe: something else",
    ]);
    await world.stop(bob);
    await evil.close();
  }));

Deno.test("DirectFeeds logs no secret key that was pasted in place of a public one", () =>
  inWorld(async (world) => {
    const secret = "1f".repeat(32);
    const specs = [secret, `tcp://${secret}@127.0.0.1:8802`, `tcp://${secret.toUpperCase()}@x:1`];
    const bob = await world.start(B, { peers: specs.map((spec) => ({ spec })) });
    assert.equal(bob.logs.length, specs.length);
    for (const line of bob.logs) {
      assert.match(line, /skipping invalid --cxo-peer ".*<64 hex digits>/);
      assert.ok(!line.toLowerCase().includes("1f1f"), line);
    }
    // A key of the right length is named: that is how one finds it.
    const wrong = `udp://${"03".repeat(33)}@127.0.0.1:8802`;
    const carol = await world.start(C, { peers: [{ spec: wrong }] });
    assert.ok(carol.logs[0]?.includes("03".repeat(33)));
  }));

Deno.test("DirectFeeds goes on with the other feeds where the journal of one cannot be read", () =>
  inWorld(async (world) => {
    const [alice, carol] = [await world.start(A), await world.start(C)];
    const history = historyOf(world, B);
    const journalOf = history.journal.bind(history);
    history.journal = (feed) => {
      const journal = journalOf(feed);
      if (journal === undefined || feed !== alice.key) return journal;
      return {
        append: (entries) => journal.append(entries),
        rewrite: (entries) => journal.rewrite(entries),
        length: 0,
        bytes: 0,
        read: () => Promise.reject(new Error("disk is gone")),
      };
    };
    const bob = await world.start(B, { peers: [alice, carol, ...toAlice], history });
    await alice.say("unheard");
    await carol.say("heard");
    await world.pass(2 * SECOND);
    assert.deepEqual(bob.received, ["heard"]);
    assert.deepEqual(bob.feeds.figures.peers.map(({ feed }) => feed), [carol.key]);
    const told = bob.logs.filter((line) => line.includes("failed"));
    assert.deepEqual(told, [`skychat: cxo subscriber for ${alice.key} failed: disk is gone`]);
    assert.equal(alice.feeds.figures.followers, 0);
    await world.stop(bob);
    await history.close();
  }));

Deno.test("DirectFeeds that stops in the middle of a long update shows the rest at the next start, once", () =>
  inWorld(async (world) => {
    const alice = await world.start(A);
    const said = await sayMany(alice, { from: 0, to: 500 });
    await world.pass(SECOND);
    const history = historyOf(world, B);
    let looked = 0;
    let stopping: Promise<void> | undefined;
    const bob = await world.start(B, {
      ...{ peers: toAlice, history },
      isBlocked() {
        if (++looked === 100) stopping = bob.close();
        return false;
      },
    });
    await world.pass(SECOND);
    await stopping;
    assert.deepEqual(heard(bob, alice), said.slice(0, 100));
    const again = await world.start(B, { peers: toAlice, history });
    await world.pass(2 * SECOND);
    assert.deepEqual(heard(again, alice), said);
    await world.stop(again);
    await history.close();
  }));
