import { KeyError, PublicKey } from "#crypto";
import { type Log, quoteForLog } from "#kit";

/** Who may connect in (`--tcp-whitelist`). */
export interface Whitelist {
  /** Whether this authenticated key is welcome. */
  allows(peer: PublicKey): boolean;
  /** Keys listed; 0 means that every authenticated key is welcome. */
  readonly size: number;
}

/**
 * Reads a comma-separated list of keys (messages.md 8.1): items are trimmed, empty ones skipped,
 * bad ones logged and skipped. A blank text is the open list.
 *
 * @returns `all-invalid` when the text is not blank and has no valid key: the caller must refuse to
 * listen, or a list of typing mistakes would be an open door.
 */
export function parseWhitelist(text: string, log: Log): Whitelist | "all-invalid" {
  const keys = new Set<string>();
  for (const item of text.split(",").map((part) => part.trim())) {
    if (item === "") continue;
    const key = parseItem(item, log);
    if (key !== undefined) keys.add(key.hex);
  }
  if (keys.size === 0 && text.trim() !== "") return "all-invalid";
  return { size: keys.size, allows: (peer) => keys.size === 0 || keys.has(peer.hex) };
}

function parseItem(item: string, log: Log): PublicKey | undefined {
  try {
    return PublicKey.parse(item);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    log.warn(
      `skychat: tcp-whitelist skipping invalid pk "${quoteForLog(item)}": ${error.message}`,
    );
    return undefined;
  }
}
