import { CliError } from "./errors.ts";
import { JsonScanner } from "./json_scanner.ts";

/** An archive says within so many bytes that it is one. Ours: the format is its first member. */
export const ARCHIVE_HEAD_BYTES = 4_096;

/**
 * Looks at an archive (http-api.md 4.17) on its way to a file, so that nothing else takes the place of
 * a good one: a login page, the answer of another program, half an archive.
 */
export class ArchiveCheck {
  #format: string | undefined;
  #seen = 0;
  readonly #scanner = new JsonScanner((member, value) => {
    if (member === "format") this.#format ??= value;
  });

  /**
   * Looks at the next bytes.
   *
   * @throws {CliError} as soon as they are no archive.
   */
  push(bytes: Uint8Array): void {
    const head = bytes.subarray(0, Math.max(0, ARCHIVE_HEAD_BYTES - this.#seen));
    this.#seen += bytes.length;
    this.#scanner.push(head);
    this.#refuseForeign(this.#seen >= ARCHIVE_HEAD_BYTES);
    this.#scanner.push(bytes.subarray(head.length));
    this.#refuseForeign(false);
  }

  /**
   * The bytes have ended.
   *
   * @throws {CliError} unless they are a whole archive.
   */
  end(): void {
    this.#refuseForeign(true);
    if (!this.#scanner.complete) throw noArchive("cut off before its end");
  }

  #refuseForeign(mustBeKnown: boolean): void {
    const { fault } = this.#scanner;
    if (fault !== undefined) throw noArchive(fault);
    if (this.#format === undefined ? mustBeKnown : this.#format !== "skychat-archive") {
      throw noArchive('no "format":"skychat-archive" at its beginning');
    }
  }
}

function noArchive(reason: string): CliError {
  return new CliError(`export: the answer is not a whole SkyChat archive: ${reason}`, {
    hint: "no file was written or replaced; is --addr the app?",
  });
}
