/**
 * The few things that settings files need from a file system. `deno_files.ts` is the real one,
 * `memory_files.ts` its twin. Every method rejects with an error whose text is fit for a log line.
 */
export interface ContactFiles {
  /**
   * The text of a regular file, or undefined when there is none. Rejects when it has more than `most`
   * bytes or is not UTF-8, before all of it is in memory.
   */
  read(path: string, most: number): Promise<string | undefined>;
  /** Makes the folder of this file, private to the user, if it is not there. */
  makeFolderOf(path: string): Promise<void>;
  /** Makes or replaces a file, private to the user; on disk when it resolves. */
  write(path: string, text: string): Promise<void>;
  /** Puts a file in the place of another, at once; on disk when it resolves. */
  rename(from: string, to: string): Promise<void>;
}
