import assert from "node:assert/strict";
import { silentLog, systemClock } from "#kit";
import { type KvHistory, openHistory } from "#store";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const MANY = 4_000;
const LIMITS = { perPeerRatePerMinute: 0, perPeerCap: 0, ttlMs: 0 };

/** A store with {@link MANY} messages of Ann, every tenth with the id "ten". */
async function withLongConversation(
  test: (history: KvHistory, reopen: () => Promise<KvHistory>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/history.db`;
  const open = () =>
    openHistory({ path, clock: systemClock, log: silentLog, self: SELF, limits: LIMITS });
  try {
    const history = await open();
    const start = systemClock.wall() - 1_000_000_000n;
    for (let number = 0; number < MANY; number++) {
      const id = number % 10 === 0 ? "ten" : `${number}`;
      history.append(messageWith(ANN, { wall: start + BigInt(number), id }));
    }
    await history.settled();
    await test(history, async () => {
      await history.close();
      return await open();
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sends one message after the other, each when the one before is on disk, until `work` is done. */
async function messagesDuring(
  work: Promise<unknown>,
  send: (number: number) => Promise<boolean>,
): Promise<number> {
  let done = false;
  work.finally(() => done = true).catch(() => {});
  let sent = 0;
  while (!done) assert.equal(await send(sent++), true);
  return sent;
}

Deno.test("messages get through while a long conversation is forgotten, and new ones in it stay", () =>
  withLongConversation(async (history, reopen) => {
    const forgotten = history.forgetPeer(ANN);
    const sent = await messagesDuring(
      forgotten,
      (number) =>
        history.append(messageWith(number % 2 === 0 ? BEN : ANN, {
          wall: systemClock.wall(),
          text: "during",
        })).committed,
    );
    assert.equal(await forgotten, MANY);
    assert.ok(sent >= MANY / 800, String(sent));
    const store = await reopen();
    const texts = (await store.byPeer(ANN, 0)).map(({ text }) => text);
    assert.deepEqual(texts, Array(Math.floor(sent / 2)).fill("during"));
    assert.equal((await store.byPeer(BEN, 0)).length, Math.ceil(sent / 2));
    assert.equal(store.figures().messages, sent);
    assert.equal((await store.search("hello", 10)).length, 0);
    for await (const _ of store.pages());
    assert.equal(store.figures().damaged, 0);
    await store.close();
  }));

Deno.test("messages get through while one id is looked for in a long conversation", () =>
  withLongConversation(async (history, reopen) => {
    const forgotten = history.forget(ANN, "ten");
    const message = history.append(messageWith(BEN, { wall: systemClock.wall() })).committed;
    const first = await Promise.race([
      forgotten.then(() => "forgotten"),
      message.then(() => "message"),
    ]);
    assert.equal(first, "message");
    assert.equal(await forgotten, true);
    const again = await reopen();
    const left = await again.byPeer(ANN, 0);
    assert.equal(left.length, MANY - MANY / 10);
    assert.ok(left.every(({ id }) => id !== "ten"));
    for await (const _ of again.pages());
    assert.equal(again.figures().damaged, 0);
    await again.close();
  }));

Deno.test("what two deletions and a sweep remove at once is counted and removed once", () =>
  withLongConversation(async (history, reopen) => {
    const [one, two, found] = await Promise.all([
      history.forgetPeer(ANN),
      history.forgetPeer(ANN),
      history.forget(ANN, "ten"),
    ]);
    assert.ok(one + two <= MANY && one + two >= MANY - MANY / 10, `${one} ${two}`);
    assert.equal(typeof found, "boolean");
    assert.deepEqual([history.figures().messages, history.figures().bytes], [0, 0]);
    const again = await reopen();
    assert.deepEqual(await again.peers(), []);
    assert.deepEqual([again.figures().messages, again.figures().events], [0, 0]);
    await again.close();
  }));
