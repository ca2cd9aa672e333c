/** How a followed feed fetches: from whom, what waits, for how long, and what stays held. */
import assert from "node:assert/strict";
import {
  FILL_LIMIT_MS,
  FollowedFeed,
  GIVEN_MS,
  MAX_LEFTOVER_BYTES,
  type RootMessage,
  type RootSource,
} from "#cxo";
import { utf8Text } from "#kit";
import { ManualClock } from "#support/manual_clock.ts";
import { Author, EMPTY_ERR, FakeSource, SECRET } from "./followed_fixture.ts";

/** A feed, and what it said. */
class Scene {
  readonly clock = new ManualClock();
  readonly author = new Author();
  readonly feed: FollowedFeed;
  /** `complete`, or the reason, with the Seq of the Root. */
  readonly ends: string[] = [];
  /** Texts of the changes of each update, and whether it was complete. */
  readonly updates: { readonly complete: boolean; readonly changes: readonly string[] }[] = [];

  constructor() {
    this.feed = new FollowedFeed({
      key: SECRET.publicKey.hex,
      clock: this.clock,
      onUpdate: ({ changes, complete }) => {
        const shown = changes.map(({ path, value }) => `${path}=${value && utf8Text(value)}`);
        this.updates.push({ complete, changes: shown });
        return Promise.resolve();
      },
      onEnd: (end, { root }) => {
        const how = end.kind === "broken" ? end.reason : end.kind;
        this.ends.push(`${root.seq} ${how}`);
      },
    });
  }

  static async play(action: (scene: Scene) => Promise<void>): Promise<void> {
    const scene = new Scene();
    await action(scene);
    await scene.feed.close();
    assert.equal(scene.clock.pending, 0);
  }

  /** Offers a Root and lets time pass for what can be done at once. */
  async offer(message: RootMessage, source: RootSource): Promise<void> {
    assert.equal(this.feed.offer(message, source), undefined);
    await this.clock.advance(1);
  }
}

for (const failure of [EMPTY_ERR, "closed", "timeout"] as const) {
  const how = typeof failure === "string" ? failure : "Err";
  Deno.test(`FollowedFeed goes on with a second source of a Root where the first says ${how}`, () =>
    Scene.play(async ({ author, clock, ends, feed, updates }) => {
      const root = author.publish({ "msgs/1": "one", "msgs/2": "two" });
      const [first, second] = [new FakeSource(), new FakeSource(author.serve)];
      feed.offer(root, first);
      feed.offer(root, second);
      await clock.advance(1);
      assert.equal(second.asked.length, 0, "one source as long as it answers");
      await first.answer(() => failure);
      await clock.advance(1);
      assert.deepEqual(ends, ["0 complete"]);
      assert.deepEqual(updates, [{ complete: true, changes: ["msgs/1=one", "msgs/2=two"] }]);
      assert.ok(second.asked.includes(first.asked[0] ?? ""), "what was asked for is asked again");
    }));
}

Deno.test("FollowedFeed gives a Root up when its only source fails", () =>
  Scene.play(async ({ author, clock, ends, feed }) => {
    const source = new FakeSource(() => EMPTY_ERR);
    feed.offer(author.publish({ "msgs/1": "one" }), source);
    feed.offer(author.publish({ "msgs/2": "two" }), new FakeSource(() => "closed"));
    await clock.advance(1);
    assert.deepEqual(ends, ["0 an object is missing", "1 closed"]);
  }));

Deno.test("FollowedFeed lets only the newest Root wait", () =>
  Scene.play(async (scene) => {
    const { author, ends, feed, updates } = scene;
    const roots = [0, 1, 2, 3].map((number) => author.publish({ [`msgs/${number}`]: "x" }));
    const [zero, one, two, three] = roots;
    assert.ok(zero && one && two && three);
    const source = new FakeSource();
    for (const root of [zero, one, three, two]) await scene.offer(root, source);
    await source.answer(author.serve);
    await scene.clock.advance(1);
    assert.deepEqual(ends, ["0 complete", "3 complete"]);
    assert.deepEqual(updates.map(({ changes }) => changes), [
      ["msgs/0=x"],
      ["msgs/1=x", "msgs/2=x", "msgs/3=x"],
    ]);
    assert.equal(feed.last?.root.seq, 3n);
    assert.equal(feed.offer(two, source), "stale");
    assert.equal(feed.offer(three, source), undefined, "the last one again is not stale");
  }));

Deno.test("FollowedFeed gives a Root up after 2 min, reports what arrived, and asks only for the rest", () =>
  Scene.play(async (scene) => {
    const { author, clock, ends, feed, updates } = scene;
    // In the order of writing the folders come the other way round than in that of the paths.
    const root = author.publish({ "b/2": "b2", "b/1": "b1", "a/1": "a1", "a-1": "a-", "z": "z" });
    const missing = [...author.objects].filter(([, bytes]) => utf8Text(bytes).includes("b1"))
      .map(([id]) => id);
    assert.equal(missing.length, 1);
    const source = new FakeSource((id) => missing.includes(id) ? undefined : author.serve(id));
    await scene.offer(root, source);
    assert.equal(FILL_LIMIT_MS, 120_000);
    await clock.advance(FILL_LIMIT_MS - 2);
    assert.deepEqual(ends, []);
    await clock.advance(1);
    assert.deepEqual(ends, ["0 timeout"]);
    const arrived = ["a-1=a-", "a/1=a1", "b/2=b2", "z=z"];
    assert.deepEqual(updates, [{ complete: false, changes: arrived }]);
    assert.equal(feed.last, undefined);
    assert.equal(feed.completedAt, undefined);
    assert.equal(feed.objects, author.objects.size - missing.length);

    const again = new FakeSource(author.serve);
    await scene.offer(root, again);
    assert.deepEqual(again.asked, missing, "the rest, and nothing that came before");
    assert.deepEqual(ends, ["0 timeout", "0 complete"]);
    assert.deepEqual(updates[1], {
      complete: true,
      changes: ["a-1=a-", "a/1=a1", "b/1=b1", "b/2=b2", "z=z"],
    });
    assert.equal(feed.completedAt, clock.now() - 1);
    for (const [id, bytes] of author.objects) assert.deepEqual(feed.object(id), bytes);
  }));

Deno.test("FollowedFeed asks for nothing twice of another Root after one that broke", () =>
  Scene.play(async (scene) => {
    const { author, clock, ends } = scene;
    const before = author.publish({ "msgs/1": "one", "msgs/2": "two", "other/3": "three" });
    const [lost] = [...author.objects].filter(([, bytes]) => utf8Text(bytes).includes("two"));
    const source = new FakeSource((id) => id === lost?.[0] ? undefined : author.serve(id));
    await scene.offer(before, source);
    await source.answer(() => EMPTY_ERR);
    await clock.advance(1);
    assert.deepEqual(ends, ["0 an object is missing"]);
    const came = new Set(source.asked.filter((id) => id !== lost?.[0]));
    const again = new FakeSource(author.serve);
    await scene.offer(author.publish({ "other/4": "four" }), again);
    await clock.advance(1);
    assert.deepEqual(ends, ["0 an object is missing", "1 complete"]);
    assert.deepEqual(again.asked.filter((id) => came.has(id)), []);
  }));

Deno.test("FollowedFeed keeps up to MAX_LEFTOVER_BYTES of what broke, over all Roots, and with more nothing", () =>
  Scene.play(async (scene) => {
    const { author, clock, ends, feed } = scene;
    const size = MAX_LEFTOVER_BYTES / 4;
    const source = new FakeSource((id) => {
      const answer = author.serve(id);
      const isLost = answer !== "timeout" && answer !== "closed" && answer.type === "Object" &&
        answer.value.length < 100 && utf8Text(answer.value).includes("lost");
      return isLost ? undefined : answer;
    });
    const held: number[] = [];
    for (const name of ["1", "2", "3", "4"]) {
      const leaves = { [`msgs/${name}`]: name.repeat(size), [`msgs/${name}-gone`]: `lost ${name}` };
      await scene.offer(author.publish(leaves), source);
      await clock.advance(FILL_LIMIT_MS);
      held.push(feed.objects);
    }
    assert.deepEqual(ends, ["0 timeout", "1 timeout", "2 timeout", "3 timeout"]);
    assert.deepEqual(held.map((count) => count > 0), [true, true, true, false]);
  }));

Deno.test("FollowedFeed keeps the objects of a Root that it gave back for GIVEN_MS, and no longer", () =>
  Scene.play(async (scene) => {
    const { author, clock, feed } = scene;
    const source = new FakeSource(author.serve);
    await scene.offer(author.publish({ "msgs/1": "one" }), source);
    const given = [...author.objects.keys()];
    assert.deepEqual(feed.giveBack().map(({ root }) => root.seq), [0n]);
    await scene.offer(author.publish({ "msgs/1": "other", "msgs/2": "two" }), source);
    const gone = given.filter((id) => !feedNeeds(author, id, given));
    assert.equal(GIVEN_MS, 600_000);
    await clock.advance(GIVEN_MS - 2);
    for (const id of given) assert.ok(feed.object(id) !== undefined, "may be fetched");
    await clock.advance(1);
    for (const id of gone) assert.equal(feed.object(id), undefined);
    for (const id of author.objects.keys()) {
      assert.equal(feed.object(id) !== undefined, !gone.includes(id));
    }
    assert.ok(gone.length > 0);
  }));

Deno.test("FollowedFeed gives a Root and one before it back, and keeps no third", () =>
  Scene.play(async (scene) => {
    const { author, clock, feed } = scene;
    const source = new FakeSource(author.serve);
    const entries: string[] = [];
    for (const text of ["one", "two", "three"]) {
      await scene.offer(author.publish({ "msgs/1": text }), source);
      const [entry] = [...author.objects].filter(([, bytes]) => utf8Text(bytes).includes(text));
      entries.push(entry?.[0] ?? "");
      feed.giveBack();
      // Asked again, it gives the same, and the time counts from the first.
      feed.giveBack();
      await clock.advance(1_000);
    }
    assert.deepEqual(feed.giveBack().map(({ root }) => root.seq), [2n, 1n]);
    const held = entries.map((id) => feed.object(id) !== undefined);
    assert.deepEqual(held, [false, true, true]);
    await clock.advance(GIVEN_MS - 2_000);
    assert.deepEqual(feed.giveBack().map(({ root }) => root.seq), [2n]);
  }));

/** Whether an object of the first Root is part of the second too: leaves and folders that did not change. */
function feedNeeds(author: Author, id: string, first: readonly string[]): boolean {
  const later = [...author.objects].filter(([other]) => !first.includes(other));
  return later.some(([, bytes]) => bytes.toHex().includes(id));
}
