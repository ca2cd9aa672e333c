/**
 * Text files that only the user may read, whole after a crash; with a twin in memory whose disk can be
 * made to fail.
 *
 * Above `#kit`; `#contacts` and `#group` keep their settings and records through {@link Files}, `#app`
 * hands them {@link denoFiles}. It knows no format and no place: what a file holds and where it is, is
 * the business of whoever asks. What writes a file anew writes another beside it and renames that.
 *
 * @example
 * ```ts
 * import { type Files, folderOf, MemoryFiles } from "#files";
 *
 * async function replace(files: Files, path: string, text: string): Promise<void> {
 *   await files.makeFolder(folderOf(path));
 *   await files.write(`${path}.tmp`, text);
 *   await files.rename(`${path}.tmp`, path);
 * }
 *
 * const files = new MemoryFiles();
 * await replace(files, "data/names.json", "old");
 * files.stepsLeft = 2;
 * await replace(files, "data/names.json", "new").catch(() => "the disk is full");
 * console.assert(await files.read("data/names.json", 100) === "old");
 * ```
 *
 * @module
 */
export { denoFiles } from "./deno_files.ts";
export { type Files, folderOf } from "./files.ts";
export { MemoryFiles } from "./memory_files.ts";
