/**
 * The same sources give the same files: built in two folders, at two moments, by two environments, and
 * also from no more than the build of the image gets.
 */
import assert from "node:assert/strict";
import { filesBelow, ROOT } from "../../scripts/source_files.ts";
import { runChild } from "../../scripts/terminal.ts";
import { buildContext, type LetsIn } from "./build_context.ts";

const TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/** A copy of the sources and the environment to build it in. */
interface Copy {
  readonly folder: string;
  readonly env: Record<string, string>;
  /** Which files are in the copy. */
  readonly has: LetsIn;
}

/** Builds a copy: the sums of what came out. */
async function sumsOfCopy({ folder, env, has }: Copy): Promise<string> {
  for (const path of filesBelow("", ROOT).filter(has)) {
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
  // Beside the executables, what is inside them and under which licences.
  assert.equal(sums.match(/^[0-9a-f]{64} {2}skychat-/gm)?.length, TARGETS.length + 2, sums);
  return sums;
}

Deno.test("two builds of the same sources agree in every byte", async () => {
  const folder = await Deno.makeTempDir({ prefix: "skychat-twice-" });
  try {
    const one = await sumsOfCopy({
      folder: `${folder}/one`,
      env: { TZ: "UTC", LC_ALL: "C" },
      has: (path) => !path.startsWith("tests/"),
    });
    const other = await sumsOfCopy({
      folder: `${folder}/a longer path/two`,
      env: { TZ: "Asia/Tokyo", USER: "x" },
      has: await buildContext(),
    });
    assert.equal(other, one);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
