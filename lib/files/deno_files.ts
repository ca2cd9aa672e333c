import { concat, utf8 } from "#kit";
import { type Files, folderOf } from "./files.ts";

/** The file system of this machine. */
export const denoFiles: Files = {
  async read(path, most) {
    const status = await unlessMissing(Deno.stat(path));
    if (status === undefined) return undefined;
    // Opening a pipe would wait for its writer.
    if (!status.isFile) throw new Error("not a regular file");
    using file = await Deno.open(path);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readBounded(file, most));
  },
  async write(path, text) {
    // Removed and made anew: an old one may be a link, or readable for others.
    await unlessMissing(Deno.remove(path));
    using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    await writeAll(file, utf8(text));
    await file.sync();
  },
  async rename(from, to) {
    await Deno.rename(from, to);
    await syncFolder(folderOf(to));
  },
  async makeFolder(path) {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  },
  async append(path, text) {
    using file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
    await writeAll(file, utf8(text));
    await file.syncData();
  },
  async list(path) {
    const names: string[] = [];
    try {
      for await (const { isDirectory, name } of Deno.readDir(path)) {
        if (isDirectory) names.push(name);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return names;
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

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
}

/** So that the new name survives a power cut. Where folders cannot be opened it has to do without. */
async function syncFolder(path: string): Promise<void> {
  try {
    using folder = await Deno.open(path);
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
