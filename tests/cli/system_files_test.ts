import assert from "node:assert/strict";
import { utf8, utf8Text } from "#kit";
import { CliError } from "../../cli/errors.ts";
import { draftFile, openFile } from "../../cli/system_files.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function names(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

async function read(path: string): Promise<string> {
  let text = "";
  for await (const bytes of (await openFile(path)).chunks) text += utf8Text(bytes);
  return text;
}

Deno.test("draftFile shows a private file when it is whole, and makes its folder when asked to", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/a/b/file`;
    const draft = await draftFile(path, { makeFolder: true });
    await draft.write(utf8("one "));
    await draft.write(utf8("two"));
    assert.equal(names(`${folder}/a/b`).includes("file"), false);
    await draft.commit();
    await draft.discard();
    assert.equal(await read(path), "one two");
    assert.deepEqual(names(`${folder}/a/b`), ["file"]);
    if (Deno.build.os === "windows") return;
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    assert.equal(((await Deno.stat(`${folder}/a/b`)).mode ?? 0) & 0o777, 0o700);
  });
});

Deno.test("draftFile leaves the old file as it was, and nothing else, when it is discarded", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "old");
    const draft = await draftFile(`${folder}/file`);
    await draft.write(utf8("new"));
    await draft.discard();
    await draft.discard();
    assert.equal(await read(`${folder}/file`), "old");
    assert.deepEqual(names(folder), ["file"]);
  });
});

Deno.test("draftFile writes through symbolic links, relative, in a row, or to nothing yet", async () => {
  if (Deno.build.os === "windows") return;
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/far`);
    await Deno.writeTextFile(`${folder}/far/target`, "old");
    await Deno.symlink("far/target", `${folder}/link`);
    await Deno.symlink(`${folder}/link`, `${folder}/far/second`);
    await Deno.symlink("far/later", `${folder}/dangling`);
    for (const [link, target] of [["far/second", "target"], ["dangling", "later"]] as const) {
      const draft = await draftFile(`${folder}/${link}`);
      await draft.write(utf8(`new ${link}`));
      await draft.commit();
      assert.equal((await Deno.lstat(`${folder}/${link}`)).isSymlink, true);
      assert.equal((await Deno.lstat(`${folder}/far/${target}`)).isFile, true);
      assert.equal(await read(`${folder}/far/${target}`), `new ${link}`);
    }
    assert.deepEqual(names(`${folder}/far`), ["later", "second", "target"]);
    await Deno.symlink("loop", `${folder}/loop`);
    await assert.rejects(() => draftFile(`${folder}/loop`), CliError);
  });
});

Deno.test("draftFile writes into a device instead of replacing it", async () => {
  if (Deno.build.os === "windows") return;
  const draft = await draftFile("/dev/null");
  await draft.write(utf8("gone"));
  await draft.commit();
  await draft.discard();
  assert.equal((await Deno.stat("/dev/null")).isCharDevice, true);
});

Deno.test("draftFile and openFile name the file that cannot be used, shortly", async () => {
  await inFolder(async (folder) => {
    const uses: readonly [use: () => Promise<unknown>, text: string][] = [
      [() => openFile(`${folder}/no`), `${folder}/no: no such file or directory`],
      [() => openFile(folder), `${folder}: is a directory`],
      [() => draftFile(folder), `${folder}: is a directory`],
      [() => draftFile(`${folder}/a/b/file`), `${folder}/a/b: no such directory`],
    ];
    for (const [use, text] of uses) {
      await assert.rejects(use, (error) => error instanceof CliError && error.message === text);
    }
    assert.deepEqual(names(folder), []);
  });
});

Deno.test("openFile reads a large file in pieces and knows its size", async () => {
  await inFolder(async (folder) => {
    const text = "0123456789".repeat(20_000);
    await Deno.writeTextFile(`${folder}/file`, text);
    const { size, chunks } = await openFile(`${folder}/file`);
    assert.equal(size, 200_000);
    let count = 0;
    for await (const bytes of chunks) {
      assert.ok(bytes.length <= 65_536);
      count++;
      // Leaving early closes the file: the leak check would tell.
      if (count === 2) break;
    }
    assert.equal(await read(`${folder}/file`), text);
  });
});
