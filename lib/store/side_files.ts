import { errorText } from "#kit";
import { StoreError } from "./store_error.ts";

/** What lies beside a database and belongs to it: SQLite's three files and the lock. */
const SIDE_FILES = ["-wal", "-shm", "-journal", ".lock"] as const;

/**
 * Looks at the files beside a database before anything opens them. A pipe there would stop the
 * program for ever, a directory ends the runtime, a symbolic link leads into a file of somebody else,
 * and a database with two names has two logs, of which each process would see only its own.
 *
 * @throws {StoreError} `unusable`; nothing was touched
 */
export async function inspectSideFiles(path: string): Promise<void> {
  for (const rest of SIDE_FILES) {
    const file = `${path}${rest}`;
    const info = await lookAt(file);
    if (info === undefined || info.isFile) continue;
    throw unusable(`${file} is ${kindOf(info)}, which the history cannot use: move it away`);
  }
  const info = await lookAt(path);
  if (info?.isSymlink) {
    throw unusable(
      `${path} is a symbolic link to nothing: bring back what it leads to, or move it away`,
    );
  }
  if ((info?.nlink ?? 1) > 1) {
    throw unusable(
      `${path} has a second name (a hard link), under which another process may write to it: ` +
        "delete the other name, or make a copy and use that",
    );
  }
}

/** What is there itself, links not followed; undefined for nothing. */
async function lookAt(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw unusable(`cannot look at ${path}: ${errorText(error)}`);
  }
}

function kindOf(info: Deno.FileInfo): string {
  if (info.isDirectory) return "a directory";
  if (info.isSymlink) return "a symbolic link";
  if (info.isFifo) return "a named pipe";
  if (info.isSocket) return "a socket";
  return "a device";
}

function unusable(text: string): StoreError {
  return new StoreError("unusable", text);
}
