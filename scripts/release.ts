/**
 * `deno task release`: everything that is published, in `dist/`: the executables, their parts list, the
 * licences, the Debian packages, the installer, and `SHA256SUMS` over all of them. Options are those of `deno task build`.
 *
 * What an earlier release left in `dist/` goes first, so that the folder holds one release and nothing else.
 */
import { build, buildOptions } from "./build.ts";
import { packageAll } from "./package_deb.ts";
import { DIST, INSTALLER, writeSums } from "./release_files.ts";
import { ROOT } from "./source_files.ts";
import { say } from "./terminal.ts";

async function release(args: readonly string[]): Promise<void> {
  const options = buildOptions(args);
  await Deno.remove(DIST, { recursive: true }).catch(ignoreMissing);
  await build(options);
  await packageAll();
  await Deno.copyFile(`${ROOT}scripts/${INSTALLER}`, `${DIST}/${INSTALLER}`);
  await writeSums();
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

if (import.meta.main) {
  try {
    await release(Deno.args);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
