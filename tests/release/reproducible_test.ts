/** The same sources give the same files: built in two folders, at two moments, by two environments. */
import assert from "node:assert/strict";
import { filesBelow, ROOT } from "../../scripts/source_files.ts";
import { runChild } from "../../scripts/terminal.ts";

const TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/** A build of a copy of the sources: the sums of what came out. */
async function sumsOfCopy(folder: string, env: Record<string, string>): Promise<string> {
  for (const path of filesBelow("", ROOT)) {
    if (path.startsWith("tests/")) continue;
    const target = `${folder}/${path}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(`${ROOT}${path}`, target);
  }
  // Downloaded runtimes are pinned by their sums; they need not come twice.
  await Deno.mkdir(`${ROOT}.cache`, { recursive: true });
  await Deno.symlink(`${ROOT}.cache`, `${folder}/.cache`);
  const args = ["run", "-A", "scripts/build.ts", ...TARGETS.map((target) => `--target=${target}`)];
  const { ok, output } = await runChild(Deno.execPath(), args, { cwd: folder, env });
  assert.ok(ok, output);
  const sums = await Deno.readTextFile(`${folder}/dist/SHA256SUMS`);
  assert.equal(sums.match(/^[0-9a-f]{64} {2}skychat-/gm)?.length, TARGETS.length + 1, sums);
  return sums;
}

Deno.test("two builds of the same sources agree in every byte", async () => {
  const folder = await Deno.makeTempDir({ prefix: "skychat-twice-" });
  try {
    const one = await sumsOfCopy(`${folder}/one`, { TZ: "UTC", LC_ALL: "C" });
    const other = await sumsOfCopy(`${folder}/a longer path/two`, { TZ: "Asia/Tokyo", USER: "x" });
    assert.equal(other, one);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
