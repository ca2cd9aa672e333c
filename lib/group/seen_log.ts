import type { Files } from "#files";
import { errorText, type Log, quoteForLog } from "#kit";

/** Messages that are remembered as handled, in the log and in the journal (groups.md 4.5, 7.3). */
export const MAX_SEEN = 50_000;
/** A line: 64 hex digits and its end. */
const LINE_BYTES = 65;
/** Lines of the file beyond which it is written anew with the newest {@link MAX_SEEN}. */
const MAX_LINES = 2 * MAX_SEEN;
/** Most bytes of the file: its lines, and as many again where a disk refused to write it anew. */
const MAX_SEEN_BYTES = 2 * MAX_LINES * LINE_BYTES;

/** Where the log is, and who is told when it cannot be used. */
export interface SeenLogOptions {
  /** The folder of the group; made when something is first written. */
  readonly path: string;
  readonly files: Files;
  readonly log: Log;
}

/**
 * Which messages were handled: `seen.log`, one hex digest1 a line, only ever appended to and now and
 * then written anew (groups.md 7.3). A line that was cut off by a crash is skipped.
 */
export class SeenLog {
  readonly #options: SeenLogOptions;
  readonly #file: string;
  /** Oldest first. */
  readonly #digests = new Set<string>();
  /** On their way to the file. */
  #pending: string[] = [];
  #lines = 0;
  /** Whether the file ends in the middle of a line. */
  #torn = false;
  #usable = true;
  #failed = false;
  #writing: Promise<void> | undefined;

  private constructor(options: SeenLogOptions) {
    this.#options = options;
    this.#file = `${options.path}/seen.log`;
  }

  /** Reads it; never rejects. One that cannot be read is logged and not written to. */
  static async open(options: SeenLogOptions): Promise<SeenLog> {
    const seen = new SeenLog(options);
    try {
      seen.#take(await options.files.read(seen.#file, MAX_SEEN_BYTES) ?? "");
    } catch (error) {
      seen.#usable = false;
      options.log.error(
        `skychat: ${quoteForLog(seen.#file)} cannot be read and is left as it is: ` +
          quoteForLog(errorText(error)),
      );
    }
    return seen;
  }

  /** Oldest first; at most {@link MAX_SEEN}. */
  get digests(): readonly string[] {
    return [...this.#digests];
  }

  /** Remembers digests, and appends those that are new as soon as the file is free. */
  add(digests: readonly string[]): void {
    for (const digest of digests) {
      if (this.#remember(digest)) this.#pending.push(digest);
    }
    // As many as a reader would take: those before are forgotten in memory as well.
    if (this.#pending.length > MAX_SEEN) this.#pending = this.#pending.slice(-MAX_SEEN);
    if (this.#usable && this.#pending.length > 0) this.#writing ??= this.#write();
  }

  /** Resolves when what was added is on disk, or was refused by it once more. */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#usable && this.#pending.length > 0) await (this.#writing ??= this.#write());
  }

  #take(text: string): void {
    const lines = text.split("\n");
    // The last one is what follows the last line end.
    this.#torn = lines.at(-1) !== "";
    this.#lines = lines.length;
    const whole = lines.filter((line) => /^[0-9a-f]{64}$/.test(line));
    for (const line of whole.slice(-MAX_SEEN)) this.#digests.add(line);
  }

  #remember(digest: string): boolean {
    if (this.#digests.has(digest)) return false;
    this.#digests.add(digest);
    if (this.#digests.size > MAX_SEEN) {
      const [oldest = ""] = this.#digests;
      this.#digests.delete(oldest);
    }
    return true;
  }

  /** Until nothing is left, or the disk refuses: then the rest waits for the next time. */
  async #write(): Promise<void> {
    // What is added in the same turn goes along.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      if (await this.#put(batch)) continue;
      this.#pending = [...batch, ...this.#pending].slice(-MAX_SEEN);
      break;
    }
    this.#writing = undefined;
  }

  async #put(batch: readonly string[]): Promise<boolean> {
    const { files, log, path } = this.#options;
    try {
      await files.makeFolder(path);
      if (this.#lines + batch.length > MAX_LINES) await this.#compact();
      else await this.#append(batch);
      this.#failed = false;
      return true;
    } catch (error) {
      if (!this.#failed) {
        log.error(
          `skychat: ${quoteForLog(this.#file)} cannot be written: ${quoteForLog(errorText(error))}`,
        );
      }
      this.#failed = true;
      return false;
    }
  }

  async #append(batch: readonly string[]): Promise<void> {
    const text = `${this.#torn ? "\n" : ""}${batch.join("\n")}\n`;
    const lines = this.#lines + batch.length;
    // If it fails a part may be there, and the next attempt writes the file anew.
    this.#lines = MAX_LINES;
    await this.#options.files.append(this.#file, text);
    this.#torn = false;
    this.#lines = lines;
  }

  /** Writes the newest ones anew. */
  async #compact(): Promise<void> {
    const { files } = this.#options;
    const digests = this.digests;
    await files.write(`${this.#file}.tmp`, `${digests.join("\n")}\n`);
    await files.rename(`${this.#file}.tmp`, this.#file);
    this.#lines = digests.length;
    this.#torn = false;
  }
}
