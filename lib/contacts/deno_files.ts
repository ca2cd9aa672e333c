import { concat } from "#kit";
import type { ContactFiles } from "./contact_files.ts";

/** The file system of this machine. */
export const denoFiles: ContactFiles = {
  async read(path, most) {
    const status = await unlessMissing(Deno.stat(path));
    if (status === undefined) return undefined;
    // Opening a pipe would wait for its writer.
    if (!status.isFile) throw new Error("not a regular file");
    using file = await Deno.open(path);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readBounded(file, most));
  },
  async makeFolderOf(path) {
    await Deno.mkdir(folderOf(path), { recursive: true, mode: 0o700 });
  },
  async write(path, text) {
    // Removed and made anew: an old one may be a link, or readable for others.
    await unlessMissing(Deno.remove(path));
    using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    let rest: Uint8Array = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
    await file.sync();
  },
  async rename(from, to) {
    await Deno.rename(from, to);
    await syncFolderOf(to);
  },
};

async function readBounded(file: Deno.FsFile, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const part = new Uint8Array(65_536);
    const count = await file.read(part);
    if (count === null) return concat(...parts);
    total += count;
    if (total > most) throw new Error(`more than ${most} bytes`);
    parts.push(part.subarray(0, count));
  }
}

/** So that the new name survives a power cut. Where folders cannot be opened it has to do without. */
async function syncFolderOf(path: string): Promise<void> {
  try {
    using folder = await Deno.open(folderOf(path));
    await folder.sync();
  } catch {
    return;
  }
}

async function unlessMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1) || ".";
}
