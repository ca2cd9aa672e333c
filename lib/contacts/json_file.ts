import { type Files, folderOf } from "#files";
import { errorText, type Log, quoteForLog } from "#kit";

/** Most bytes of a settings file (ours): 5,000 entries of the longest names have 1.4 MB. */
export const MAX_SETTINGS_BYTES = 2_097_152;

/** Where a settings file is, and who is told about it. */
export interface JsonFileOptions {
  /** Where it is; its folder is made when it is first written. */
  readonly path: string;
  /** How it is read and replaced. */
  readonly files: Files;
  /** Told why it cannot be used. */
  readonly log: Log;
  /** For log lines: `address book`, `privacy settings`. */
  readonly what: string;
}

/**
 * One JSON document in a file that is replaced as a whole: whenever the process ends, the file holds
 * the old or the new one. Changes come one after the other.
 */
export class JsonFile {
  readonly #options: JsonFileOptions;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: JsonFileOptions) {
    this.#options = options;
  }

  /**
   * Reads it. A file that is missing or blank is as good as none: `parse` gets undefined. One that
   * cannot be used is logged and must not be written, so the result is undefined.
   *
   * @param parse throws an error when the document is not of its form.
   */
  static async open<T>(
    options: JsonFileOptions,
    parse: (document: unknown) => T,
  ): Promise<{ readonly file: JsonFile; readonly contents: T } | undefined> {
    const { path, files, log, what } = options;
    try {
      const text = await files.read(path, MAX_SETTINGS_BYTES) ?? "";
      const contents = parse(text.trim() === "" ? undefined : readJson(text));
      return { file: new JsonFile(options), contents };
    } catch (error) {
      log.error(
        `skychat: ${what} ${quoteForLog(path)} cannot be used and is left as it is: ` +
          quoteForLog(errorText(error)),
      );
      return undefined;
    }
  }

  /** Runs changes one at a time, so that each begins with what the one before left. */
  serially<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#last.then(change);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Replaces the document; the old one stays when that fails, which is logged and rejects. */
  async replace(document: unknown): Promise<void> {
    const { path, files, log, what } = this.#options;
    const temporary = `${path}.tmp`;
    try {
      await files.makeFolder(folderOf(path));
      await files.write(temporary, `${JSON.stringify(document, null, 2)}\n`);
      await files.rename(temporary, path);
    } catch (error) {
      log.error(
        `skychat: ${what} ${quoteForLog(path)} cannot be written: ${quoteForLog(errorText(error))}`,
      );
      throw error;
    }
  }
}

/** Without the parser's own text, which quotes the file. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
}
