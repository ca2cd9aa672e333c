/** A place on this machine where there is nothing but the built files, and no network beyond loopback. */
import { TOOLS_OF_SOURCES } from "./artifact_surroundings.ts";
import { ROOT } from "./source_files.ts";
import { runChild } from "./terminal.ts";

/**
 * Where the place is made: a folder that every Linux has and that is not among those it hides. On disk, as
 * the temporary files of other runs are.
 */
const PARENT = "/var/tmp";

const NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/** Runs inside: hides what must not be there, and becomes the command. */
const SETUP = `
set -eu
place=$1
ip link set lo up
shift
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then
    mount -t tmpfs -o mode=1777 hidden "$1"
  elif [ -e "$1" ]; then
    mount --bind /dev/null "$1"
  fi
  shift
done
shift
cd "$place/work"
exec "$@"
`;

/** Flags of `unshare` that work here: as root, or with a user namespace; undefined when neither does. */
export async function findNamespaces(): Promise<readonly string[] | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  for (const flags of [NAMESPACES, ["--map-root-user", ...NAMESPACES]]) {
    if ((await runChild("unshare", [...flags, "ip", "link", "set", "lo", "up"])).ok) return flags;
  }
  return undefined;
}

/** A folder to work in, with an empty HOME and room for temporary files, that goes away with all in it. */
export class Place implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes one. */
  static async make(): Promise<Place> {
    const folder = await Deno.makeTempDir({ dir: PARENT, prefix: "skychat-artifacts-" });
    for (const name of ["bin", "home", "tmp", "work"]) await Deno.mkdir(`${folder}/${name}`);
    return new Place(folder);
  }

  /** What a program in there is started with, and nothing of the caller's but the language and time zone. */
  environment(path: string): Record<string, string> {
    const { folder } = this;
    const kept: Record<string, string> = {
      PATH: path,
      HOME: `${folder}/home`,
      TMPDIR: `${folder}/tmp`,
      NO_COLOR: "1",
    };
    for (const name of ["LANG", "LC_ALL", "TZ", "SKYCHAT_STRICT"]) {
      const value = Deno.env.get(name);
      if (value !== undefined) kept[name] = value;
    }
    return kept;
  }

  /**
   * Copies a file to the place's `bin/`, which is not in PATH, and returns where it is. A copy, because what
   * is in `dist/` may be built again meanwhile.
   */
  async put(name: string, file: string): Promise<string> {
    const path = `${this.folder}/bin/${name}`;
    await Deno.copyFile(file, path);
    return path;
  }

  /**
   * The command that runs another one in this place, as {@link findNamespaces} said it can; in there the
   * `hidden` folders are empty, and the `hidden` files cannot be run.
   */
  confined(
    flags: readonly string[],
    hidden: readonly string[],
    command: readonly string[],
  ): { cmd: string; args: string[] } {
    const setup = ["sh", "-c", SETUP, "confined", this.folder];
    return { cmd: "unshare", args: [...flags, ...setup, ...hidden, "--", ...command] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/**
 * What must not be there: the sources, the person's own folder, the caches of Deno and npm, what belongs to
 * npm, the temporary files of others, and the programs that could use them.
 */
export async function placesToHide(): Promise<string[]> {
  const { output } = await runChild(Deno.execPath(), ["info", "--json"]);
  const { denoDir } = JSON.parse(output);
  const folders = [
    ROOT.replace(/\/$/, ""),
    Deno.env.get("HOME"),
    denoDir,
    Deno.env.get("npm_config_cache"),
    "/tmp",
  ];
  const programs = [Deno.execPath(), ...await toolsInPath()];
  const real = await Promise.all(programs.map((path) => Deno.realPath(path)));
  const ofNpm = real.map((path) => /^.*?\/node_modules(?=\/)/.exec(path)?.[0]);
  // HOME is / in some containers, and that cannot be hidden.
  const all = [...folders, ...ofNpm, ...programs]
    .filter((path) => path !== undefined && path !== "" && path !== "/");
  return [...new Set(all)].filter((path) => typeof path === "string");
}

/** PATH without the folders that are hidden. */
export function pathOutside(hidden: readonly string[], path = Deno.env.get("PATH") ?? ""): string {
  return path.split(":").filter((folder) =>
    !hidden.some((place) => folder === place || folder.startsWith(`${place}/`))
  ).join(":");
}

/** Where PATH has the programs that use the sources. */
async function toolsInPath(): Promise<string[]> {
  const found: string[] = [];
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    for (const name of TOOLS_OF_SOURCES) {
      const path = `${folder}/${name}`;
      const there = await Deno.stat(path).then(({ isFile }) => isFile, () => false);
      if (there) found.push(path);
    }
  }
  return found;
}
