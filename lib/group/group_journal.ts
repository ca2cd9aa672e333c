import {
  CxoFault,
  decodeFeedEntry,
  encodeFeedEntry,
  type FeedJournal,
  type StoredFeed,
} from "#cxo";
import type { Log } from "#kit";

/** Paths remembered that were taken out of the own feed, so that no peer brings them back (ours). */
export const MAX_KEPT_GONE = 10_000;

/** What the journal of a group says. */
export interface StoredGroup extends StoredFeed {
  /** Short names of messages that were handled and are not in the feed. */
  readonly seen: readonly string[];
  /** Paths that were taken out on purpose. */
  readonly gone: readonly string[];
}

/** The key under which the store keeps the journal of a group. */
export function groupJournalKey(groupId: string): string {
  return `group:${groupId}`;
}

/** Reads the journal of a group; entries that cannot be read are logged and left out. */
export async function readGroupJournal(
  journal: FeedJournal | undefined,
  log: Log,
): Promise<StoredGroup> {
  const leaves = new Map<string, Uint8Array>();
  const seen = new Set<string>();
  const gone = new Set<string>();
  const { state, entries } = await journal?.read() ?? { state: undefined, entries: [] };
  let unreadable = 0;
  for (const bytes of entries) {
    const entry = decodeFeedEntry(bytes);
    if (entry instanceof CxoFault || entry.kind === "before") unreadable++;
    else if (entry.kind === "seen") seen.add(entry.name);
    else if (entry.kind === "leaf") {
      leaves.set(entry.path, entry.value);
      gone.delete(entry.path);
    } else {
      leaves.delete(entry.path);
      gone.add(entry.path);
    }
  }
  if (unreadable > 0) {
    log.warn(`skychat: cxo-group: ${unreadable} stored entries of the own feed cannot be read`);
  }
  return {
    state,
    // A tree takes ascending paths a hundred times as fast.
    leaves: new Map([...leaves].sort(([a], [b]) => a < b ? -1 : 1)),
    droppedBefore: "",
    seen: [...seen],
    gone: [...gone],
  };
}

/** The bytes that say: the own feed has this leaf. */
export function leafEntry(path: string, value: Uint8Array): Uint8Array {
  return encodeFeedEntry({ kind: "leaf", path, value });
}

/** The bytes that say: the own feed has this leaf no more, on purpose. */
export function goneEntry(path: string): Uint8Array {
  return encodeFeedEntry({ kind: "gone", path });
}

/** The bytes that say: the message of this short name was handled. */
export function seenEntry(name: string): Uint8Array {
  return encodeFeedEntry({ kind: "seen", name });
}
