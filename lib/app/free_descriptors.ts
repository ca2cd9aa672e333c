/** A file that every system we know of but Windows has, and that needs no permission of its own. */
const EMPTY_FILE = "/dev/null";

/**
 * How many files and connections the process can still open, at most `most`; undefined where that
 * cannot be found out. It opens so many and closes them at once: the runtime keeps a program from
 * `/proc/self/limits`. To be asked before anybody is served.
 */
export function freeDescriptors(most: number): number | undefined {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < most) files.push(Deno.openSync(EMPTY_FILE));
    return most;
  } catch (error) {
    return isExhausted(error) ? files.length : undefined;
  } finally {
    for (const file of files) file.close();
  }
}

function isExhausted(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    (error.code === "EMFILE" || error.code === "ENFILE");
}
