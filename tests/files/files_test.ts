import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { denoFiles, folderOf, MemoryFiles } from "#files";
import { testFiles } from "../contract/files_suite.ts";

/** A folder of its own for a test, gone afterwards. */
async function ownFolder() {
  const root = await Deno.makeTempDir();
  return {
    files: denoFiles,
    folder: `${root}/data`,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

testFiles("denoFiles", ownFolder);
testFiles("MemoryFiles", () =>
  Promise.resolve({
    files: new MemoryFiles(),
    folder: "data",
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }));

Deno.test("folderOf names what a file is in", () => {
  deepStrictEqual(["a/b/c", "/a", "a"].map(folderOf), ["a/b/", "/", "."]);
});

Deno.test("denoFiles makes files and folders that only the user may read", async () => {
  await using own = await ownFolder();
  const { files, folder } = own;
  await files.makeFolder(`${folder}/deep/`);
  await Deno.writeTextFile(`${folder}/old`, "readable", { mode: 0o644 });
  await files.write(`${folder}/old`, "1");
  await files.write(`${folder}/new`, "1");
  await files.append(`${folder}/log`, "1");
  const bits = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
  for (const path of [folder, `${folder}/deep`]) strictEqual(await bits(path), 0o700, path);
  for (const name of ["old", "new", "log"]) strictEqual(await bits(`${folder}/${name}`), 0o600);
});

Deno.test("denoFiles writes through no link that somebody left in the way", async () => {
  await using own = await ownFolder();
  const { files, folder } = own;
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/precious`, "keep");
  await Deno.symlink(`${folder}/precious`, `${folder}/contacts.json.tmp`);
  await files.write(`${folder}/contacts.json.tmp`, "new");
  strictEqual(await Deno.readTextFile(`${folder}/precious`), "keep");
});

Deno.test("denoFiles reads no folder, no device and no bytes that are not UTF-8", async () => {
  await using own = await ownFolder();
  const { files, folder } = own;
  await Deno.mkdir(folder);
  await rejects(files.read(folder, 10), /not a regular file/);
  await rejects(files.read("/dev/zero", 10), /not a regular file/);
  await Deno.writeFile(`${folder}/latin1`, Uint8Array.of(0x22, 0xe4, 0x22));
  await rejects(files.read(`${folder}/latin1`, 10), TypeError);
  await rejects(files.list("/dev/null"));
});

Deno.test("MemoryFiles leaves half of a text when a step fails", async () => {
  const files = new MemoryFiles({ log: "1234" });
  const full = /no space left on device/;
  files.stepsLeft = 0;
  await rejects(files.makeFolder("data"), full);
  await rejects(files.write("new", "1234"), full);
  await rejects(files.append("log", "5678"), full);
  await rejects(files.rename("log", "new"), full);
  deepStrictEqual([...files.texts], [["log", "123456"], ["new", "12"]]);
  deepStrictEqual(files.steps, ["folder data", "write new", "append log", "rename log"]);
});
