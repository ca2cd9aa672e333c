import assert from "node:assert/strict";
import { silentLog, systemClock } from "#kit";
import { OPEN_WAIT_MS, openHistory, type OpenHistoryOptions, StoreError } from "#store";
import { ManualClock } from "#support/manual_clock.ts";
import { messageWith, peerNumber, SELF } from "#support/stored_messages.ts";

const ANN = peerNumber(1);

/** A folder with a store that has one message. */
async function besideStore(
  test: (options: OpenHistoryOptions & { folder: string }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/history.db`;
  const options = { folder, path, clock: systemClock, log: silentLog, self: SELF };
  try {
    const history = await openHistory(options);
    await history.append(messageWith(ANN, { wall: systemClock.wall() })).committed;
    await history.close();
    await test(options);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** What may lie where a file belongs, and what it is called. */
const ODD_THINGS: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "a named pipe": (path) => new Deno.Command("mkfifo", { args: [path] }).output(),
  "a directory": (path) => Deno.mkdir(path),
  "a symbolic link": (path) => Deno.symlink("history.db", path),
};

for (const [what, make] of Object.entries(ODD_THINGS)) {
  for (const rest of ["-wal", "-shm", "-journal", ".lock"]) {
    Deno.test(`openHistory refuses ${what} at ${rest} at once, and touches nothing`, () =>
      besideStore(async (options) => {
        const file = options.path + rest;
        await Deno.remove(`${options.path}.lock`);
        await make(file);
        const [names, bytes] = [namesIn(options.folder), await Deno.readFile(options.path)];
        await assert.rejects(openHistory(options), {
          code: "unusable",
          message: `${file} is ${what}, which the history cannot use: move it away`,
        });
        assert.deepEqual(namesIn(options.folder), names);
        assert.deepEqual(await Deno.readFile(options.path), bytes);
        await Deno.remove(file, { recursive: true });
        const history = await openHistory(options);
        assert.equal(history.figures().messages, 1);
        await history.close();
      }));
  }
}

Deno.test("openHistory refuses a store with a second name, which has a log of its own", () =>
  besideStore(async (options) => {
    const other = `${options.folder}/other.db`;
    const first = await openHistory(options);
    await Deno.link(options.path, other);
    await assert.rejects(
      openHistory({ ...options, path: other }),
      (error) => error instanceof StoreError && /second name \(a hard link\)/.test(error.message),
    );
    await first.close();
    await Deno.remove(other);
    await (await openHistory(options)).close();
  }));

Deno.test("openHistory does not put a new store in the place of a link that leads nowhere", () =>
  besideStore(async (options) => {
    const path = `${options.folder}/link.db`;
    await Deno.symlink(`${options.folder}/not-mounted/history.db`, path);
    await assert.rejects(openHistory({ ...options, path }), /symbolic link to nothing/);
    assert.ok((await Deno.lstat(path)).isSymlink);
  }));

Deno.test("openHistory gives up on a disk that does not answer, and closes what comes late", () =>
  besideStore(async (options) => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const openKv = async (path: string) => {
      asked.resolve();
      await answer.promise;
      return await Deno.openKv(path);
    };
    const opening = openHistory({ ...options, clock, openKv });
    const refused = assert.rejects(opening, /its disk does not answer/);
    await asked.promise;
    await clock.advance(OPEN_WAIT_MS);
    await refused;
    answer.resolve();
    // Waits for the lock, which is free when the late database is closed.
    await (await openHistory(options)).close();
  }));

Deno.test("openHistory says what helps where the disk is full", () =>
  besideStore(async (options) => {
    const openKv = () => Promise.reject(new Error("database or disk is full"));
    await assert.rejects(
      openHistory({ ...options, openKv }),
      { message: /is full; if its disk is full, free space and restart: what is stored is still/ },
    );
  }));
