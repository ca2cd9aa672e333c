import { GroupFolder } from "./group_folder.ts";
import { groupJournalKey, readGroupJournal } from "./group_journal.ts";
import type { GroupSessionOptions } from "./group_parts.ts";
import { messageName } from "./message_intake.ts";

/**
 * Names of messages that this node handled in other groups. What is signed does not name the group, so
 * whoever is in two of them could carry a message from one to the other (groups.md 10, item 4): here it is
 * known.
 */
export async function namesOfOtherGroups(
  groupId: string,
  { context: { log }, files, folder, journal, journalKeys }: GroupSessionOptions,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const key of journalKeys?.() ?? []) {
    if (key === groupJournalKey(groupId)) continue;
    const { leaves, seen } = await readGroupJournal(journal(key), log);
    names.push(...seen);
    for (const [path, value] of leaves) names.push(...nameIn(path, value));
  }
  for (const { id } of await GroupFolder.list({ folder, files, log })) {
    if (id === groupId) continue;
    names.push(...(await GroupFolder.open({ folder, files, log, id })).seen);
  }
  return names;
}

function nameIn(path: string, value: Uint8Array): string[] {
  const name = path.startsWith("msgs/") ? messageName(path, value) : undefined;
  return name === undefined ? [] : [name];
}
