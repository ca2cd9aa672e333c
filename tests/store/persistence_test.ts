import assert from "node:assert/strict";
import { EventHub, parseChannels, resumableSeqOf } from "#events";
import { silentLog, systemClock } from "#kit";
import { type KvHistory, openHistory, type OpenHistoryOptions, StoreError } from "#store";
import { failingKv } from "#support/failing_kv.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { everyEvent, keptLog, messageWith, peerNumber, SELF } from "#support/stored_messages.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const FREE = { perPeerRatePerMinute: 0 };

interface Disk {
  readonly clock: ManualClock;
  readonly path: string;
  /** Opens the store of this test again. */
  open(options?: Partial<OpenHistoryOptions>): Promise<KvHistory>;
}

async function onDisk(test: (disk: Disk) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const clock = new ManualClock();
  const path = `${folder}/history.db`;
  try {
    await test({
      clock,
      path,
      open: (options) =>
        openHistory({ path, clock, log: silentLog, self: SELF, limits: FREE, ...options }),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sums that memory has, against those counted from what the store gives back. */
async function assertSumsAgree(history: KvHistory): Promise<void> {
  const { messages, peers, events, bytes } = history.figures();
  assert.equal((await history.recent(0)).length, messages);
  assert.equal((await history.peers()).length, peers);
  assert.equal((await everyEvent(history.events)).length, events);
  assert.equal(bytes > 0, messages > 0);
}

Deno.test("a store opened again has its records, sums, events, queue and numbers", () =>
  onDisk(async ({ clock, open }) => {
    const first = await open();
    for (let number = 0; number < 300; number++) {
      const wall = clock.wall() + BigInt(number);
      first.append(messageWith(peerNumber(number % 7), { wall, text: `${number}` }));
    }
    const queued = { id: "q", to: ANN, queuedAt: "1", expiresAt: "2" };
    await first.outbox.put({ ...queued, text: "long".repeat(40_000) });
    await first.outbox.put({ ...queued, text: "later" });
    await first.import({
      messages: [],
      groupMessages: [{
        group_id: "g",
        sender_pk: ANN,
        outgoing: false,
        text: "x",
        timestamp: "2026-09-08T10:00:00Z",
      }],
    });
    const [recent, events, figures] = [
      await first.recent(0),
      await first.events.read(0, 1_000),
      first.figures(),
    ];
    await first.close();
    const second = await open();
    assert.deepEqual(await second.recent(0), recent);
    assert.deepEqual(await second.events.read(0, 1_000), events);
    const { commits: _, ...sums } = figures;
    const { commits, ...again } = second.figures();
    assert.deepEqual(again, sums);
    assert.equal(commits, 0);
    assert.deepEqual(second.outbox.list().map(({ text }) => text), ["later"]);
    assert.equal(second.append(messageWith(ANN, { wall: clock.wall() })).seq, 301);
    await second.close();
  }));

Deno.test("event numbers never come again, even when all events are gone", () =>
  onDisk(async ({ clock, open }) => {
    const archive = { events: 100, bytes: 1e6, age: 60_000 };
    const first = await open({ archive });
    for (let number = 0; number < 3; number++) {
      await first.append(messageWith(ANN, { wall: clock.wall() })).committed;
    }
    await first.forgetPeer(ANN);
    await first.close();
    const second = await open({ archive });
    assert.deepEqual([second.events.newest, second.events.oldest], [3, 4]);
    assert.equal(second.append(messageWith(ANN, { wall: clock.wall() })).seq, 4);
    await second.sweep();
    await clock.advance(60_000);
    await second.sweep();
    assert.equal(second.figures().events, 0);
    await second.close();
    const third = await open({ archive });
    assert.equal(third.append(messageWith(ANN, { wall: clock.wall() })).seq, 5);
    await third.close();
  }));

Deno.test("the sweep at the start removes what expired while the program was off", () =>
  onDisk(async ({ clock, open }) => {
    const first = await open();
    for (let number = 0; number < 1_200; number++) {
      first.append(messageWith(peerNumber(number % 3), { wall: clock.wall() + BigInt(number) }));
    }
    await first.close();
    await clock.advance(31 * 86_400_000);
    const second = await open();
    assert.equal(second.figures().messages, 1_200);
    await clock.advance(0);
    // Nobody asks for a sweep here: each job runs behind one step of the one under way.
    for (let step = 0; step < 6; step++) await second.forget(ANN, "a job behind a step");
    const { messages, bytes, events } = second.figures();
    assert.deepEqual([messages, bytes, events], [0, 0, 0]);
    await second.close();
  }));

Deno.test("a lowered cap is reached with the next message of a conversation", () =>
  onDisk(async ({ clock, open }) => {
    const first = await open({ limits: { ...FREE, perPeerCap: 0 } });
    for (let number = 0; number < 1_500; number++) {
      const wall = clock.wall() + BigInt(number);
      first.append(messageWith(ANN, { wall, text: `${number}` }));
    }
    await first.close();
    const second = await open({ limits: { ...FREE, perPeerCap: 10 } });
    const wall = clock.wall() + 5_000n;
    await second.append(messageWith(ANN, { wall, text: "new" })).committed;
    await second.forget(ANN, "a job behind the trimming");
    const texts = (await second.byPeer(ANN, 0)).map(({ text }) => text);
    assert.deepEqual([texts.length, texts[0], texts.at(-1)], [10, "1491", "new"]);
    await assertSumsAgree(second);
    await second.close();
  }));

for (const now of ["before", "after"] as const) {
  Deno.test(`a disk that fails ${now} the commit loses nothing but what it says, and sums stay true`, () =>
    onDisk(async ({ clock, open }) => {
      const failing: Parameters<typeof failingKv>[0] = { now: "never" };
      const log = keptLog();
      const history = await open({ openKv: failingKv(failing), log });
      const append = (peer: string, text: string) =>
        history.append(messageWith(peer, { wall: clock.wall(), text }));
      assert.equal(await append(ANN, "kept").committed, true);
      failing.now = now;
      for (let again = 0; again < 3; again++) {
        const lost = [append(ANN, "lost"), append(BEN, "lost")];
        assert.deepEqual(lost.map(({ refusal }) => refusal), [undefined, undefined]);
        assert.deepEqual(await Promise.all(lost.map(({ committed }) => committed)), [false, false]);
        await clock.advance(10_000);
      }
      await assert.rejects(
        history.outbox.put({ id: "q", to: ANN, text: "x", queuedAt: "1", expiresAt: "2" }),
        (error) => error instanceof StoreError && error.code === "disk",
      );
      assert.equal(history.figures().failedCommits, 3);
      const told = log.lines.filter((line) => line.includes("history commit failed"));
      assert.equal(told.length, 1);
      assert.match(told[0] ?? "", /^ERROR .*: (disk full|power cut); 2 messages are delivered but/);
      failing.now = "never";
      const recovered = append(BEN, "again");
      assert.equal(recovered.seq, 8);
      assert.equal(await recovered.committed, true);
      await assertSumsAgree(history);
      const texts = new Set((await history.recent(0)).map(({ text }) => text));
      assert.ok(texts.has("kept") && texts.has("again"));
      if (now === "before") assert.ok(!texts.has("lost"));
      const figures = history.figures();
      await history.close();
      const reopened = await open();
      assert.equal(reopened.figures().bytes, figures.bytes);
      assert.equal(reopened.figures().messages, figures.messages);
      assert.ok(reopened.events.newest === 8);
      await assertSumsAgree(reopened);
      await reopened.close();
    }));
}

Deno.test("an import ends where the disk refuses, and counts what it stored before", () =>
  onDisk(async ({ open }) => {
    const failing: Parameters<typeof failingKv>[0] = { now: "never" };
    const limits = { ...FREE, perPeerCap: 0 };
    const history = await open({ openKv: failingKv(failing), limits, clock: systemClock });
    const now = Date.now();
    const messages = Array.from({ length: 2_000 }, (_, number) => ({
      peer: ANN,
      outgoing: false,
      text: `${number}`,
      timestamp: new Date(now - 10_000 + number).toISOString(),
    }));
    const report = await history.import({ messages, groupMessages: [] }, (handled) => {
      if (handled >= 1_000) failing.now = "before";
    });
    assert.equal(report.full, true);
    assert.ok(report.messages >= 900 && report.messages < 2_000, String(report.messages));
    failing.now = "never";
    await history.settled();
    assert.equal(history.figures().messages, report.messages);
    const rest = await history.import({ messages, groupMessages: [] });
    assert.deepEqual([rest.full, rest.messages], [false, 2_000 - report.messages]);
    await assertSumsAgree(history);
    await history.close();
  }));

Deno.test("a deletion that was made although its commit failed is seen by the next change", () =>
  onDisk(async ({ clock, open }) => {
    const failing: Parameters<typeof failingKv>[0] = { now: "never" };
    const history = await open({ openKv: failingKv(failing) });
    await history.append(messageWith(ANN, { wall: clock.wall() })).committed;
    failing.now = "after";
    await assert.rejects(history.forgetPeer(ANN), StoreError);
    failing.now = "never";
    assert.equal(await history.forgetPeer(BEN), 0);
    assert.deepEqual(await history.peers(), []);
    assert.deepEqual([history.figures().messages, history.figures().bytes], [0, 0]);
    await history.close();
  }));

Deno.test("queries of a closed store reject, and closing twice is closing once", () =>
  onDisk(async ({ open }) => {
    const history = await open();
    await Promise.all([history.close(), history.close()]);
    const isClosed = (error: unknown) => error instanceof StoreError && error.code === "closed";
    await assert.rejects(history.recent(1), isClosed);
    await assert.rejects(history.forget(ANN, "x"), isClosed);
    await assert.rejects(history.search("x", 1), isClosed);
  }));

Deno.test("closing writes what waits", () =>
  onDisk(async ({ clock, open }) => {
    const first = await open();
    const appended = Array.from({ length: 500 }, (_, number) =>
      first.append(messageWith(ANN, { wall: clock.wall() + BigInt(number) })));
    await first.close();
    const stored = await Promise.all(appended.map(({ committed }) =>
      committed
    ));
    assert.ok(stored.every((ok) => ok));
    const second = await open();
    assert.equal(second.figures().messages, 500);
    await second.close();
  }));

Deno.test("a process whose store another one took over writes no more, says so once and fails", () =>
  onDisk(async ({ clock, open, path }) => {
    const log = keptLog();
    const first = await open({ log });
    const append = (history: KvHistory, peer: string, text: string) =>
      history.append(messageWith(peer, { wall: clock.wall(), text })).committed;
    assert.equal(await append(first, BEN, "before"), true);
    await Deno.remove(`${path}.lock`);
    const second = await open();
    assert.equal(await append(second, ANN, "mine"), true);
    for (let again = 0; again < 3; again++) {
      assert.equal(await append(first, BEN, "into the wrong conversation"), false);
      await clock.advance(70_000);
    }
    const isDisplaced = (error: unknown) =>
      error instanceof StoreError && error.code === "displaced";
    await assert.rejects(first.forgetPeer(BEN), isDisplaced);
    await assert.rejects(
      first.outbox.put({ id: "q", to: ANN, text: "x", queuedAt: "1", expiresAt: "2" }),
      isDisplaced,
    );
    assert.equal(first.figures().failing, true);
    const told = log.lines.filter((line) => line.startsWith("ERROR"));
    assert.equal(told.length, 1, told.join("\n"));
    assert.match(told[0] ?? "", /another process has taken .*history\.db over/);
    await first.close();
    const texts = async (peer: string) => (await second.byPeer(peer, 0)).map(({ text }) => text);
    assert.deepEqual([await texts(ANN), await texts(BEN)], [["mine"], ["before"]]);
    assert.equal(second.figures().failing, false);
    await assertSumsAgree(second);
    await second.close();
  }));

Deno.test("the number of an event that is not kept, for its peer is not on the whitelist, is taken for good", () =>
  onDisk(async ({ clock, open }) => {
    const whitelistPath = await Deno.makeTempFile();
    await Deno.writeTextFile(whitelistPath, ANN);
    const first = await open({ whitelistPath });
    first.append(messageWith(ANN, { wall: clock.wall() }));
    first.append(messageWith(BEN, { wall: clock.wall(), text: "a secret of BEN" }));
    await first.close();
    const second = await open({ whitelistPath });
    assert.equal(second.events.newest, 2);
    assert.equal(second.append(messageWith(ANN, { wall: clock.wall(), text: "next" })).seq, 3);
    const hub = new EventHub({ clock, archive: second.events });
    const lines = await hub.subscribe({ channels: parseChannels("all"), since: 1 }).next();
    assert.deepEqual(JSON.parse(lines[0] ?? "").gap, { after: 1, next: 3 });
    hub.close();
    await second.close();
    await Deno.remove(whitelistPath);
  }));

Deno.test("no byte of a message outside the whitelist reaches the disk", async () => {
  const folder = await Deno.makeTempDir();
  const clock = new ManualClock();
  const whitelistPath = `${folder}/keys`;
  await Deno.writeTextFile(whitelistPath, ANN);
  const path = `${folder}/history.db`;
  const history = await openHistory({ path, clock, log: silentLog, self: SELF, whitelistPath });
  history.append(messageWith(BEN, { wall: clock.wall(), text: "a-secret-of-ben" }));
  history.append(messageWith(ANN, { wall: clock.wall(), text: "a-word-of-ann" }));
  await history.sweep();
  const onDiskNow = async (text: string) => {
    for await (const { name } of Deno.readDir(folder)) {
      const bytes = await Deno.readFile(`${folder}/${name}`);
      if (new TextDecoder("latin1").decode(bytes).includes(text)) return true;
    }
    return false;
  };
  assert.deepEqual([await onDiskNow("a-secret-of-ben"), await onDiskNow("a-word-of-ann")], [
    false,
    true,
  ]);
  await history.close();
  assert.equal(await onDiskNow("a-secret-of-ben"), false);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a reader that was there when the disk failed gets every event of the next process", () =>
  onDisk(async ({ clock, open }) => {
    const failing: Parameters<typeof failingKv>[0] = { now: "never" };
    let history = await open({ openKv: failingKv(failing) });
    let hub = new EventHub({ clock, archive: history.events });
    const publish = async (text: string) => {
      const event = messageWith(ANN, { wall: clock.wall(), text });
      const { seq, committed } = history.append(event);
      await committed;
      hub.publishMessage(event, seq);
    };
    const read = async (since: number, count: number) => {
      const reader = hub.subscribe({ channels: parseChannels("all"), since });
      const lines: string[] = [];
      while (lines.length < count) lines.push(...await reader.next());
      reader.close();
      return {
        texts: lines.map((line) => JSON.parse(line).text),
        last: lines.map(resumableSeqOf).findLast((id) => id !== undefined) ?? since,
      };
    };
    await publish("kept");
    failing.now = "before";
    await publish("lost 1");
    await publish("lost 2");
    const before = await read(0, 3);
    assert.deepEqual([before.texts, before.last], [["kept", "lost 1", "lost 2"], 1]);
    failing.now = "never";
    const closing = history.close();
    await publish("came while it closed");
    await closing;
    assert.equal((await read(before.last, 3)).last, 1);
    hub.close();
    history = await open();
    hub = new EventHub({ clock, archive: history.events });
    for (const text of ["new 1", "new 2", "new 3"]) await publish(text);
    const after = await read(before.last, 3);
    assert.deepEqual([after.texts, after.last], [["new 1", "new 2", "new 3"], 4]);
    hub.close();
    await history.close();
  }));
