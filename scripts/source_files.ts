/** Which files the project consists of: what the checks walk over. */
import { fileURLToPath } from "node:url";

/** The repository's folder, with a slash at the end. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** Tests with a configuration of their own. */
export const BROWSER_TESTS = "tests/browser/";

/** Folders that hold nothing of ours. */
const SKIPPED = new Set([".git", ".cache", "build", "coverage", "dist", "local", "node_modules"]);

/** Every file below `folder` of `root`, sorted, as paths relative to `root`; [] without the folder. */
export function filesBelow(folder: string, root = ROOT): string[] {
  const found: string[] = [];
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(`${root}/${folder}`)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  for (const entry of entries) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isFile) found.push(path);
    else if (entry.isDirectory && !SKIPPED.has(entry.name)) found.push(...filesBelow(path, root));
  }
  return found.sort();
}

/**
 * The TypeScript and JavaScript of the project; without the browser tests, whose packages and types
 * are not those of the rest.
 */
export function sourceFiles(root = ROOT): string[] {
  return filesBelow("", root).filter((path) =>
    /^(main\.ts$|(lib|cli|scripts|tests)\/)/.test(path) && /\.(ts|js)$/.test(path) &&
    !path.startsWith(BROWSER_TESTS)
  );
}
