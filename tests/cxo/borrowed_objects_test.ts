/** Feeds that are nearly the same tree: what one holds, or is about to get, the other does not fetch. */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import {
  ComingObjects,
  type CxoObject,
  ELSEWHERE_MS,
  FILL_LIMIT_MS,
  type FillLimits,
  FollowedFeed,
  MAX_FILL_REQUESTS,
  type ObjectId,
} from "#cxo";
import { utf8Text } from "#kit";
import { ManualClock } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { Author, EMPTY_ERR, FakeSource } from "./followed_fixture.ts";

const LATER = { "later/1": "later" };

interface Followed {
  readonly feed: FollowedFeed;
  readonly author: Author;
  /** How each Root ended, with its Seq. */
  readonly ends: string[];
  /** Paths of the changes of each update; after a broken fill behind `some of`. */
  readonly updates: string[][];
}

interface FollowOptions {
  readonly known?: (id: ObjectId) => CxoObject | undefined;
  readonly coming?: ComingObjects;
  readonly limits?: FillLimits;
}

/** Follows the feed of a writer of its own. */
function follow(clock: ManualClock, seed: number, options: FollowOptions = {}): Followed {
  const secret = SecretKey.generate(new SeededRandom(seed));
  const [ends, updates]: [string[], string[][]] = [[], []];
  const feed = new FollowedFeed({
    key: secret.publicKey.hex,
    clock,
    ...options,
    onUpdate({ changes, complete }) {
      const paths = changes.map(({ path, value }) => value === undefined ? `no ${path}` : path);
      updates.push(complete ? paths : ["some of", ...paths]);
      return Promise.resolve();
    },
    onEnd(end, { root }) {
      const how = end.kind === "hostile" ? end.fault.message : end.kind;
      ends.push(`${root.seq} ${how}`);
    },
  });
  return { feed, author: new Author(secret), ends, updates };
}

/** Publishes leaves and lets the follower fetch them; the ids that it asked for. */
async function fetchAll(
  clock: ManualClock,
  { author, feed }: Followed,
  leaves: Record<string, string>,
): Promise<string[]> {
  const source = new FakeSource(author.serve);
  assert.equal(feed.offer(author.publish(leaves), source), undefined);
  await clock.advance(1);
  return source.asked;
}

/** So many messages. */
function messages(count: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, number) => String(number).padStart(4, "0"));
  return Object.fromEntries(names.map((name) => [`msgs/${name}`, `message ${name}`]));
}

function isWhole({ author, feed }: Followed, ids: Iterable<string>): void {
  for (const id of ids) assert.deepEqual(feed.object(id), author.objects.get(id));
}

/** A feed that is held, and one that may have its objects. */
async function inPair(
  play: (
    scene: {
      readonly clock: ManualClock;
      readonly first: Followed;
      follow(options?: FollowOptions): Followed;
    },
  ) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const first = follow(clock, 1);
  const followed = [first];
  await play({
    clock,
    first,
    follow(options) {
      const other = follow(clock, 2, { known: (id) => first.feed.held(id), ...options });
      followed.push(other);
      return other;
    },
  });
  for (const { feed } of followed) await feed.close();
  assert.equal(clock.pending, 0, "timers are left");
}

Deno.test("a feed with the same objects as one that is held requests none of them", () =>
  inPair(async (scene) => {
    const { clock, first } = scene;
    const leaves = messages(700);
    assert.ok((await fetchAll(clock, first, leaves)).length > 700);
    const second = scene.follow();
    assert.deepEqual(await fetchAll(clock, second, leaves), []);
    assert.deepEqual(second.ends, ["0 complete"]);
    assert.deepEqual(second.updates, [Object.keys(leaves)]);
    assert.equal(second.feed.objects, first.feed.objects);

    const asked = await fetchAll(clock, second, LATER);
    assert.deepEqual(second.updates[1], ["later/1"]);
    const fresh = [...second.author.objects.keys()].filter((id) => !first.author.objects.has(id));
    assert.deepEqual(asked.toSorted(), fresh.toSorted(), "only what is new, and each once");
  }));

Deno.test("what was borrowed stays when the lender lets go of it", () =>
  inPair(async (scene) => {
    const { clock, first } = scene;
    await fetchAll(clock, first, messages(40));
    const second = scene.follow();
    await fetchAll(clock, second, messages(40));
    const ids = [...second.author.objects.keys()];

    const other = new FakeSource(first.author.serve);
    first.feed.offer(first.author.publish({ "msgs/0000": "changed" }), other);
    await clock.advance(1);
    await first.feed.close();
    isWhole(second, ids);
    await fetchAll(clock, second, LATER);
    assert.deepEqual(second.ends, ["0 complete", "1 complete"]);
    assert.deepEqual(second.updates[1], ["later/1"]);
  }));

Deno.test("what a lender says that an object names is not believed", () =>
  inPair(async (scene) => {
    const { clock, first } = scene;
    await fetchAll(clock, first, messages(40));
    // As of a writer whose tree has the bytes of a list as those of a message.
    const known = (id: ObjectId): CxoObject | undefined => {
      const bytes = first.feed.object(id);
      return bytes && { id, bytes, children: [] };
    };
    const second = scene.follow({ known });
    await fetchAll(clock, second, messages(40));
    await first.feed.close();
    isWhole(second, second.author.objects.keys());
    await fetchAll(clock, second, LATER);
    assert.deepEqual(second.updates[1], ["later/1"]);
  }));

Deno.test("a broken fill reports what was borrowed, keeps what came, and asks for nothing else again", () =>
  inPair(async (scene) => {
    const { clock, first } = scene;
    await fetchAll(clock, first, messages(20));
    const second = scene.follow();
    const { author } = second;
    const root = author.publish({ ...messages(20), "new/1": "came", "new/2": "lost" });
    const [lost = ""] = [...author.objects].flatMap(([id, bytes]) =>
      utf8Text(bytes).includes("lost") ? [id] : []
    );
    const source = new FakeSource((id) => id === lost ? undefined : author.serve(id));
    second.feed.offer(root, source);
    await clock.advance(FILL_LIMIT_MS);
    assert.deepEqual(second.ends, ["0 broken"]);
    assert.deepEqual(second.updates, [["some of", ...Object.keys(messages(20)), "new/1"]]);
    assert.ok(!source.asked.some((id) => first.author.objects.has(id)), "what is held was asked");
    assert.equal(second.feed.objects, source.asked.length - 1, "of borrowed objects none is kept");

    const again = new FakeSource(author.serve);
    second.feed.offer(root, again);
    await clock.advance(1);
    assert.deepEqual(second.ends, ["0 broken", "0 complete"]);
    assert.deepEqual(again.asked, [lost]);
    isWhole(second, author.objects.keys());
  }));

Deno.test("borrowed objects count for the limits of a feed", () =>
  inPair(async (scene) => {
    const { clock, first } = scene;
    const leaves = messages(50);
    await fetchAll(clock, first, leaves);
    const bytes = [...first.author.objects.values()].reduce((sum, { length }) => sum + length, 0);
    const count = first.author.objects.size;
    for (
      const [limits, end] of [
        [{ objects: count, bytes }, "complete"],
        [{ objects: count - 1 }, `a Root of more than ${count - 1} objects`],
        [{ bytes: bytes - 1 }, "a feed that has grown too large to be held"],
      ] as const
    ) {
      const second = scene.follow({ limits });
      await fetchAll(clock, second, leaves);
      assert.deepEqual(second.ends, [`0 ${end}`]);
      assert.equal(second.feed.objects, end === "complete" ? count : 0);
    }
  }));

/** Feeds of the same leaves that are fetched at the same time, and share what is on its way. */
function together(
  clock: ManualClock,
  { count, leaves }: { readonly count: number; readonly leaves: Record<string, string> },
): readonly Followed[] {
  const coming = new ComingObjects(clock);
  const feeds: Followed[] = [];
  const known = (id: ObjectId) => {
    for (const { feed } of feeds) {
      const object = feed.held(id);
      if (object !== undefined) return object;
    }
    return undefined;
  };
  for (let seed = 1; seed <= count; seed++) feeds.push(follow(clock, seed, { coming, known }));
  for (const { author } of feeds) author.publish(leaves);
  return feeds;
}

Deno.test("feeds that are fetched at the same time ask for each object once, and for different ones", async () => {
  const clock = new ManualClock();
  const leaves = messages(300);
  const feeds = together(clock, { count: 2, leaves });
  const sources = feeds.map(({ author, feed }) => {
    const source = new SlowSource(clock, author);
    feed.offer(author.publish({}), source);
    return source;
  });
  await clock.advance(5_000);
  for (const followed of feeds) {
    assert.deepEqual(followed.updates, [Object.keys(leaves)]);
    isWhole(followed, followed.author.objects.keys());
  }
  const asked = sources.flatMap(({ asked }) => asked);
  assert.equal(asked.length, new Set(asked).size, "an object was fetched twice");
  for (const { asked, most } of sources) {
    assert.ok(asked.length > 100, `one of them brought ${asked.length}`);
    assert.ok(most <= MAX_FILL_REQUESTS, `${most} requests at a time`);
  }
  for (const { feed } of feeds) await feed.close();
  assert.equal(clock.pending, 0, "timers are left");
});

for (const failure of ["nothing", "Err"] as const) {
  Deno.test(`whoever answers ${failure} holds the feeds of others up for ${ELSEWHERE_MS} ms at most`, async () => {
    const clock = new ManualClock();
    const leaves = messages(30);
    const feeds = together(clock, { count: 4, leaves });
    const good = feeds.at(-1);
    assert.ok(good);
    for (const { author, feed } of feeds.slice(0, -1)) {
      const silent = new FakeSource(() => failure === "Err" ? EMPTY_ERR : undefined);
      feed.offer(author.publish({}), silent);
    }
    good.feed.offer(good.author.publish({}), new FakeSource(good.author.serve));
    if (failure === "nothing") {
      await clock.advance(ELSEWHERE_MS - 1);
      assert.deepEqual(good.ends, []);
    }
    await clock.advance(1);
    assert.deepEqual(good.ends, ["1 complete"]);
    assert.deepEqual(good.updates, [Object.keys(leaves)]);
    for (const { feed } of feeds) await feed.close();
    assert.equal(clock.pending, 0, "timers are left");
  });
}

/** A connection that takes 10 ms for each answer. */
class SlowSource extends FakeSource {
  /** Most requests that waited at a time. */
  most = 0;
  #waiting = 0;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock, author: Author) {
    super(author.serve);
    this.#clock = clock;
  }

  override async request(
    ...call: Parameters<FakeSource["request"]>
  ): ReturnType<FakeSource["request"]> {
    this.most = Math.max(this.most, ++this.#waiting);
    const answer = super.request(...call);
    await this.#clock.sleep(10);
    this.#waiting--;
    return await answer;
  }
}
