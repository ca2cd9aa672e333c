/** Packages for tests, and whether this machine has what they need. */
import { mayBeLeftOut } from "#support/left_out.ts";
import manifest from "../../deno.json" with { type: "json" };
import { buildDeb, executableOf } from "../../scripts/package_deb.ts";
import { isInstalled } from "./scratch_root.ts";

/** Any moment will do; this one stands in the listing. */
export const EPOCH = 1_700_000_000;

/** Whether packages can be made and unpacked here. */
export const canUnpack = await isInstalled("dpkg-deb");
/** Whether lintian is here. */
export const canCheck = canUnpack && await isInstalled("lintian");
/** Whether man pages can be formatted here. */
export const canRead = canUnpack && await isInstalled("man");
/** Whether arm64 programs can run here. */
export const canEmulate = canUnpack && await isInstalled("qemu-aarch64-static");
/** Whether units can be analyzed here. */
export const canAnalyze = canUnpack && await isInstalled("systemd-analyze");
/** Folders to remove in the end. */
const folders: string[] = [];
/** Packages by what was ordered: made once, by the first test that needs it. */
const made = new Map<string, Promise<string>>();

/** Executables by architecture. */
const copies = new Map<string, Promise<string>>();

/** Takes away all that the tests of a file made: it calls this once, at the top. */
export function cleanUpInTheEnd(): void {
  Deno.test.afterAll(async () => {
    await Promise.allSettled(made.values());
    for (const folder of folders) await Deno.remove(folder, { recursive: true });
  });
}

/** A test that is left out, saying so, where something is missing. */
export function debTest(name: string, can: boolean, needs: string, fn: () => Promise<void>): void {
  Deno.test({
    name: can ? name : `${name} (not run: needs ${needs})`,
    ignore: mayBeLeftOut(can),
    fn,
  });
}

/** A folder that goes in the end. */
export async function tempFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-deb-test-" });
  folders.push(folder);
  return folder;
}

/** The package for that machine, quickly compressed. */
export function packageFor(architecture: string, version = manifest.version): Promise<string> {
  const key = `${architecture} ${version}`;
  const known = made.get(key) ?? freshPackage(architecture, version);
  made.set(key, known);
  return known;
}

/** The same, made anew. */
export async function freshPackage(
  architecture: string,
  version = manifest.version,
): Promise<string> {
  const [executable, folder] = [await executableFor(architecture), await tempFolder()];
  return await buildDeb({ architecture, version, executable, folder, epoch: EPOCH, level: 1 });
}

/** A copy of the executable: one that is built anew meanwhile must not make two packages differ. */
function executableFor(architecture: string): Promise<string> {
  const known = copies.get(architecture) ?? copyOf(executableOf(architecture));
  copies.set(architecture, known);
  return known;
}

async function copyOf(path: string): Promise<string> {
  const copy = `${await tempFolder()}/skychat`;
  await Deno.copyFile(path, copy);
  return copy;
}
