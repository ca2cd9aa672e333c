import assert from "node:assert/strict";
import { silentLog, systemClock } from "#kit";
import { openHistory, type OpenHistoryOptions, StoreError } from "#store";
import { boltFile } from "#support/bolt_file.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { keptLog, messageWith, peerNumber, SELF } from "#support/stored_messages.ts";
import { formatKey } from "../../lib/store/keyspace.ts";

const ANN = peerNumber(1);

/** Options to open a store below a folder of its own, which is removed afterwards. */
async function inFolder(
  test: (options: OpenHistoryOptions & { folder: string }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/history.db`;
    await test({ folder, path, clock: systemClock, log: silentLog, self: SELF });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A clock on which every wait is over at once, and counted. */
class ImpatientClock extends ManualClock {
  #waited = 0;

  override now(): number {
    return this.#waited;
  }

  override sleep(ms: number): Promise<void> {
    this.#waited += ms;
    return Promise.resolve();
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

function modeOf(path: string): string {
  return ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
}

function hasCode(code: string, text?: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof StoreError && error.code === code && (text?.test(error.message) ?? true);
}

Deno.test("openHistory makes folders for the owner only and files nobody else can read", () =>
  inFolder(async (options) => {
    const path = `${options.folder}/a/b/history.db`;
    const history = await openHistory({ ...options, path });
    await history.append(messageWith(ANN, { wall: 5n })).committed;
    assert.deepEqual(["a", "a/b"].map((name) => modeOf(`${options.folder}/${name}`)), [
      "700",
      "700",
    ]);
    const files = namesIn(`${options.folder}/a/b`);
    assert.deepEqual(files, ["history.db", "history.db-shm", "history.db-wal", "history.db.lock"]);
    for (const file of files) assert.equal(modeOf(`${options.folder}/a/b/${file}`), "600", file);
    await history.close();
    assert.deepEqual(namesIn(`${options.folder}/a/b`), ["history.db", "history.db.lock"]);
  }));

Deno.test("openHistory takes a relative path and a file that `mktemp` made", () =>
  inFolder(async (options) => {
    await Deno.writeTextFile(options.path, "", { mode: 0o644 });
    const history = await openHistory(options);
    assert.equal(modeOf(options.path), "600");
    await history.close();
  }));

Deno.test("openHistory makes an older, readable store private again", () =>
  inFolder(async (options) => {
    await (await openHistory(options)).close();
    await Deno.chmod(options.path, 0o644);
    const history = await openHistory(options);
    assert.equal(modeOf(options.path), "600");
    await history.close();
  }));

Deno.test("openHistory fails after 2 s while another has the store, under any of its names", () =>
  inFolder(async (options) => {
    const first = await openHistory({ ...options, limits: { ttlMs: 0 } });
    const link = `${options.folder}/other-name.db`;
    await Deno.symlink(options.path, link);
    for (const path of [options.path, link]) {
      const clock = new ImpatientClock();
      await assert.rejects(
        openHistory({ ...options, path, clock }),
        hasCode("timeout", /^timeout: another process has .*history\.db open/),
      );
      assert.ok(clock.now() >= 2_000 && clock.now() < 2_100, String(clock.now()));
    }
    await first.append(messageWith(ANN, { wall: 5n })).committed;
    await first.close();
    const second = await openHistory({ ...options, limits: { ttlMs: 0 } });
    assert.equal((await second.recent(0)).length, 1);
    await second.close();
  }));

Deno.test("openHistory waits for another that lets go in time", () =>
  inFolder(async (options) => {
    const first = await openHistory(options);
    const second = openHistory(options);
    await first.close();
    await (await second).close();
  }));

/** Files that are not ours, made at a path. */
const FOREIGN: Readonly<Record<string, (path: string) => Promise<void>>> = {
  "a text": (path) => Deno.writeTextFile(path, "dear diary"),
  "a single byte": (path) => Deno.writeFile(path, Uint8Array.of(0x53)),
  "a real BoltDB file": (path) =>
    Deno.writeFile(path, boltFile(ANN, 0x18d35025c3b20d15n, `{"peer":"${ANN}","text":"hello"}`)),
  "the Deno KV database of another program": async (path) => {
    const kv = await Deno.openKv(path);
    await kv.set(formatKey(), 1);
    kv.close();
  },
  "the beginning of an SQLite database": async (path) => {
    await Deno.writeTextFile(path, "SQLite format 3\0");
  },
  "a directory": (path) => Deno.mkdir(path),
};

for (const [what, make] of Object.entries(FOREIGN)) {
  Deno.test(`openHistory refuses ${what}, leaves it byte-identical and adds nothing`, () =>
    inFolder(async (options) => {
      await make(options.path);
      const isFile = (await Deno.stat(options.path)).isFile;
      const before = isFile ? await Deno.readFile(options.path) : undefined;
      const { mtime } = await Deno.stat(options.path);
      await assert.rejects(openHistory(options), hasCode("foreign", /is left as it is/));
      assert.deepEqual(namesIn(options.folder), ["history.db"]);
      if (isFile) assert.deepEqual(await Deno.readFile(options.path), before);
      assert.deepEqual((await Deno.stat(options.path)).mtime, mtime);
    }));
}

Deno.test("the BoltDB file of these tests is valid where appendix A can be checked", () => {
  const file = boltFile(ANN, 1n, "{}");
  const view = new DataView(file.buffer);
  assert.equal(file.length, 4 * 4_096);
  assert.deepEqual([view.getUint32(16, true), view.getUint32(20, true)], [0xed0cdaed, 2]);
  assert.equal(view.getUint16(3 * 4_096 + 8, true), 0x02);
});

Deno.test("openHistory refuses a store of a newer format and keeps what is in it", () =>
  inFolder(async (options) => {
    await (await openHistory(options)).close();
    const kv = await Deno.openKv(options.path);
    await kv.set(formatKey(), 2);
    kv.close();
    for (let again = 0; again < 2; again++) {
      await assert.rejects(openHistory(options), hasCode("newer-version", /format 2.*knows 1/));
    }
  }));

Deno.test("openHistory opens a copy of a store in full flight, whose rows are only in its log", () =>
  inFolder(async (options) => {
    const history = await openHistory({ ...options, limits: { ttlMs: 0 } });
    await history.append(messageWith(ANN, { wall: 5n, text: "in the log" })).committed;
    const crashed = `${options.folder}/crashed.db`;
    for (const rest of ["", "-wal"]) await Deno.copyFile(options.path + rest, crashed + rest);
    await history.close();
    const again = await openHistory({ ...options, path: crashed, limits: { ttlMs: 0 } });
    assert.deepEqual((await again.recent(0)).map(({ text }) => text), ["in the log"]);
    assert.equal(again.events.newest, 1);
    await again.close();
  }));

Deno.test("openHistory opens after a crash at any moment of the creation", () =>
  inFolder(async (options) => {
    for (const rest of [".new", ".new-wal", ".new-shm"]) {
      await Deno.writeTextFile(options.path + rest, "half done");
    }
    await (await openHistory(options)).close();
    assert.deepEqual(namesIn(options.folder), ["history.db", "history.db.lock"]);
  }));

Deno.test("openHistory does not marry a new database to the log of a lost one", () =>
  inFolder(async (options) => {
    await Deno.writeTextFile(`${options.path}-wal`, "precious");
    await assert.rejects(openHistory(options), hasCode("unusable", /-wal without .*move it away/));
    assert.equal(await Deno.readTextFile(`${options.path}-wal`), "precious");
  }));

Deno.test("openHistory says what is wrong with limits and whitelist before it touches the disk", () =>
  inFolder(async (options) => {
    await assert.rejects(
      openHistory({ ...options, limits: { perPeerCap: -1 } }),
      { message: "invalid limits: PerPeerCap must be >= 0" },
    );
    const whitelistPath = `${options.folder}/keys`;
    await assert.rejects(
      openHistory({ ...options, whitelistPath }),
      hasCode("whitelist", /^load whitelist: /),
    );
    await Deno.writeTextFile(whitelistPath, "# nobody\nbob\n");
    const log = keptLog();
    await assert.rejects(openHistory({ ...options, whitelistPath, log }), {
      message: "invalid limits: WhitelistOnly is set but Whitelist is empty",
    });
    assert.equal(log.lines.length, 1);
    assert.deepEqual(namesIn(options.folder), ["keys"]);
  }));

Deno.test("openHistory fails with its own error where nothing can be created", () =>
  inFolder(async (options) => {
    await Deno.writeTextFile(`${options.folder}/file`, "");
    for (const path of [`${options.folder}/file/history.db`, "/proc/nowhere/history.db"]) {
      await assert.rejects(openHistory({ ...options, path }), hasCode("unusable"), path);
    }
  }));

Deno.test("openHistory lets go of the lock when the database cannot be opened", () =>
  inFolder(async (options) => {
    const openKv = () => Promise.reject(new Error("no such luck"));
    await assert.rejects(
      openHistory({ ...options, openKv }),
      hasCode("unusable", /cannot open .*: no such luck/),
    );
    await (await openHistory(options)).close();
  }));
