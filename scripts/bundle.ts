/** The program in a few files, which is what gets compiled. */
import { withAsciiOnly, withoutMachineNames } from "./bundle_names.ts";
import { filesBelow, ROOT } from "./source_files.ts";
import { runChild } from "./terminal.ts";

/** What to bundle. */
export interface BundleRequest {
  /** The module that runs first; its part becomes `main.js` when it is called `main.ts`. */
  readonly entry: string;
  /** Where the parts go; whatever is in it is removed. */
  readonly folder: string;
}

/**
 * Bundles a module and all it imports: one part for what always runs, and parts that are loaded when
 * they are needed. `--version` then reads an eighth of the code. The same sources give the same bytes.
 *
 * @throws {Error} with what the bundler said
 */
export async function bundle({ entry, folder }: BundleRequest): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  const args = ["bundle", "--quiet", "--frozen", "--code-splitting", "--outdir", folder, entry];
  const { ok, output } = await runChild(Deno.execPath(), args, { cwd: ROOT });
  if (!ok) throw new Error(`Cannot bundle ${entry}\n${output}`);
  const parts = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    parts.set(name, await Deno.readTextFile(`${folder}/${name}`));
    await Deno.remove(`${folder}/${name}`);
  }
  for (const [name, code] of withoutMachineNames(parts)) {
    await Deno.writeTextFile(`${folder}/${name}`, withAsciiOnly(code));
  }
  // Its own configuration: with the project's, every package of the lock would be embedded.
  await Deno.writeTextFile(`${folder}/deno.json`, `{ "unstable": ["kv"] }\n`);
  for (const name of filesBelow("", folder)) {
    // The executable records when its files were written: the same moment, for the same bytes.
    await Deno.utime(`${folder}/${name}`, 0, 0);
  }
}

/** Size of the parts in KiB. */
export function bundleSize(folder: string): number {
  const bytes = filesBelow("", folder).map((name) => Deno.statSync(`${folder}/${name}`).size);
  return Math.round(bytes.reduce((sum, size) => sum + size, 0) / 1024);
}
