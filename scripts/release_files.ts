/** What a release consists of: names, and the sums of all that is there. */
import manifest from "../deno.json" with { type: "json" };
import { filesBelow, ROOT } from "./source_files.ts";
import { say } from "./terminal.ts";

/** Where everything that is built ends up. */
export const DIST = `${ROOT}dist`;

/** The one place of the version is deno.json. */
export const VERSION: string = manifest.version;

/** Name of the executable for a target. */
export function executableName(target: string): string {
  return `skychat-${VERSION}-${target}${target.includes("windows") ? ".exe" : ""}`;
}

/** What is inside the executables. */
export const PARTS_LIST = `skychat-${VERSION}.cdx.json`;

/** Who wrote what is inside, and under which licences: these ask to be handed on with every copy. */
export const LICENCES = `skychat-${VERSION}.licences.txt`;

/** Removes the executables for these targets, where there are any. */
export async function removeExecutables(targets: readonly string[], folder = DIST): Promise<void> {
  for (const target of targets) {
    await Deno.remove(`${folder}/${executableName(target)}`).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** SHA-256 in hex. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** The SHA-256 of a file. */
export async function fileSha256(path: string): Promise<string> {
  return await sha256(await Deno.readFile(path));
}

/** A version as Debian orders it: `1.0.0-rc.1` comes before `1.0.0`. */
export function debianVersion(version: string): string {
  return version.replace("-", "~").replaceAll("-", ".");
}

/** Whether a file of `dist/` belongs to the release of a version. */
export function isReleased(name: string, version = VERSION): boolean {
  return name.startsWith(`skychat-${version}-`) || name === `skychat-${version}.cdx.json` ||
    name === `skychat-${version}.licences.txt` ||
    name.startsWith(`skychat_${debianVersion(version)}_`) && name.endsWith(".deb") ||
    name === INSTALLER;
}

/** What people install a release with, beside the executables. */
export const INSTALLER = "install.sh";

/** Writes the sums of everything released that is in a folder, sorted by name, as `sha256sum` does. */
export async function writeSums(folder = DIST): Promise<void> {
  const names = filesBelow("", folder).filter((name) => isReleased(name));
  const lines: string[] = [];
  for (const name of names) lines.push(`${await fileSha256(`${folder}/${name}`)}  ${name}\n`);
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, lines.join(""));
  say(`SHA256SUMS: ${names.length} files`);
}
