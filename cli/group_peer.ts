import type { AliasBook } from "./alias_book.ts";
import { usageError } from "./errors.ts";

/**
 * The key behind a word, 66 lower-case hex digits: a public key as it is, anything else as an alias.
 *
 * @throws {CliError} in the words of groups.md 6.6.
 */
export async function groupPeer(word: string, aliases: AliasBook): Promise<string> {
  const { KeyError, PublicKey } = await import("#crypto");
  let reason = "";
  for (const candidate of [word, aliases.keyOf(word)]) {
    if (candidate === undefined) continue;
    try {
      return PublicKey.parse(candidate).hex;
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      reason = error.message;
    }
  }
  throw usageError(
    `invalid pk "${word}": ${reason}`,
    "it is no alias with a key either (try: skychat alias ls)",
  );
}
