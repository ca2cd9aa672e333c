import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { Files } from "#files";

/** Files of one implementation, in a folder that is not there yet. */
export interface FilesUnderTest extends AsyncDisposable {
  readonly files: Files;
  readonly folder: string;
}

/** What every `Files` does. */
export function testFiles(name: string, make: () => Promise<FilesUnderTest>): void {
  Deno.test(`${name} reads what was written and undefined where nothing is`, async () => {
    await using use = await make();
    const { files, folder } = use;
    strictEqual(await files.read(`${folder}/a`, 10), undefined);
    await files.makeFolder(folder);
    await files.makeFolder(folder);
    await files.write(`${folder}/a`, "grüß");
    strictEqual(await files.read(`${folder}/a`, 6), "grüß");
    await files.write(`${folder}/a`, "");
    strictEqual(await files.read(`${folder}/a`, 0), "");
  });

  Deno.test(`${name} refuses to read more bytes than asked for`, async () => {
    await using use = await make();
    const { files, folder } = use;
    await files.makeFolder(folder);
    await files.write(`${folder}/a`, "grüß");
    await rejects(files.read(`${folder}/a`, 5), /more than 5 bytes/);
    await files.write(`${folder}/a`, "x".repeat(300_000));
    await rejects(files.read(`${folder}/a`, 299_999), /more than 299999 bytes/);
    strictEqual((await files.read(`${folder}/a`, 300_000))?.length, 300_000);
  });

  Deno.test(`${name} appends to what is there, and makes what is not`, async () => {
    await using use = await make();
    const { files, folder } = use;
    await files.makeFolder(folder);
    await files.append(`${folder}/a`, "one");
    await files.append(`${folder}/a`, "two");
    strictEqual(await files.read(`${folder}/a`, 10), "onetwo");
  });

  Deno.test(`${name} renames over another file, and rejects when there is nothing to rename`, async () => {
    await using use = await make();
    const { files, folder } = use;
    await files.makeFolder(folder);
    await files.write(`${folder}/a`, "old");
    await files.write(`${folder}/b`, "new");
    await files.rename(`${folder}/b`, `${folder}/a`);
    strictEqual(await files.read(`${folder}/a`, 10), "new");
    strictEqual(await files.read(`${folder}/b`, 10), undefined);
    await rejects(files.rename(`${folder}/b`, `${folder}/a`));
    strictEqual(await files.read(`${folder}/a`, 10), "new");
  });

  Deno.test(`${name} lists folders and not files, and nothing where no folder is`, async () => {
    await using use = await make();
    const { files, folder } = use;
    deepStrictEqual(await files.list(folder), []);
    for (const below of ["x", "y"]) {
      await files.makeFolder(`${folder}/${below}/deep`);
      await files.write(`${folder}/${below}/a`, "1");
      await files.write(`${folder}/${below}/deep/b`, "1");
    }
    await files.write(`${folder}/file`, "1");
    deepStrictEqual((await files.list(folder)).sort(), ["x", "y"]);
  });
}
