import assert from "node:assert/strict";
import { MAX_SMALL_FILE_BYTES, readSmallFile, SmallFileError } from "#app";

async function inFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function failure(path: string): Promise<SmallFileError> {
  const error = await readSmallFile(path).then(() => undefined, (thrown: unknown) => thrown);
  assert.ok(error instanceof SmallFileError);
  return error;
}

Deno.test("readSmallFile gives the text and the permission bits", () =>
  inFolder(async (folder) => {
    const path = `${folder}/key.json`;
    await Deno.writeTextFile(path, "häh\n", { mode: 0o600 });
    assert.deepEqual(await readSmallFile(path), { text: "häh\n", mode: 0o600 });
    await Deno.chmod(path, 0o644);
    assert.equal((await readSmallFile(path)).mode, 0o644);
  }));

Deno.test("readSmallFile reads up to its bound and refuses a byte more", () =>
  inFolder(async (folder) => {
    const path = `${folder}/big`;
    await Deno.writeFile(path, new Uint8Array(MAX_SMALL_FILE_BYTES).fill(0x61));
    assert.equal((await readSmallFile(path)).text.length, MAX_SMALL_FILE_BYTES);
    await Deno.writeFile(path, new Uint8Array(1), { append: true });
    const error = await failure(path);
    assert.equal(error.code, "too-large");
    assert.equal(error.message, "larger than 1048576 bytes");
  }));

Deno.test("readSmallFile says shortly why it cannot read", () =>
  inFolder(async (folder) => {
    const missing = await failure(`${folder}/none`);
    assert.equal(missing.code, "not-found");
    assert.equal(missing.message, "no such file or directory");
    const directory = await failure(folder);
    assert.equal(directory.code, "unreadable");
    assert.equal(directory.message, "is a directory");
  }));

Deno.test("readSmallFile ends at a device that never does", async () => {
  assert.equal((await failure("/dev/zero")).code, "too-large");
});

Deno.test("readSmallFile refuses a pipe at once when an ordinary file is asked for", () =>
  inFolder(async (folder) => {
    if (Deno.build.os === "windows") return;
    const path = `${folder}/pipe`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    for (const other of [path, folder, "/dev/null"]) {
      await assert.rejects(
        readSmallFile(other, { ordinary: true }),
        { code: "unreadable", message: "not an ordinary file" },
      );
    }
    await assert.rejects(readSmallFile(`${folder}/no`, { ordinary: true }), { code: "not-found" });
    await Deno.writeTextFile(`${folder}/file`, "x");
    assert.equal((await readSmallFile(`${folder}/file`, { ordinary: true })).text, "x");
  }));
