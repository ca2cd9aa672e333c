/**
 * The few things that what we keep in plain files needs from a file system. `deno_files.ts` is the real
 * one, `memory_files.ts` its twin. Every method rejects with an error whose text is fit for a log line.
 */
export interface Files {
  /**
   * The text of a regular file, or undefined when there is none. Rejects when it has more than `most`
   * bytes or is not UTF-8, before all of it is in memory.
   */
  read(path: string, most: number): Promise<string | undefined>;
  /** Makes or replaces a file, private to the user; on disk when it resolves. */
  write(path: string, text: string): Promise<void>;
  /** Puts a file in the place of another, at once; on disk when it resolves. */
  rename(from: string, to: string): Promise<void>;
  /** Makes a folder and those above it, private to the user, where they are not there. */
  makeFolder(path: string): Promise<void>;
  /**
   * Adds to the end of a file, which is made, private to the user, where there is none; on disk when it
   * resolves. A failure may leave a part.
   */
  append(path: string, text: string): Promise<void>;
  /** Names of the folders in a folder, in no order; none where it is not there. */
  list(path: string): Promise<string[]>;
}

/** The folder that a file is in, for {@link Files.makeFolder}. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1) || ".";
}
