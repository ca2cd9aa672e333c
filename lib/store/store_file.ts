import { utf8, utf8Text } from "#kit";
import { openingError, StoreError } from "./store_error.ts";

/**
 * SQLite's field for whose database a file is, at offset 68 of its first page. SQLite carries it
 * along for ever, so a store is told from every other file by its first 100 bytes, whatever state a
 * crash left it in.
 */
const APPLICATION_ID = "skyc";
const APPLICATION_ID_OFFSET = 68;
const HEADER_BYTES = 100;
const SQLITE_MAGIC = "SQLite format 3\0";

/** What lies at the path of a store. */
export type Found = "nothing" | "store";

/**
 * Looks at what is there, by bytes alone: opening a foreign database would already change it.
 *
 * @throws {StoreError} `foreign`, `unusable`
 */
export async function inspectStore(path: string): Promise<Found> {
  const info = await statOf(path);
  if (info === undefined) return "nothing";
  if (!info.isFile) throw foreign(path, info.isDirectory ? "a directory" : "no ordinary file");
  const header = await readHeader(path);
  // Whoever made an empty file, `mktemp` for example, meant it to be filled.
  if (header.length === 0) return "nothing";
  const what = kindOf(header);
  if (what === undefined) return "store";
  throw foreign(path, what);
}

/** What a foreign header is; undefined for one of ours. */
function kindOf(header: Uint8Array): string | undefined {
  if (utf8Text(header.subarray(0, 16)) === SQLITE_MAGIC) {
    const id = header.subarray(APPLICATION_ID_OFFSET, APPLICATION_ID_OFFSET + 4);
    return utf8Text(id) === APPLICATION_ID ? undefined : "another program's SQLite database";
  }
  // BoltDB: 16 bytes of page header, then its magic (history.md, appendix A).
  if (header.length >= 20) {
    const magic = new DataView(header.buffer, header.byteOffset).getUint32(16, true);
    if (magic === 0xed0cdaed) return "a BoltDB database";
  }
  return "no store of skychat";
}

/** Creates the folder of a path for its owner only, where it is missing. */
export async function createFolder(path: string): Promise<void> {
  const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
  if (folder === "") return;
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw openingError(`create the folder of ${path}`, error);
  }
}

/**
 * Makes an empty store, readable by its owner only, and puts it in place whole: whatever crash
 * happens, the path has no file or a complete store. `fill` writes the first rows.
 *
 * @throws {StoreError} `unusable`
 */
export async function createStore(
  path: string,
  fill: (kv: Deno.Kv) => Promise<unknown>,
): Promise<void> {
  for (const rest of ["-wal", "-shm", "-journal"]) {
    if (await statOf(`${path}${rest}`) === undefined) continue;
    throw new StoreError(
      "unusable",
      `found ${path}${rest} without ${path}: move it away, or put its database back`,
    );
  }
  const draft = `${path}.new`;
  try {
    for (const rest of ["", "-wal", "-shm"]) await removeIfThere(`${draft}${rest}`);
    // SQLite gives its side files the permissions of the database.
    (await Deno.open(draft, { write: true, createNew: true, mode: 0o600 })).close();
    const kv = await Deno.openKv(draft);
    try {
      await fill(kv);
    } finally {
      kv.close();
    }
    await stamp(draft);
    await Deno.rename(draft, path);
  } catch (error) {
    await removeIfThere(draft).catch(() => {});
    throw openingError(`create ${path}`, error);
  }
}

/** Gives a file and its side files to the owner alone, where an older umask or copy did not. */
export async function makePrivate(path: string): Promise<void> {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    const mode = (await statOf(file))?.mode;
    if (mode === undefined || mode === null || (mode & 0o077) === 0) continue;
    try {
      await Deno.chmod(file, 0o600);
    } catch (error) {
      throw openingError(`make ${file} private`, error);
    }
  }
}

/** Marks a closed database as ours. */
async function stamp(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await file.seek(APPLICATION_ID_OFFSET, Deno.SeekMode.Start);
  await file.write(utf8(APPLICATION_ID));
  await file.sync();
}

async function readHeader(path: string): Promise<Uint8Array> {
  try {
    using file = await Deno.open(path);
    const header = new Uint8Array(HEADER_BYTES);
    let length = 0;
    while (length < HEADER_BYTES) {
      const count = await file.read(header.subarray(length));
      if (count === null) break;
      length += count;
    }
    return header.subarray(0, length);
  } catch (error) {
    throw openingError(`read ${path}`, error);
  }
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw openingError(`look at ${path}`, error);
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function foreign(path: string, what: string): StoreError {
  return new StoreError(
    "foreign",
    `${path} is ${what}, not a history of this program: it is left as it is; choose another file`,
  );
}
