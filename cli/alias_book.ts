import { errorText } from "#kit";
import { SmallFileError } from "#app";
import { CliError } from "./errors.ts";
import type { CliIo } from "./io.ts";
import { parseJsonObject, textField } from "./json_view.ts";

/** The user's names for public keys (cli.md 9): a flat JSON object in a file. */
export class AliasBook {
  readonly #keys: ReadonlyMap<string, string>;
  readonly #names: ReadonlyMap<string, string>;

  private constructor(keys: ReadonlyMap<string, string>) {
    this.#keys = keys;
    this.#names = new Map([...keys].map(([name, key]) => [key, name]));
  }

  /** Reads the file; none, or one that is no alias file, is an empty book. */
  static async open(io: CliIo): Promise<AliasBook> {
    const path = aliasPath(io);
    if (path === undefined) return new AliasBook(new Map());
    try {
      return new AliasBook(keysOf((await io.readFile(path, { ordinary: true })).text));
    } catch (error) {
      const missing = error instanceof SmallFileError && error.code === "not-found";
      if (!missing) io.output.note(`skychat: aliases not read: ${path}: ${errorText(error)}`);
      return new AliasBook(new Map());
    }
  }

  /** The key, as 66 lower-case hex digits, behind a name. */
  keyOf(name: string): string | undefined {
    return this.#keys.get(name);
  }

  /** The name of a key. */
  nameOf(key: string): string | undefined {
    return this.#names.get(key);
  }
}

/**
 * The key behind a word: a public key as it is, anything else as an alias (cli.md 3). 66 lower-case hex
 * digits.
 *
 * @throws {CliError}
 */
export async function resolvePeer(word: string, book: AliasBook): Promise<string> {
  const { KeyError, PublicKey } = await import("#crypto");
  for (const candidate of [word, book.keyOf(word)]) {
    if (candidate === undefined) continue;
    try {
      return PublicKey.parse(candidate).hex;
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
    }
  }
  throw new CliError(
    `"${word}" is neither a valid PK nor a known alias (try: skychat alias ls)`,
  );
}

function keysOf(text: string): ReadonlyMap<string, string> {
  const object = parseJsonObject(text);
  if (object === undefined) throw new Error("not a JSON object");
  const keys = new Map<string, string>();
  for (const name of Object.keys(object)) keys.set(name, textField(object, name).toLowerCase());
  return keys;
}

/** Where the alias file is: in the user's configuration directory (cli.md 9). */
export function aliasPath(
  { environment, os }: Pick<CliIo, "environment" | "os">,
): string | undefined {
  const configured = environment["XDG_CONFIG_HOME"];
  const home = environment["HOME"];
  if (os !== "darwin" && configured) return `${configured}/skywire/skychat-aliases.json`;
  if (!home) return undefined;
  const folder = os === "darwin" ? "Library/Application Support" : ".config";
  return `${home}/${folder}/skywire/skychat-aliases.json`;
}
