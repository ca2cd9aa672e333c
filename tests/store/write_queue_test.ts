import assert from "node:assert/strict";
import { settle } from "#support/manual_clock.ts";
import {
  MAX_BATCH_APPENDS,
  MAX_BATCH_BYTES,
  MAX_PENDING_APPENDS,
  MAX_PENDING_BYTES,
  WriteQueue,
} from "../../lib/store/write_queue.ts";

/** A queue over a disk that commits only when told. */
class SlowDisk {
  readonly batches: (readonly number[])[] = [];
  readonly queue = new WriteQueue<number>((batch) => {
    this.batches.push(batch);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#finish = resolve;
    return promise;
  });
  #finish: (stored: boolean) => void = () => {};

  async finish(stored = true): Promise<void> {
    this.#finish(stored);
    await settle();
  }
}

Deno.test("WriteQueue commits at once when idle, and together what queued up meanwhile", async () => {
  const disk = new SlowDisk();
  const done: number[] = [];
  const append = (number: number) =>
    void disk.queue.append(number, 1).then((ok) => done.push(ok ? number : -number));
  append(1);
  append(2);
  await settle();
  assert.deepEqual(disk.batches, [[1, 2]]);
  for (const number of [3, 4, 5]) append(number);
  await settle();
  assert.deepEqual([disk.batches.length, disk.queue.pending], [1, 5]);
  await disk.finish();
  assert.deepEqual([disk.batches[1], done], [[3, 4, 5], [1, 2]]);
  await disk.finish(false);
  assert.deepEqual([done, disk.queue.pending], [[1, 2, -3, -4, -5], 0]);
});

Deno.test("WriteQueue bounds a commit by number and by bytes, a large append goes alone", async () => {
  const disk = new SlowDisk();
  for (let number = 0; number <= MAX_BATCH_APPENDS; number++) void disk.queue.append(number, 1);
  await settle();
  assert.equal(disk.batches[0]?.length, MAX_BATCH_APPENDS);
  void disk.queue.append(-1, MAX_BATCH_BYTES);
  void disk.queue.append(-2, 2 * MAX_BATCH_BYTES);
  void disk.queue.append(-3, 1);
  for (let batch = 0; batch < 4; batch++) await disk.finish();
  assert.deepEqual(disk.batches.slice(1), [[MAX_BATCH_APPENDS], [-1], [-2], [-3]]);
  await disk.finish();
});

Deno.test("WriteQueue runs jobs alone and in their turn, and goes on after one that rejects", async () => {
  const disk = new SlowDisk();
  const order: string[] = [];
  void disk.queue.append(1, 1).then(() => order.push("1"));
  const failing = disk.queue.run(() => {
    order.push("job");
    return Promise.reject(new Error("job"));
  });
  void disk.queue.append(2, 1).then(() => order.push("2"));
  const refused = assert.rejects(failing, { message: "job" });
  await settle();
  assert.deepEqual(disk.batches, [[1]]);
  await disk.finish();
  await refused;
  assert.deepEqual(disk.batches, [[1], [2]]);
  await disk.finish();
  assert.deepEqual(order, ["1", "job", "2"]);
  await disk.queue.idle();
});

for (
  const [what, bytes, count] of [
    ["messages", 1, MAX_PENDING_APPENDS],
    ["bytes", MAX_PENDING_BYTES / 8, 8],
  ] as const
) {
  Deno.test(`WriteQueue holds readers back at too many ${what}, until half is written`, async () => {
    const disk = new SlowDisk();
    for (let number = 1; number < count; number++) void disk.queue.append(number, bytes);
    const readyNow = () => disk.queue.ready;
    assert.equal(readyNow(), undefined);
    void disk.queue.append(0, bytes);
    let roomy = false;
    assert.ok(readyNow());
    void readyNow()?.then(() => roomy = true);
    await settle();
    while (disk.queue.pending > count / 2) {
      assert.equal(roomy, false);
      await disk.finish();
    }
    assert.equal(roomy, true);
    assert.equal(readyNow(), undefined);
    while (disk.queue.pending > 0) await disk.finish();
  });
}
