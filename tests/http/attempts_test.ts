import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "#support/seeded_random.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";
import * as fc from "fast-check";
import { Attempts, clientKey, FAILURE_LIMIT, FAILURE_WINDOW_MS } from "../../lib/http/attempts.ts";
import { LoginQueue, MAX_HASHES_RUNNING, MAX_HASHES_WAITING } from "../../lib/http/login_queue.ts";

Deno.test("Attempts slows an address after ten failures within a minute", async () => {
  const clock = new ManualClock();
  const attempts = new Attempts({ clock });
  for (let n = 1; n < FAILURE_LIMIT; n++) attempts.fail("a");
  strictEqual(attempts.isSlowed("a"), false);
  await clock.advance(1_000);
  attempts.fail("a");
  strictEqual(attempts.isSlowed("a"), true);
  strictEqual(attempts.isSlowed("b"), false);
  await clock.advance(FAILURE_WINDOW_MS - 1_000);
  strictEqual(attempts.isSlowed("a"), false);
  strictEqual(attempts.recent("a"), 1);
  await clock.advance(1_000);
  strictEqual(attempts.recent("a"), 0);
});

Deno.test("Attempts counts ten failures at most, the newest", async () => {
  const clock = new ManualClock();
  const attempts = new Attempts({ clock });
  for (let n = 0; n < 30; n++) {
    attempts.fail("a");
    await clock.advance(1_000);
  }
  strictEqual(attempts.recent("a"), FAILURE_LIMIT);
  await clock.advance(FAILURE_WINDOW_MS - 10_000);
  strictEqual(attempts.recent("a"), 9);
});

Deno.test("Attempts takes a failure back", () => {
  const attempts = new Attempts({ clock: new ManualClock() });
  attempts.fail("a");
  attempts.forgive("a");
  attempts.forgive("a");
  strictEqual(attempts.recent("a"), 0);
  strictEqual(attempts.size, 0);
});

Deno.test("Attempts forgets the address that failed least recently when its table is full", () => {
  const attempts = new Attempts({ clock: new ManualClock(), capacity: 3 });
  for (const address of ["a", "b", "c", "a", "d"]) attempts.fail(address);
  deepStrictEqual(["a", "b", "c", "d"].map((address) => attempts.recent(address)), [2, 0, 1, 1]);
  for (let n = 0; n < 100; n++) attempts.fail(`x${n}`);
  strictEqual(attempts.size, 3);
});

Deno.test("clientKey takes one spelling for an IPv4 address and the /64 of an IPv6 one", () => {
  const rows: readonly [string, string][] = [
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.1:5512", "127.0.0.1"],
    ["::ffff:10.0.0.7", "10.0.0.7"],
    ["[::ffff:a00:7]:80", "10.0.0.7"],
    ["::1", "0:0:0:0::/64"],
    ["[::1]:9", "0:0:0:0::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:0DB8:0:0:ffff::2", "2001:db8:0:0::/64"],
    ["[2001:db8:0:0:1:2:3:4]:443", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::1", "2001:db8:0:1::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["", ""],
    ["unix", "unix"],
    ["1:2:3", "1:2:3"],
  ];
  for (const [client, key] of rows) strictEqual(clientKey(client), key, client);
});

Deno.test("clientKey gives every address of a /64 the same key and throws at no text", () => {
  const group = fc.integer({ min: 0, max: 0xffff }).map((number) => number.toString(16));
  const half = fc.array(group, { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(half, half, half, (prefix, a, b) => {
      fc.pre(prefix.some((text) => text !== "0"));
      const [first, second] = [a, b].map((rest) => clientKey([...prefix, ...rest].join(":")));
      strictEqual(first, second);
      ok(first?.endsWith("/64"));
    }),
    { numRuns: 100 },
  );
  fc.assert(fc.property(fc.string(), (text) => void clientKey(text)), { numRuns: 200 });
});

/** Work that ends when the test says so, and the order in which it began. */
class Work {
  readonly began: string[] = [];
  readonly #ends: (() => void)[] = [];
  most = 0;
  #now = 0;

  readonly as = (name: string) => (): Promise<string> => {
    this.began.push(name);
    this.most = Math.max(this.most, ++this.#now);
    return new Promise((resolve) =>
      this.#ends.push(() => {
        this.#now--;
        resolve(name);
      })
    );
  };

  async finishAll(): Promise<void> {
    await settle();
    for (let end = this.#ends.shift(); end !== undefined; end = this.#ends.shift()) {
      end();
      await settle();
    }
  }
}

function queueOf(failures: (client: string) => number = () => 0): LoginQueue {
  return new LoginQueue({ failures, random: new SeededRandom(3) });
}

Deno.test("LoginQueue runs one hash at a time, in order, and has bounded room for more", async () => {
  const work = new Work();
  const queue = queueOf();
  const names = Array.from({ length: MAX_HASHES_WAITING + 1 }, (_, n) => `c${n}`);
  const results = names.map((name) => queue.run(name, work.as(name)));
  strictEqual(queue.waiting, MAX_HASHES_WAITING);
  const late = queue.run("late", work.as("late"));
  strictEqual(queue.waiting, MAX_HASHES_WAITING, "somebody gave way");
  await work.finishAll();
  const done = [...await Promise.all(results), await late];
  const kept = [...names, "late"].filter((_, n) => done[n] !== "busy");
  strictEqual(kept.length, MAX_HASHES_WAITING + 1);
  deepStrictEqual(work.began, kept);
  strictEqual(work.most, MAX_HASHES_RUNNING);
});

Deno.test("LoginQueue has room for all who wait behind one address", async () => {
  const work = new Work();
  const queue = queueOf(() => 10);
  const results = Array.from({ length: MAX_HASHES_WAITING }, () => queue.run("a", work.as("a")));
  await work.finishAll();
  ok((await Promise.all(results)).every((result) => result === "a"));
});

Deno.test("LoginQueue lets an address without wrong tries pass those with some", async () => {
  const work = new Work();
  const queue = queueOf((client) => client === "good" ? 0 : 10);
  const count = MAX_HASHES_WAITING + 1;
  const strangers = Array.from({ length: count }, (_, n) => queue.run(`s${n}`, work.as(`s${n}`)));
  const good = queue.run("good", work.as("good"));
  await work.finishAll();
  const turnedAway = (await Promise.all(strangers)).filter((result) => result === "busy");
  strictEqual(turnedAway.length, 1, "a stranger made room");
  strictEqual(await good, "good");
  deepStrictEqual(work.began.slice(0, 2), ["s0", "good"]);
});

Deno.test("LoginQueue goes on after work that failed", async () => {
  const queue = queueOf();
  const failed = queue.run("a", () => Promise.reject(new Error("no memory")));
  const next = queue.run("b", () => Promise.resolve(7));
  strictEqual(await failed.catch((error: Error) => error.message), "no memory");
  strictEqual(await next, 7);
});
