import { errorText, utf8 } from "#kit";
import { SmallFileError } from "#app";
import { aliasPath } from "./alias_book.ts";
import { CliError } from "./errors.ts";
import type { CliIo } from "./io.ts";
import { parseJsonObject } from "./json_view.ts";

/** The alias file, to be changed (cli.md 9). What it holds besides texts is kept as it is. */
export class AliasFile {
  readonly path: string;
  readonly #io: CliIo;
  readonly #entries: Map<string, unknown>;

  private constructor(path: string, { io, entries }: { io: CliIo; entries: Map<string, unknown> }) {
    this.path = path;
    this.#io = io;
    this.#entries = entries;
  }

  /**
   * Reads it; none is an empty one.
   *
   * @throws {CliError} when it cannot be read: changing it would lose what it holds.
   */
  static async open(io: CliIo): Promise<AliasFile> {
    const path = aliasPath(io);
    if (path === undefined) {
      throw new CliError("no place for the alias file: set XDG_CONFIG_HOME or HOME");
    }
    const text = await io.readFile(path, { ordinary: true }).then(
      (file) => file.text,
      (error: unknown) => {
        if (error instanceof SmallFileError && error.code === "not-found") return "{}";
        throw new CliError(`${path}: ${errorText(error)}`);
      },
    );
    const object = parseJsonObject(text);
    if (object === undefined) throw new CliError(`${path}: not a JSON object`);
    return new AliasFile(path, { io, entries: new Map(Object.entries(object)) });
  }

  /** Names and keys, sorted by name. */
  list(): readonly (readonly [name: string, key: string])[] {
    return [...this.#entries].flatMap(([name, key]) =>
      typeof key === "string" ? [[name, key] as const] : []
    ).sort(([a], [b]) => a < b ? -1 : 1);
  }

  /** The key of a name. */
  keyOf(name: string): string | undefined {
    const key = this.#entries.get(name);
    return typeof key === "string" ? key : undefined;
  }

  /** Names a key. */
  set(name: string, key: string): Promise<void> {
    this.#entries.set(name, key);
    return this.#write();
  }

  /** Forgets a name. */
  remove(name: string): Promise<void> {
    this.#entries.delete(name);
    return this.#write();
  }

  /** Replaces the file: a reader finds the old one or the new one, never half of either. */
  async #write(): Promise<void> {
    const text = JSON.stringify(Object.fromEntries(this.#entries), null, 2);
    const draft = await this.#io.draftFile(this.path, { makeFolder: true });
    try {
      await draft.write(utf8(`${text}\n`));
      await draft.commit();
    } finally {
      await draft.discard();
    }
  }
}
