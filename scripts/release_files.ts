/** What a release consists of: names, and the sums of all that is there. */
import manifest from "../deno.json" with { type: "json" };
import { filesBelow, ROOT } from "./source_files.ts";
import { say } from "./terminal.ts";

/** Where everything that is built ends up. */
export const DIST = `${ROOT}dist`;

/** The one place of the version is deno.json. */
export const VERSION: string = manifest.version;

/** Name of the sums, in the form of `sha256sum`. */
export const SUMS = "SHA256SUMS";

/** Name of the executable for a target. */
export function executableName(target: string, version = VERSION): string {
  return `skychat-${version}-${target}${target.includes("windows") ? ".exe" : ""}`;
}

/** SHA-256 in hex. */
export async function sha256(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}

/** Whether a file in the folder belongs to the release of this version. */
export function isReleased(name: string, version = VERSION): boolean {
  const own = name.startsWith(`skychat-${version}-`) || name.startsWith(`skychat_${version}_`);
  return own || name === `skychat-${version}.cdx.json` || name === "install.sh";
}

/** Writes the sums of everything released that is in the folder, sorted by name; returns the text. */
export async function writeSums(folder = DIST, version = VERSION): Promise<string> {
  const names = filesBelow("", folder).filter((name) => isReleased(name, version));
  const lines: string[] = [];
  for (const name of names) lines.push(`${await sha256(`${folder}/${name}`)}  ${name}\n`);
  const text = lines.join("");
  await Deno.writeTextFile(`${folder}/${SUMS}`, text);
  say(`${SUMS}: ${names.length} files`);
  return text;
}
