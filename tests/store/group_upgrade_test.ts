import assert from "node:assert/strict";
import { groupMessage, groupTexts } from "#support/group_texts.ts";
import { peerNumber } from "#support/stored_messages.ts";
import {
  groupPartKey,
  groupPartsRange,
  groupSumsKey,
  journalsRange,
} from "../../lib/store/keyspace.ts";
import { encodeTotal } from "../../lib/store/group_table.ts";
import { fill, FREE, onDisk } from "./group_fixture.ts";

const BEN = peerNumber(2);

/** Changes rows of a closed store. */
async function changeRows(path: string, change: (kv: Deno.Kv) => Promise<unknown>): Promise<void> {
  const kv = await Deno.openKv(path);
  await change(kv);
  kv.close();
}

async function dropRange(kv: Deno.Kv, range: Deno.KvListSelector): Promise<void> {
  for await (const { key } of kv.list(range)) await kv.delete(key);
}

/** What programs before live groups leave, or change: no parts, and the sums of all together. */
const OLDER: Readonly<Record<string, (kv: Deno.Kv) => Promise<unknown>>> = {
  "without the sums of each group": (kv) => dropRange(kv, groupPartsRange()),
  "without any sums": async (kv) => {
    await dropRange(kv, groupPartsRange());
    await kv.delete(groupSumsKey());
  },
  "in which such a program forgot a group": async (kv) => {
    let [count, bytes] = [0, 0];
    for await (const { key, value } of kv.list<Uint8Array>({ prefix: ["g", "gone"] })) {
      await kv.delete(key);
      count++;
      bytes += 32 + value.length;
    }
    assert.equal(count, 4);
    await kv.set(groupSumsKey(), encodeTotal({ count: 307 - count, bytes: await allBytes(kv) }));
    assert.ok(bytes > 0);
  },
  "in which a row of sums is something else": (kv) => kv.set(groupPartKey("g"), "text"),
  "in which a row of sums is empty": (kv) => kv.set(groupPartKey("g"), new Uint8Array(0)),
};

async function allBytes(kv: Deno.Kv): Promise<number> {
  let bytes = 0;
  for await (const { value } of kv.list<Uint8Array>({ prefix: ["g"] })) bytes += 32 + value.length;
  return bytes;
}

for (const [name, change] of Object.entries(OLDER)) {
  Deno.test(`a store ${name} is counted when it is opened, and written for the next time`, () =>
    onDisk(async ({ clock, path, open, close }) => {
      const wall = clock.wall();
      const first = await open();
      fill(first, { count: 300, wall });
      fill(first, { count: 3, wall, group: "other" });
      fill(first, { count: 4, wall, group: "gone" });
      await close(first);
      await changeRows(path, change);
      const limits = { ...FREE, groupCap: 100 };
      const second = await open({ limits });
      const isGone = !(await groupTexts(second, { group: "gone" })).length;
      assert.deepEqual(
        (await second.groups()).map(({ group_id, count }) => [group_id, count]),
        [["g", 300], ...isGone ? [] : [["gone", 4]], ["other", 3]],
      );
      assert.equal(second.figures().groupMessages, isGone ? 303 : 307);
      assert.equal(second.figures().damaged, 0);
      await second.settled();
      await close(second);
      const third = await open({ limits });
      await third.append(groupMessage(BEN, { wall, sentAt: wall + 9_000n, text: "new" })).committed;
      await third.settled();
      assert.equal((await groupTexts(third)).length, 100);
      assert.equal(await third.forgetWholeGroup("other"), 3);
      await close(third);
    }));
}

/** How such a row ends without the largest distance to a time that is ahead: 8 bytes less. */
async function dropAhead(kv: Deno.Kv): Promise<void> {
  const { value } = await kv.get<Uint8Array>(groupPartKey("g"));
  await kv.set(groupPartKey("g"), value?.slice(0, -8));
}

Deno.test("what is dated ahead is found after a program that knew nothing of it wrote the sums", () =>
  onDisk(async ({ clock, path, open, close }) => {
    const wall = clock.wall();
    const timestamp = wall + 600_000_000_000n;
    const first = await open();
    fill(first, { count: 9, wall });
    await first.append(groupMessage(BEN, { wall, sentAt: timestamp, text: "ahead" })).committed;
    await first.settled();
    await close(first);
    await changeRows(path, dropAhead);
    const second = await open();
    assert.equal(second.figures().damaged, 0);
    assert.deepEqual(await groupTexts(second, { limit: 1 }), ["ahead"]);
    assert.equal(await second.forgetGroup("g", { sender: BEN, timestamp }), true);
    assert.equal((await groupTexts(second)).length, 9);
    await close(second);
  }));

Deno.test("what is dated ahead is found where the sums had to be counted", () =>
  onDisk(async ({ clock, path, open, close }) => {
    const wall = clock.wall();
    const timestamp = wall + 600_000_000_000n;
    const first = await open();
    fill(first, { count: 9, wall });
    await first.append(groupMessage(BEN, { wall, sentAt: timestamp, text: "ahead" })).committed;
    await close(first);
    await changeRows(path, (kv) => dropRange(kv, groupPartsRange()));
    const second = await open();
    await second.settled();
    await close(second);
    const third = await open();
    assert.equal(await third.forgetGroup("g", { sender: BEN, timestamp }), true);
    assert.equal((await groupTexts(third)).length, 9);
    await close(third);
  }));

Deno.test("no journal of a group is a row that a program before them would read", () =>
  onDisk(async ({ path, open }) => {
    const history = await open();
    await history.journal("group:g")?.append([new Uint8Array(1)]);
    await history.close();
    await changeRows(path, async (kv) => {
      for await (const { key } of kv.list(journalsRange())) assert.fail(String(key));
    });
  }));
