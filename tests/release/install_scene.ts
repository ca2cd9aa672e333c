/**
 * A folder with a release of stand-ins and room to install them, for the tests of `scripts/install.sh`.
 */
import { mayBeLeftOut } from "#support/left_out.ts";
import { ROOT } from "#support/spawn.ts";
import { fileSha256 } from "../../scripts/release_files.ts";

/** The script under test. */
export const SCRIPT = `${ROOT}scripts/install.sh`;
/** What the releases of the tests are for. */
export const X86 = "x86_64-unknown-linux-gnu";
export const ARM = "aarch64-unknown-linux-gnu";
/** A folder with a release of stand-ins in `files`, and room for what is installed. */
export interface Scene {
  readonly root: string;
  readonly files: string;
  readonly prefix: string;
  readonly installed: string;
}

/** How a program ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a release has for an executable: it says its version, and completions. */
export function standIn(version: string, before = ""): string {
  return `#!/bin/sh\n${before}\n[ "$1" = --version ] && echo "skychat ${version}" || echo "# $*"\n`;
}

/** Runs a test with a scene of its own, for Linux on x86-64, and clears that away. */
export async function inScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "skychat install " });
  const prefix = `${root}/to here`;
  try {
    await Deno.chmod(root, 0o755);
    const scene = { root, files: `${root}/-rel`, prefix, installed: `${prefix}/bin/skychat` };
    for (const folder of ["-rel", "tools", "home"]) await Deno.mkdir(`${root}/${folder}`);
    await Deno.copyFile(SCRIPT, `${scene.files}/install.sh`);
    await tools(scene, { uname: machine("Linux", "x86_64") });
    await release(scene, { [X86]: standIn("1.2.3"), [ARM]: standIn("1.2.3", "# arm") });
    await body(scene);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Replaces the executables of the release, of this version, and its sums. */
export async function release(
  scene: Scene,
  programs: Record<string, string>,
  version = "1.2.3",
): Promise<void> {
  let sums = "";
  for (const [target, text] of Object.entries(programs)) {
    const name = `skychat-${version}-${target}`;
    await Deno.writeTextFile(`${scene.files}/${name}`, text);
    sums += `${await fileSha256(`${scene.files}/${name}`)}  ${name}\n`;
  }
  await Deno.writeTextFile(`${scene.files}/SHA256SUMS`, sums);
}

/** Puts programs of shell text before all others. */
export async function tools(scene: Scene, programs: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(programs)) {
    await Deno.writeTextFile(`${scene.root}/tools/${name}`, `#!/bin/sh\n${text}\n`, {
      mode: 0o755,
    });
  }
}

/** Changes the text of SHA256SUMS. */
export function changeSums(
  { files }: Scene,
  change: (text: string) => string,
): Promise<void> {
  const path = `${files}/SHA256SUMS`;
  return Deno.writeTextFile(path, change(Deno.readTextFileSync(path)));
}

/** Runs a program in the scene's root with a bare environment. */
export async function start(
  scene: Scene,
  command: readonly string[],
  path?: string,
): Promise<Outcome> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args,
    cwd: scene.root,
    clearEnv: true,
    env: {
      PATH: path ?? `${scene.root}/tools:${Deno.env.get("PATH")}`,
      HOME: `${scene.root}/home`,
    },
    stdin: "null",
  });
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array<ArrayBuffer>) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs the script beside the release. */
export function install(scene: Scene, ...args: string[]): Promise<Outcome> {
  return start(scene, ["sh", `${scene.files}/install.sh`, "--prefix", scene.prefix, ...args]);
}

/** Every path below the folder with its size, mode and time. */
export function tree(folder: string): string[] {
  const found: string[] = [];
  try {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = `${folder}/${name}`;
      const { size, mode, mtime } = Deno.lstatSync(path);
      found.push(`${path} ${size} ${mode} ${mtime?.getTime()}`);
      if (isDirectory) found.push(...tree(path));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** Where a program is on the PATH of the tests. */
export function which(program: string): string | undefined {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    try {
      if (Deno.statSync(`${folder}/${program}`).isFile) return `${folder}/${program}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** Programs that `.ci/run` does not see to: tests with them are left out wherever they are missing. */
const EXTRA = ["busybox", "shasum", "openssl"];

/** A test that needs a file: where that is missing it says so in its name and is left out. */
export function testWith(needed: string, name: string, fn: () => Promise<void>): void {
  const path = needed.startsWith("/") ? needed : which(needed) ?? "";
  let isThere = true;
  try {
    Deno.statSync(path);
  } catch {
    isThere = false;
  }
  const suffix = isThere ? "" : ` (not run: ${needed} is missing)`;
  const ignore = EXTRA.includes(needed) ? !isThere : mayBeLeftOut(isThere);
  Deno.test({ name: name + suffix, ignore, fn });
}

/** The shell text of a `uname` for such a machine. */
export function machine(system: string, processor: string): string {
  return `[ "$1" = -s ] && echo ${system} || echo ${processor}`;
}
