/** Numbers and times of the Roots of an own feed, and when the disk hears of them. */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import {
  type ChainState,
  CxoFault,
  decodeChainState,
  encodeChainState,
  type FeedJournal,
  PublishedFeed,
  REGISTRY,
  RESERVED_ROOTS,
  type Root,
  RootChain,
  type SignedRoot,
  signRoot,
  TREE_NODE_SCHEMA,
  ZERO_ID,
} from "#cxo";
import { NO_BYTES, utf8 } from "#kit";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";

const SECRET = SecretKey.generate(new SeededRandom(7));
const NODE = "cd".repeat(32);
const HOUR_NS = 3_600_000_000_000n;

/** A journal that keeps states only, and writes when the test lets it. */
class StateJournal implements FeedJournal {
  readonly length = 0;
  readonly states: Uint8Array[] = [];
  /** While present, writes wait for it; false: the disk refuses. */
  hold: Promise<boolean> | undefined;

  read(): ReturnType<FeedJournal["read"]> {
    return Promise.resolve({ state: this.states.at(-1), entries: [] });
  }

  async append(entries: readonly Uint8Array[], state?: Uint8Array): Promise<boolean> {
    assert.deepEqual(entries, []);
    const taken = await (this.hold ?? true);
    if (taken && state !== undefined) this.states.push(state);
    return taken;
  }

  rewrite(): Promise<boolean> {
    return Promise.reject(new Error("a chain rewrites nothing"));
  }

  get last(): ChainState | undefined {
    const state = this.states.at(-1);
    const decoded = state && decodeChainState(state);
    assert.ok(!(decoded instanceof CxoFault));
    return decoded;
  }
}

/** A clock of the day that is set by hand. */
class WallClock {
  at = 1_789_000_000_000_000_000n;

  wall(): bigint {
    return this.at;
  }
}

function chainOf(
  clock: WallClock,
  { journal, stored }: { journal?: FeedJournal; stored?: Uint8Array | undefined } = {},
): RootChain {
  return new RootChain({ secret: SECRET, clock, journal }, stored);
}

/** A Root of the own feed that somebody gave back. */
function givenBack(changes: Partial<Root>): SignedRoot {
  return signRoot({
    refs: [{ object: NODE, schema: TREE_NODE_SCHEMA.id }],
    descriptor: NO_BYTES,
    registry: REGISTRY.id,
    pub: SECRET.publicKey.hex,
    nonce: 1n,
    seq: 0n,
    time: 1n,
    prev: changes.seq === undefined || changes.seq === 0n ? ZERO_ID : "ab".repeat(32),
    ...changes,
  }, SECRET);
}

Deno.test("RootChain has numbers on disk before the first Root of them is handed out", async () => {
  const journal = new StateJournal();
  const clock = new WallClock();
  const chain = chainOf(clock, { journal });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  journal.hold = promise;
  let handed: SignedRoot | undefined;
  const next = chain.next(NODE).then((signed) => handed = signed);
  await settle();
  assert.equal(handed, undefined);
  resolve(true);
  const first = await next;
  assert.deepEqual(journal.last, {
    nonce: chain.nonce,
    reserved: RESERVED_ROOTS - 1n,
    prev: first.id,
    time: first.root.time,
  });
});

Deno.test("PublishedFeed announces no Root whose number is not on disk yet", async () => {
  const clock = new ManualClock();
  const journal = new StateJournal();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  journal.hold = promise;
  const announced: bigint[] = [];
  const feed = new PublishedFeed({
    secret: SECRET,
    ...{ clock, journal },
    announce: ({ root }) => void announced.push(root.seq),
    onRecovered: () => Promise.resolve(),
    onHostile: () => assert.fail("nobody is hostile"),
  });
  feed.put("msgs/1", utf8("one"));
  await clock.advance(10_000);
  assert.deepEqual([announced, feed.last], [[], undefined]);
  resolve(true);
  await settle();
  assert.deepEqual(announced, [0n]);
  assert.equal(feed.last?.root.seq, 0n);
  await feed.close();
  assert.equal(clock.pending, 0);
});

Deno.test("RootChain writes once in RESERVED_ROOTS Roots, and every time while the disk refuses", async () => {
  const journal = new StateJournal();
  const chain = chainOf(new WallClock(), { journal });
  assert.equal(RESERVED_ROOTS, 1_000n);
  for (let count = 0n; count < RESERVED_ROOTS; count++) await chain.next(NODE);
  assert.equal(journal.states.length, 1);
  journal.hold = Promise.resolve(false);
  assert.equal((await chain.next(NODE)).root.seq, RESERVED_ROOTS);
  assert.equal(journal.states.length, 1);
  journal.hold = undefined;
  const { root } = await chain.next(NODE);
  assert.equal(journal.last?.reserved, root.seq + RESERVED_ROOTS - 1n);
  for (let count = 1n; count < RESERVED_ROOTS; count++) await chain.next(NODE);
  assert.equal(journal.states.length, 2);
});

Deno.test("RootChain goes on behind all that a stored state reserves", async () => {
  const journal = new StateJournal();
  const clock = new WallClock();
  const before = chainOf(clock, { journal });
  const first = await before.next(NODE);
  const second = await before.next(NODE);
  assert.equal(second.root.prev, first.id);
  clock.at += HOUR_NS;
  const after = chainOf(clock, { journal, stored: journal.states.at(-1) });
  const { root, id } = await after.next(NODE);
  assert.equal(after.nonce, before.nonce);
  assert.deepEqual([root.nonce, root.seq], [before.nonce, RESERVED_ROOTS]);
  assert.equal(root.prev, first.id);
  assert.deepEqual(journal.last, {
    nonce: before.nonce,
    reserved: 2n * RESERVED_ROOTS - 1n,
    prev: id,
    time: clock.at,
  });
});

Deno.test("RootChain begins a head of its own without a state, and with one that cannot be read", async () => {
  const clock = new WallClock();
  const nonce = clock.at;
  for (const stored of [undefined, utf8("no state")]) {
    const { root } = await chainOf(clock, { stored }).next(NODE);
    assert.deepEqual([root.nonce, root.seq, root.prev, root.time], [nonce, 0n, ZERO_ID, nonce]);
  }
});

Deno.test("RootChain tells Roots of a life before from its own by their time, where numbers agree", async () => {
  const clock = new WallClock();
  const old = encodeChainState({ nonce: 5n, reserved: 9n, prev: NODE, time: clock.at });
  // Two lives begin with one state, as where an old store was restored.
  const before = chainOf(clock, { stored: old });
  const lost = [await before.next(NODE), await before.next(NODE)];
  assert.ok(lost.every(({ root }) => before.isOwn(root)));
  clock.at += HOUR_NS;
  const after = chainOf(clock, { stored: old });
  assert.ok(lost.every(({ root }) => !after.isOwn(root)), "nothing was published yet");
  const own = [await after.next(NODE), await after.next(NODE)];
  assert.deepEqual(own.map(({ root }) => root.seq), lost.map(({ root }) => root.seq));
  assert.ok(own.every(({ root }) => after.isOwn(root)));
  assert.ok(lost.every(({ root }) => !after.isOwn(root)));
  const [first] = own;
  assert.ok(first !== undefined);
  assert.equal(after.isOwn({ ...first.root, nonce: 6n }), false, "another head");
  assert.equal(after.isOwn({ ...first.root, seq: 12n }), false, "a number that was not used yet");
  assert.equal(after.isOwn({ ...first.root, seq: 9n }), false, "a number of before");
});

Deno.test("RootChain follows a Root of its head that is further: Prev, Seq and Time", async () => {
  const clock = new WallClock();
  const chain = chainOf(clock);
  const { root: { nonce } } = await chain.next(NODE);
  const ahead = givenBack({ nonce, seq: 41n, time: clock.at + HOUR_NS });
  assert.equal(chain.follow(ahead), true);
  const { root } = await chain.next(NODE);
  assert.equal(root.seq, 42n);
  assert.equal(root.prev, ahead.id);
  assert.equal(root.time, ahead.root.time + 1n);
  // Whoever holds it sees nothing new in the same one, and in one of a lower number.
  assert.equal(chain.follow(ahead), false);
  const behind = givenBack({ nonce, seq: 7n, time: clock.at });
  assert.equal(chain.follow(behind), false);
  assert.equal((await chain.next(NODE)).root.seq, 43n);
});

Deno.test("RootChain follows the last Root of its head though its number is the next one", async () => {
  const clock = new WallClock();
  const chain = chainOf(clock);
  const first = await chain.next(NODE);
  const next = givenBack({ nonce: first.root.nonce, seq: 1n, time: clock.at - 1n });
  assert.equal(chain.follow(next), true);
  const { root } = await chain.next(NODE);
  assert.deepEqual([root.seq, root.prev], [2n, next.id]);
});

Deno.test("RootChain takes of a Root of another head its time only", async () => {
  const clock = new WallClock();
  const chain = chainOf(clock);
  const first = await chain.next(NODE);
  const other = givenBack({ nonce: 3n, seq: 900n, time: clock.at + HOUR_NS });
  assert.equal(chain.follow(other), true);
  const { root } = await chain.next(NODE);
  assert.deepEqual([root.seq, root.prev], [1n, first.id]);
  assert.equal(root.time, other.root.time + 1n);
  assert.equal(chain.follow(givenBack({ nonce: 3n, seq: 901n, time: clock.at })), false);
});

Deno.test("RootChain gives no Root an earlier time, though the clock is set back or stands still", async () => {
  const clock = new WallClock();
  const journal = new StateJournal();
  const chain = chainOf(clock, { journal });
  const { root: { time } } = await chain.next(NODE);
  assert.equal((await chain.next(NODE)).root.time, time + 1n);
  clock.at -= HOUR_NS;
  assert.equal((await chain.next(NODE)).root.time, time + 2n);
  clock.at += 2n * HOUR_NS;
  assert.equal((await chain.next(NODE)).root.time, clock.at);
  // A restart with a clock that was set back goes on from the stored time.
  clock.at -= 10n * HOUR_NS;
  const after = chainOf(clock, { journal, stored: journal.states.at(-1) });
  assert.equal((await after.next(NODE)).root.time, time + 1n);
});
