import assert from "node:assert/strict";
import type { KvHistory } from "#store";
import { dyingDisk } from "#support/dying_disk.ts";
import { failingKv } from "#support/failing_kv.ts";
import { assertGroupSums } from "#support/group_sums.ts";
import { exportedGroups, groupMessage, groupTexts } from "#support/group_texts.ts";
import { eventTexts, noteFor, textsIn } from "#support/journal_texts.ts";
import { messageWith, peerNumber } from "#support/stored_messages.ts";
import { fill, FREE, onDisk } from "./group_fixture.ts";

const ANN = peerNumber(1);
const BEN = peerNumber(2);
const DAY = 86_400_000;

Deno.test("a store opened again has its groups, their sums and journals", () =>
  onDisk(async ({ clock, open, close }) => {
    const wall = clock.wall();
    const first = await open();
    fill(first, { count: 300, wall });
    fill(first, { count: 9, wall, group: "other" });
    await first.journal("group:other")?.append([new Uint8Array(3)]);
    await first.settled();
    const seen = async (history: KvHistory) => {
      const { groupMessages, groups, bytes } = history.figures();
      const feeds = history.journalFeeds();
      return [
        await exportedGroups(history),
        await history.groups(),
        groupMessages,
        groups,
        bytes,
        feeds,
      ];
    };
    const expected = await seen(first);
    await close(first);
    const second = await open();
    assert.deepEqual(await seen(second), expected);
    assert.equal(second.journal("group:other")?.bytes, 3);
    // The key of the newest is known without reading it.
    second.append(groupMessage(ANN, { wall, sentAt: wall + 299n, text: "same time" }));
    await second.settled();
    assert.deepEqual(await groupTexts(second, { limit: 2 }), ["299", "same time"]);
    await close(second);
  }));

Deno.test("event, group record and note are on disk together or not at all, wherever the program ends", () =>
  onDisk(async ({ clock, open, copy }) => {
    await (await open()).close();
    for (const isTold of [true, false]) {
      for (let commits = isTold ? 0 : 1; commits < 5; commits++) {
        const path = await copy();
        const history = await open({ path, openKv: failingKv(dyingDisk({ commits, isTold })) });
        for (let number = 0; number < 4; number++) {
          const [text, wall] = [`${number}`, clock.wall() + BigInt(number)];
          const note = noteFor("group:g", text);
          await history.append(groupMessage(ANN, { wall, text, ...note })).committed;
        }
        await history.close();
        await assertGroupSums(path);
        const again = await open({ path });
        const texts = await groupTexts(again);
        assert.deepEqual(texts, ["0", "1", "2", "3"].slice(0, commits));
        assert.deepEqual(await eventTexts(again), texts);
        assert.deepEqual(await textsIn(again.journal("group:g")), texts);
        await again.close();
      }
    }
  }));

for (const kind of ["forgetWholeGroup", "sweep", "cap"] as const) {
  Deno.test(`a removal of many (${kind}) that ends after any of its commits leaves right sums, and the rest goes the next time`, () =>
    onDisk(async ({ clock, open, close, copy }) => {
      const wall = clock.wall();
      const prepared = await open();
      fill(prepared, { count: 1_300, wall });
      fill(prepared, { count: 3, wall, group: "stays" });
      await close(prepared);
      const limits = {
        ...FREE,
        groupCap: kind === "cap" ? 3 : 5_000,
        ttlMs: kind === "sweep" ? DAY : 0,
      };
      const remove = async (history: KvHistory) => {
        if (kind === "forgetWholeGroup") await history.forgetWholeGroup("g");
        if (kind === "sweep") await history.sweep();
        if (kind !== "cap") return;
        await history.append(groupMessage(ANN, { wall, sentAt: wall + 9_000n })).committed;
        await history.settled();
      };
      if (kind === "sweep") await clock.advance(DAY + 1);
      const left = { forgetWholeGroup: 3, sweep: 0, cap: 6 }[kind];
      let isDone = false;
      let commits = 0;
      for (; !isDone; commits++) {
        const path = await copy();
        const openKv = failingKv(dyingDisk({ commits, isTold: true }));
        const history = await open({ path, openKv, limits });
        await remove(history).catch(() => {});
        isDone = history.figures().groupMessages === left;
        await history.close();
        await assertGroupSums(path);
        const again = await open({ path, limits });
        await remove(again);
        assert.equal(again.figures().groupMessages, left, `${commits}`);
        assert.equal((await exportedGroups(again)).length, left);
        await again.close();
        await assertGroupSums(path);
        assert.ok(commits < 20);
      }
      assert.ok(commits >= 3, `${commits}`);
    }));
}

for (const now of ["before", "after"] as const) {
  Deno.test(`a disk that fails ${now} the commit keeps the sums of groups true`, () =>
    onDisk(async ({ clock, open, close }) => {
      const failing: Parameters<typeof failingKv>[0] = { now: "never" };
      const limits = { ...FREE, groupCap: 4 };
      const history = await open({ openKv: failingKv(failing), limits });
      let number = 0n;
      const append = (group = "g") => {
        const wall = clock.wall() + number++;
        return history.append(groupMessage(ANN, { wall, text: `${number}`, groupId: group }))
          .committed;
      };
      for (let again = 0; again < 4; again++) await append();
      failing.now = now;
      assert.deepEqual([await append(), await append("new")], [false, false]);
      await assert.rejects(history.forgetGroup("g", { sender: ANN, timestamp: clock.wall() }));
      await assert.rejects(history.forgetWholeGroup("g"));
      failing.now = "never";
      assert.equal(await append("g2"), true);
      const { groupMessages, groups } = history.figures();
      const exported = await exportedGroups(history);
      assert.equal(exported.length, groupMessages);
      assert.equal(new Set(exported.map(({ group_id }) => group_id)).size, groups);
      assert.equal(await append(), true);
      await close(history);
    }));
}

Deno.test("an export is no damage while a group goes in a commit that nobody was told of", () =>
  onDisk(async ({ clock, open, close }) => {
    const failing: Parameters<typeof failingKv>[0] = { now: "never" };
    const history = await open({ openKv: failingKv(failing) });
    fill(history, { count: 1_600, wall: clock.wall() });
    await history.settled();
    const pages = history.groupPages()[Symbol.asyncIterator]();
    const { value } = await pages.next();
    assert.equal(value?.length, 500);
    failing.now = "after";
    // A reading has the next page already; each of these takes a step that it learns nothing of.
    for (let step = 0; step < 3; step++) await assert.rejects(history.forgetWholeGroup("g"));
    failing.now = "never";
    await history.forgetWholeGroup("g");
    while (!(await pages.next()).done);
    assert.deepEqual([history.figures().damaged, history.figures().groupMessages], [0, 0]);
    await close(history);
  }));

Deno.test("a lowered cap is reached with the next message of a group", () =>
  onDisk(async ({ clock, open, close }) => {
    const wall = clock.wall();
    const first = await open({ limits: { ...FREE, groupCap: 0 } });
    fill(first, { count: 1_500, wall });
    await close(first);
    const second = await open({ limits: { ...FREE, groupCap: 10 } });
    await second.append(groupMessage(BEN, { wall, sentAt: wall + 5_000n, text: "new" })).committed;
    await second.settled();
    const texts = await groupTexts(second);
    assert.deepEqual([texts.length, texts[0], texts.at(-1)], [10, "1491", "new"]);
    await close(second);
  }));

Deno.test("the largest batch of groups fits into a commit: full ones, with long names, and notes for as many journals", () =>
  onDisk(async ({ clock, open, close }) => {
    const history = await open({
      limits: { ...FREE, groupCap: 1, perPeerCap: 1, totalCapBytes: 0 },
    });
    const groups = Array.from({ length: 75 }, (_, number) => `${number}`.padEnd(128, "x"));
    const peers = Array.from({ length: 75 }, (_, number) => peerNumber(number + 1));
    const entry = new Uint8Array(1_000);
    for (let round = 0; round < 3; round++) {
      const wall = clock.wall() + BigInt(round);
      const { commits } = history.figures();
      const text = "y".repeat(500);
      const stored = groups.flatMap((groupId, number) => {
        const peer = peers[number] ?? "";
        const ofGroup = groupMessage(ANN, { wall, text, groupId });
        return [
          history.append({ ...ofGroup, journal: { feed: `group:${groupId}`, entry } }),
          history.append(messageWith(peer, { wall, text, journal: { feed: peer, entry } })),
        ].map(({ committed }) => committed);
      });
      assert.ok((await Promise.all(stored)).every((ok) => ok));
      assert.equal(history.figures().commits, commits + 1);
    }
    await history.settled();
    const { groupMessages, messages, failedCommits } = history.figures();
    assert.deepEqual([groupMessages, messages, failedCommits], [75, 75, 0]);
    await close(history);
  }));

Deno.test("messages get through while a large group is forgotten", () =>
  onDisk(async ({ clock, open, close }) => {
    const wall = clock.wall();
    const history = await open({ limits: { ...FREE, groupCap: 0, totalCapBytes: 0 } });
    fill(history, { count: 3_000, wall });
    await history.settled();
    const order: string[] = [];
    const forgotten = history.forgetWholeGroup("g").then((count) => order.push(`${count}`));
    const other = groupMessage(BEN, { wall, groupId: "other" });
    await history.append(other).committed.then((ok) => order.push(`${ok}`));
    await forgotten;
    assert.deepEqual(order, ["true", "3000"]);
    assert.deepEqual([history.figures().groupMessages, history.figures().events], [1, 1]);
    await close(history);
  }));
