import { KeyError, PublicKey } from "#crypto";
import { AliasFile } from "../alias_file.ts";
import type { Call } from "../command.ts";
import { CliError, EXIT_OK, usageError } from "../errors.ts";
import type { ALIAS_FLAGS } from "../record_flags.ts";
import { escapeBody } from "../terminal_text.ts";

type AliasCall = Call<typeof ALIAS_FLAGS>;

/** Columns of a name in `alias ls` (cli.md 9). */
const NAME_COLUMNS = 20;

/** Names for public keys (cli.md 9). */
export async function run(call: AliasCall): Promise<number> {
  const [action = "", ...words] = call.operands;
  switch (action) {
    case "add":
      await add(call, words);
      break;
    case "ls":
    case "list":
      takeWords(action, { words, names: [] });
      list(call, await AliasFile.open(call.io));
      break;
    case "rm":
    case "remove":
      await remove(call, words);
      break;
    default:
      throw usageError(
        action === "" ? "alias: add, ls or rm?" : `alias: unknown action "${action}"`,
        "alias add NAME PK, alias ls, alias rm NAME",
      );
  }
  return EXIT_OK;
}

async function add(call: AliasCall, words: readonly string[]): Promise<void> {
  const [name = "", written = ""] = takeWords("add", { words, names: ["NAME", "PK"] });
  checkName(name);
  const key = keyOf(written);
  const file = await AliasFile.open(call.io);
  const old = file.keyOf(name);
  await file.set(name, key);
  say(
    call,
    old === undefined
      ? `alias ${name} → ${key}`
      : `alias ${name} replaced (was ${old}, now ${key})`,
  );
}

async function remove(call: AliasCall, words: readonly string[]): Promise<void> {
  const [name = ""] = takeWords("rm", { words, names: ["NAME"] });
  const file = await AliasFile.open(call.io);
  if (file.keyOf(name) === undefined) throw new CliError(`no such alias "${name}"`);
  await file.remove(name);
  say(call, `alias ${name} removed`);
}

function list({ flags, io }: AliasCall, file: AliasFile): void {
  const entries = file.list();
  if (flags.json) return io.output.json(JSON.stringify(Object.fromEntries(entries)));
  if (entries.length === 0) io.output.line("(no aliases — use skychat alias add NAME PK)");
  for (const [name, key] of entries) {
    io.output.line(`${escapeBody(name).padEnd(NAME_COLUMNS)} ${escapeBody(key)}`);
  }
}

/** Success texts are for people (cli.md 3). */
function say({ flags, io }: AliasCall, text: string): void {
  if (!flags.json) io.output.line(escapeBody(text));
}

function takeWords(
  action: string,
  { words, names }: { words: readonly string[]; names: readonly string[] },
): readonly string[] {
  if (words.length === names.length) return words;
  throw usageError(`alias ${action}: wants ${names.join(" and ") || "nothing else"}`);
}

function checkName(name: string): void {
  if (name === "") throw usageError("alias name must not be empty");
  if (/^[0-9]/.test(name)) {
    throw usageError(`alias name "${name}" must not start with a digit (looks like a PK fragment)`);
  }
}

function keyOf(written: string): string {
  try {
    return PublicKey.parse(written).hex;
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    // Whoever mixes the two up has the name where the key should be.
    throw usageError(`invalid pk: ${error.message}`, "the order is NAME, then PK");
  }
}
