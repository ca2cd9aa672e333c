/** Whether there is nothing around the built files: the executable that holds the tests looks itself. */

/** Programs that could run the sources, or fetch what the executable should hold. */
export const TOOLS_OF_SOURCES: readonly string[] = ["deno", "node", "npm", "npx"];

/** What to look at. */
export interface Surroundings {
  /** The folders that programs are looked for in, separated by colons. */
  readonly path: string;
  readonly home: string;
  /** Folders and files that must hold nothing: the sources, caches, and what belongs to the tools. */
  readonly hidden: readonly string[];
  /** `/proc/net/route` and `/proc/net/ipv6_route`. */
  readonly routes: { readonly v4: string; readonly v6: string };
}

/** Says for each thing that should not be there what it is; [] when there is nothing. */
export async function surroundingProblems(
  { path, home, hidden, routes }: Surroundings,
): Promise<string[]> {
  const problems: string[] = [];
  for (const folder of path.split(":")) {
    for (const name of TOOLS_OF_SOURCES) {
      if (await isProgram(`${folder}/${name}`)) problems.push(`PATH has ${folder}/${name}`);
    }
  }
  for (const place of hidden) {
    if (await holdsAnything(place)) problems.push(`${place} can be read`);
  }
  if (!(await isEmptyFolder(home))) problems.push(`HOME (${home}) is not an empty folder`);
  return [...problems, ...routeProblems(routes)];
}

/** The network interfaces besides loopback that something is sent to. */
function routeProblems({ v4, v6 }: Surroundings["routes"]): string[] {
  // The interface is the first column of the one, after a line of headings, and the last of the other.
  const rows = (text: string) => text.split("\n").filter((line) => line.trim() !== "");
  const names = [
    ...rows(v4).slice(1).map((row) => row.trim().split(/\s+/).at(0)),
    ...rows(v6).map((row) => row.trim().split(/\s+/).at(-1)),
  ];
  return [...new Set(names)].filter((name) => name !== "lo").map((name) =>
    `a route leads to ${name}`
  );
}

async function isProgram(path: string): Promise<boolean> {
  const found = await statOf(path);
  return found !== undefined && found.isFile && ((found.mode ?? 0o111) & 0o111) !== 0;
}

async function isEmptyFolder(path: string): Promise<boolean> {
  return (await statOf(path))?.isDirectory === true && !(await holdsAnything(path));
}

/** Whether a folder has entries, or a file bytes. */
async function holdsAnything(path: string): Promise<boolean> {
  const found = await statOf(path);
  if (found?.isDirectory) return (await Array.fromAsync(Deno.readDir(path))).length > 0;
  return found !== undefined && found.isFile && found.size > 0;
}

/** What is there, or undefined when nothing is. */
async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}
