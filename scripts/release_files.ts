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

/** SHA-256 in hex. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** The SHA-256 of a file. */
export async function fileSha256(path: string): Promise<string> {
  return await sha256(await Deno.readFile(path));
}

/** Whether a file in `dist/` belongs to the release of this version. */
function isReleased(name: string): boolean {
  const own = name.startsWith(`skychat-${VERSION}-`) || name.startsWith(`skychat_${VERSION}_`);
  return own || name === `skychat-${VERSION}.cdx.json` || name === "install.sh";
}

/** Writes the sums of everything released that is in `dist/`, sorted by name, as `sha256sum` does. */
export async function writeSums(): Promise<void> {
  const names = filesBelow("", DIST).filter(isReleased);
  const lines: string[] = [];
  for (const name of names) lines.push(`${await fileSha256(`${DIST}/${name}`)}  ${name}\n`);
  await Deno.writeTextFile(`${DIST}/SHA256SUMS`, lines.join(""));
  say(`SHA256SUMS: ${names.length} files`);
}
