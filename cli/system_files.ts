import { errorText } from "#kit";
import { CliError } from "./errors.ts";
import type { ByteSource, FileDraft } from "./io.ts";

/** Bytes read from a file at once. Ours. */
const READ_BYTES = 65_536;
/** Begins the name of a file in the making. */
const DRAFT_PREFIX = ".skychat-";

/** A file for reading, or standard input as `-`; it is opened when its first bytes are wanted. */
export async function openFile(path: string): Promise<ByteSource> {
  if (path === "-") {
    const chunks = piecesOf(() => Promise.resolve(STANDARD_INPUT), "stdin");
    return { size: undefined, chunks };
  }
  const { isFile, isDirectory, size } = await naming(path, () => Deno.stat(path));
  if (isDirectory) throw new CliError(`${path}: is a directory`);
  const open = () => naming(path, () => Deno.open(path));
  return { size: isFile ? size : undefined, chunks: piecesOf(open, path) };
}

/** Standard input stays open: it is not ours. */
const STANDARD_INPUT = { read: (buffer: Uint8Array) => Deno.stdin.read(buffer), close() {} };

/** Links that lead to links: as many as Linux follows. */
const MOST_LINKS = 40;

/** Starts a file that appears under its name, or that of its link's target, only when it is whole. */
export async function draftFile(
  path: string,
  { makeFolder = false }: { readonly makeFolder?: boolean } = {},
): Promise<FileDraft> {
  const target = await naming(path, () => behindLinks(path));
  const there = await naming(path, () => Deno.lstat(target).catch(unlessMissing));
  if (there?.isDirectory) throw new CliError(`${path}: is a directory`);
  if (there !== undefined && !there.isFile) return await writeDirectly(path);
  const folder = folderOf(target);
  if (makeFolder) {
    await naming(folder, () => Deno.mkdir(folder, { recursive: true, mode: 0o700 }));
  } else await checkFolder(folder);
  // Made with mode 0600.
  const draft = await naming(path, () => Deno.makeTempFile({ dir: folder, prefix: DRAFT_PREFIX }));
  const file = await naming(path, () => Deno.open(draft, { write: true }));
  let state: "open" | "closed" | "gone" = "open";
  const close = () => {
    if (state === "open") file.close();
    state = "closed";
  };
  return {
    replaces: there !== undefined,
    write: (bytes) => naming(path, () => writeAll(file, bytes)),
    async commit() {
      await naming(path, async () => {
        await file.sync();
        close();
        await Deno.rename(draft, target);
        state = "gone";
      });
    },
    async discard() {
      if (state === "gone") return;
      close();
      state = "gone";
      await Deno.remove(draft).catch(unlessMissing);
    },
  };
}

/** Where a file of this name is, or would be: links are followed, even to what is not there. */
async function behindLinks(path: string): Promise<string> {
  let target = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const there = await Deno.lstat(target).catch(unlessMissing);
    if (there?.isSymlink !== true) return target;
    const next = await Deno.readLink(target);
    target = /^([/\\\\]|[A-Za-z]:)/.test(next) ? next : `${folderOf(target)}/${next}`;
  }
  throw new Error("too many symbolic links");
}

/** A folder that is not there is a typing error more often than a wish. */
async function checkFolder(folder: string): Promise<void> {
  const there = await naming(folder, () => Deno.stat(folder).catch(unlessMissing));
  if (there === undefined) throw new CliError(`${folder}: no such directory`);
}

/** A device or a pipe has no half contents to hide, and must not be replaced by a file. */
async function writeDirectly(path: string): Promise<FileDraft> {
  const file = await naming(path, () => Deno.open(path, { write: true }));
  let open = true;
  const close = () => {
    if (open) file.close();
    open = false;
    return Promise.resolve();
  };
  return {
    // What was written to a device before is not replaced.
    replaces: false,
    write: (bytes) => naming(path, () => writeAll(file, bytes)),
    commit: close,
    discard: close,
  };
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
}

async function* piecesOf(
  open: () => Promise<{ read(buffer: Uint8Array): Promise<number | null>; close(): void }>,
  path: string,
): AsyncGenerator<Uint8Array> {
  const file = await open();
  try {
    for (;;) {
      const buffer = new Uint8Array(READ_BYTES);
      const count = await naming(path, () => file.read(buffer));
      if (count === null) return;
      yield buffer.subarray(0, count);
    }
  } finally {
    file.close();
  }
}

function folderOf(path: string): string {
  const end = path.replace(/[/\\]+$/, "").search(/[/\\][^/\\]*$/);
  return end < 0 ? "." : path.slice(0, end) || "/";
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** Makes the system's complaints short, and lets them begin with the file's name. */
async function naming<Value>(path: string, action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    throw new CliError(`${path}: ${complaintOf(error)}`);
  }
}

function complaintOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or directory";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  // The rest of the system's text repeats the path.
  const text = errorText(error).replace(/ \(os error \d+\).*$/s, "");
  return text.charAt(0).toLowerCase() + text.slice(1);
}
