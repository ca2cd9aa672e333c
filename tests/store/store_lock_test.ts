import assert from "node:assert/strict";
import { LOCK_WAIT_MS, StoreError } from "#store";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { type LockFile, lockStore } from "../../lib/store/store_lock.ts";

/** A file whose lock the test gives out. */
class FakeLockFile implements LockFile {
  readonly #free = Promise.withResolvers<void>();
  #isFree = false;
  closed = 0;
  tryLock: ((exclusive?: boolean) => Promise<boolean>) | undefined;

  constructor({ tries }: { tries: boolean }) {
    if (tries) this.tryLock = () => Promise.resolve(this.#isFree);
  }

  free(): void {
    this.#isFree = true;
    this.#free.resolve();
  }

  lock(): Promise<void> {
    return this.#free.promise;
  }

  close(): void {
    this.closed++;
  }
}

// Which of the two a runtime has differs; both are tried on every one.
for (const tries of [true, false]) {
  const name = tries ? "tryLock" : "lock alone";

  Deno.test(`lockStore with ${name} takes a free lock and lets go of it once`, async () => {
    const [file, clock] = [new FakeLockFile({ tries }), new ManualClock()];
    file.free();
    const lock = await lockStore("x", { clock, open: () => Promise.resolve(file) });
    assert.deepEqual([file.closed, clock.pending], [0, 0]);
    lock.release();
    assert.equal(file.closed, 1);
  });

  Deno.test(`lockStore with ${name} waits for one that comes in time`, async () => {
    const [file, clock] = [new FakeLockFile({ tries }), new ManualClock()];
    const locking = lockStore("x", { clock, open: () => Promise.resolve(file) });
    await settle();
    await clock.advance(LOCK_WAIT_MS - 100);
    file.free();
    await clock.advance(50);
    (await locking).release();
    assert.deepEqual([file.closed, clock.pending], [1, 0]);
  });

  Deno.test(`lockStore with ${name} gives up after 2 s, and gives back what comes later`, async () => {
    const [file, clock] = [new FakeLockFile({ tries }), new ManualClock()];
    const locking = lockStore("x", { clock, open: () => Promise.resolve(file) });
    const refused = assert.rejects(
      locking,
      (error) => error instanceof StoreError && error.code === "timeout",
    );
    await settle();
    for (let waited = 0; waited <= LOCK_WAIT_MS; waited += 50) await clock.advance(50);
    await refused;
    file.free();
    await settle();
    assert.deepEqual([file.closed, clock.pending], [1, 0]);
  });
}

Deno.test("lockStore closes the file when the lock cannot be asked for", async () => {
  const file = new FakeLockFile({ tries: true });
  file.tryLock = () => Promise.reject(new Error("no locks here"));
  await assert.rejects(
    lockStore("x", { clock: new ManualClock(), open: () => Promise.resolve(file) }),
    { message: "cannot lock x: no locks here" },
  );
  assert.equal(file.closed, 1);
});
