import { errorText, type Log, quoteForLog } from "#kit";
import { StoreError } from "./store_error.ts";

/**
 * Reads a list of peers whose messages are kept (history.md 5.1): a key a line, blank lines and `#`
 * lines skipped, upper case allowed. Lines that are no key are logged and skipped.
 */
export function parseStoreWhitelist(text: string, log: Log): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const line of text.replace(/^\uFEFF/, "").split("\n")) {
    const item = line.trim();
    if (item === "" || item.startsWith("#")) continue;
    const key = item.toLowerCase();
    if (isPeerKey(key)) keys.add(key);
    else {
      log.warn(`skychat: history whitelist skipping a line that is no key: ${quoteForLog(item)}`);
    }
  }
  return keys;
}

/**
 * Reads the file of `--persist-whitelist`.
 *
 * @throws {StoreError} `whitelist`, text `load whitelist: <cause>`
 */
export async function loadStoreWhitelist(path: string, log: Log): Promise<ReadonlySet<string>> {
  try {
    return parseStoreWhitelist(await Deno.readTextFile(path), log);
  } catch (error) {
    throw new StoreError("whitelist", `load whitelist: ${errorText(error)}`, { cause: error });
  }
}

/** Whether a text has the form of a public key: 66 lower-case hex digits, `02` or `03` first. */
export function isPeerKey(text: string): boolean {
  return /^0[23][0-9a-f]{64}$/.test(text);
}
