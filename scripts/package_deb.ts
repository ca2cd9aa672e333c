/**
 * `deno task deb`: the Debian packages, `dist/skychat_<version>_amd64.deb` and `…_arm64.deb`, from the
 * executables that `deno task build` left in `dist/`.
 *
 * The same executables and sources give the same bytes: every date in a package is SOURCE_DATE_EPOCH,
 * or without it that of the last commit. Needs dpkg-deb, which every Debian has.
 */
import { dirname } from "node:path";
import { controlFiles, FOLDER_MODE, installedFiles, type PackedFile } from "./deb_contents.ts";
import { debianVersion, DIST, executableName, fileSha256, VERSION } from "./release_files.ts";
import { ROOT } from "./source_files.ts";
import { runChild, say } from "./terminal.ts";

/** Debian's name of a machine -> what the build calls it. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: "x86_64-unknown-linux-gnu",
  arm64: "aarch64-unknown-linux-gnu",
};

/** What xz is asked for: 25 MB in 16 s instead of 29 MB in 3 s at level 1. */
const RELEASE_LEVEL = 6;

/** One package to make. */
export interface DebOrder {
  /** Debian's name of the machine. */
  readonly architecture: string;
  /** Path of the executable, that of {@link executableOf} if not given. */
  readonly executable?: string;
  /** Folder for the package. */
  readonly folder: string;
  /** Seconds since 1970 for every date in it. */
  readonly epoch: number;
  /** Version of the package, that of deno.json if not given. */
  readonly version?: string;
  /** xz's level, 0 to 9. */
  readonly level?: number;
}

/** The executable of that machine, as `deno task build` names it. */
export function executableOf(architecture: string): string {
  return `${DIST}/${executableName(ARCHITECTURES[architecture] ?? architecture)}`;
}

/**
 * Makes one package and returns its path.
 *
 * @throws {Error} when dpkg-deb or the executable is missing; the text says what to do.
 */
export async function buildDeb(order: DebOrder): Promise<string> {
  const { architecture, folder, epoch, level = RELEASE_LEVEL } = order;
  const { executable = executableOf(architecture) } = order;
  await requireExecutable(executable, architecture);
  const version = debianVersion(order.version ?? VERSION);
  const facts = { version, architecture, executable, date: new Date(epoch * 1000) };
  const staging = await Deno.makeTempDir({ prefix: "skychat-deb-" });
  try {
    const files = await installedFiles(facts);
    await writeFiles(`${staging}/root`, files);
    await writeFiles(`${staging}/root/DEBIAN`, await controlFiles(files, facts));
    const name = `skychat_${version}_${architecture}.deb`;
    const args = ["--root-owner-group", "-Zxz", `-z${level}`, "--build", `${staging}/root`];
    const { ok, output } = await runChild("dpkg-deb", [...args, `${staging}/${name}`], {
      env: { SOURCE_DATE_EPOCH: String(epoch) },
    });
    if (!ok) throw new Error(`Cannot make ${name}: ${output.trim()}`);
    await Deno.mkdir(folder, { recursive: true });
    // Only a whole package gets the name that people look for.
    await Deno.copyFile(`${staging}/${name}`, `${folder}/${name}.part`);
    await Deno.rename(`${folder}/${name}.part`, `${folder}/${name}`);
    return `${folder}/${name}`;
  } finally {
    await Deno.remove(staging, { recursive: true });
  }
}

async function requireExecutable(path: string, architecture: string): Promise<void> {
  try {
    await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(
      `No ${path.replace(ROOT, "")}: run deno task build --target ${ARCHITECTURES[architecture]}`,
    );
  }
}

/** Writes the files and their folders, with modes that do not depend on who builds. */
async function writeFiles(root: string, files: readonly PackedFile[]): Promise<void> {
  for (const { path, mode, bytes } of files) {
    await makeFolder(dirname(`${root}/${path}`));
    await Deno.writeFile(`${root}/${path}`, bytes);
    await Deno.chmod(`${root}/${path}`, mode);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await makeFolder(dirname(path));
    await Deno.mkdir(path);
    await Deno.chmod(path, FOLDER_MODE);
  }
}

/**
 * SOURCE_DATE_EPOCH, or the time of the last commit.
 *
 * @throws {Error} when there is neither, or the variable is no number of seconds.
 */
export async function sourceDate(given: string | undefined): Promise<number> {
  if (given !== undefined && !/^\d{1,11}$/.test(given)) {
    throw new Error(`SOURCE_DATE_EPOCH is "${given}": it must be seconds since 1970`);
  }
  if (given !== undefined) return Number(given);
  const { ok, output } = await runChild("git", ["log", "-1", "--format=%ct"], { cwd: ROOT });
  if (!ok || !/^\d+$/.test(output.trim())) {
    throw new Error("Set SOURCE_DATE_EPOCH: without git there is no date for the packages");
  }
  return Number(output.trim());
}

async function requireDpkg(): Promise<void> {
  const { ok } = await runChild("dpkg-deb", ["--version"]);
  if (!ok) throw new Error("dpkg-deb is not installed: packages are made on Debian or Ubuntu");
}

/** Makes the packages for both machines from the executables in `dist/`, into `dist/`. */
export async function packageAll(): Promise<void> {
  await requireDpkg();
  for (const name of Object.keys(ARCHITECTURES)) await requireExecutable(executableOf(name), name);
  const epoch = await sourceDate(Deno.env.get("SOURCE_DATE_EPOCH"));
  for (const architecture of Object.keys(ARCHITECTURES)) {
    const start = performance.now();
    const path = await buildDeb({ architecture, folder: DIST, epoch });
    const { size } = await Deno.stat(path);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    say(`made ${path.slice(ROOT.length)} in ${seconds} s: ${Math.round(size / 1024)} KiB`);
    say(`SHA-256 ${await fileSha256(path)}`);
  }
}

if (import.meta.main) {
  try {
    await packageAll();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
