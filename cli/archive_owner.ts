import { JsonScanner } from "./json_scanner.ts";

/**
 * Finds the `visor` of an archive (http-api.md 4.17) while its bytes pass by, wherever in the document
 * it stands. It checks nothing: whether the bytes are an archive is for the app to say.
 */
export class ArchiveOwner {
  #key: string | undefined;
  readonly #scanner = new JsonScanner((member, value) => {
    if (member === "visor") this.#key ??= value;
  });

  /** The key of the node that the archive is of, once it came by. */
  get key(): string | undefined {
    return this.#key;
  }

  /** Looks at the next bytes. */
  push(bytes: Uint8Array): void {
    if (this.#key === undefined) this.#scanner.push(bytes);
  }
}
