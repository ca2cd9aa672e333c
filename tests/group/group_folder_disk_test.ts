import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { denoFiles } from "#files";
import { silentLog } from "#kit";
import { GroupFolder } from "../../lib/group/group_folder.ts";
import { GROUP_ID } from "./decisions.ts";
import { recordOf } from "./records.ts";

/** A folder of its own for a test, gone afterwards. */
async function ownFolder() {
  const root = await Deno.makeTempDir();
  return {
    files: denoFiles,
    folder: `${root}/groups`,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

const bits = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

Deno.test("GroupFolder keeps a group in private files of a private folder", async () => {
  await using own = await ownFolder();
  const { files, folder } = own;
  const options = { folder, id: GROUP_ID, files, log: silentLog };
  const group = await GroupFolder.open(options);
  await rejects(Deno.stat(folder), Deno.errors.NotFound);
  const record = recordOf({ port: 7 });
  strictEqual(await group.save(record), true);
  group.addSeen(["ab".repeat(32), "cd".repeat(32)]);
  await group.flush();
  const path = `${folder}/${GROUP_ID}`;
  deepStrictEqual([await bits(folder), await bits(path)], [0o700, 0o700]);
  deepStrictEqual([await bits(`${path}/record.json`), await bits(`${path}/seen.log`)], [
    0o600,
    0o600,
  ]);
  const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  deepStrictEqual(names.sort(), ["record.json", "seen.log"]);
  const again = await GroupFolder.open(options);
  deepStrictEqual(again.record, record);
  deepStrictEqual(again.seen, ["ab".repeat(32), "cd".repeat(32)]);
  deepStrictEqual(await GroupFolder.list(options), [record]);
});

Deno.test("GroupFolder works in memory where no folder can be made", async () => {
  await using own = await ownFolder();
  const { files, folder } = own;
  await Deno.writeTextFile(folder, "a file is in the way");
  const group = await GroupFolder.open({ folder, id: GROUP_ID, files, log: silentLog });
  strictEqual(await group.save(recordOf({})), false);
  group.addSeen(["ab".repeat(32)]);
  await group.flush();
  deepStrictEqual(group.seen, ["ab".repeat(32)]);
});
