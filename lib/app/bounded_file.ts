import { CodedError, concat, errorText, utf8Text } from "#kit";

/** What a small text file holds, and who may read it. */
export interface SmallFile {
  /** The contents as UTF-8; bytes that are none become U+FFFD. */
  readonly text: string;
  /** Permission bits (`0o600`), or undefined where the system has none. */
  readonly mode: number | undefined;
}

/** Reads one small text file. {@link readSmallFile} is the real one; tests hand in others. */
export type ReadSmallFile = (path: string, options?: ReadOptions) => Promise<SmallFile>;

/** What kind of file is expected. */
export interface ReadOptions {
  /** Refuses pipes and devices, of which reading may never come back. */
  readonly ordinary?: boolean;
}

/** A file that cannot be read. The text is short and names no path: callers name it. */
export class SmallFileError extends CodedError {}

/** Most bytes that {@link readSmallFile} reads. Ours: a visor's configuration has a few KiB. */
export const MAX_SMALL_FILE_BYTES = 1_048_576;

/**
 * Reads a text file of at most {@link MAX_SMALL_FILE_BYTES} bytes. Pipes work too (`-c <(…)`)
 * unless an `ordinary` file is asked for, and
 * contents and permissions are those of the same open file.
 *
 * @throws {SmallFileError} code `not-found`, `too-large` or `unreadable`.
 */
export async function readSmallFile(
  path: string,
  { ordinary = false }: ReadOptions = {},
): Promise<SmallFile> {
  try {
    // Before it is opened: of a pipe that already waits for the other side.
    if (ordinary && !(await Deno.stat(path)).isFile) {
      throw new SmallFileError("unreadable", "not an ordinary file");
    }
    using file = await Deno.open(path);
    const { mode } = await file.stat();
    const bytes = await readBounded(file);
    return { text: utf8Text(bytes), mode: mode === null ? undefined : mode & 0o777 };
  } catch (error) {
    throw error instanceof SmallFileError ? error : asSmallFileError(error);
  }
}

async function readBounded(file: Deno.FsFile): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const part = new Uint8Array(65_536);
    const count = await file.read(part);
    if (count === null) return concat(...parts);
    total += count;
    if (total > MAX_SMALL_FILE_BYTES) {
      throw new SmallFileError("too-large", `larger than ${MAX_SMALL_FILE_BYTES} bytes`);
    }
    parts.push(part.subarray(0, count));
  }
}

function asSmallFileError(error: unknown): SmallFileError {
  const options = { cause: error };
  if (error instanceof Deno.errors.NotFound) {
    return new SmallFileError("not-found", "no such file or directory", options);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new SmallFileError("unreadable", "permission denied", options);
  }
  // The rest of the system's text repeats the path.
  const text = errorText(error).replace(/ \(os error \d+\).*$/s, "");
  return new SmallFileError("unreadable", text.charAt(0).toLowerCase() + text.slice(1), options);
}
