import type { MessageEvent } from "#events";
import type { GroupRecord, History } from "#store";
import { messageWith } from "./stored_messages.ts";

/** Fields of a message of a group; of `wall` and `sentAt` one is enough. */
export type GroupFields = Partial<MessageEvent> & { readonly wall: bigint };

/** A message of the group "g" of an author, unless another is named; incoming unless said otherwise. */
export function groupMessage(author: string, { ...fields }: GroupFields): MessageEvent {
  const { to: _, ...message } = messageWith(author, {
    channel: "group",
    network: "cxo",
    groupId: "g",
    ...fields,
  });
  return message;
}

/** Texts of a group as the store has them. */
export async function groupTexts(
  history: History,
  options: { readonly group?: string; readonly limit?: number; readonly before?: bigint } = {},
): Promise<readonly string[]> {
  const { group = "g", limit = 0, before } = options;
  return (await history.groupHistory(group, { limit, before })).map(({ text }) => text);
}

/** Everything that an export has of groups. */
export async function exportedGroups(history: History): Promise<readonly GroupRecord[]> {
  const records: GroupRecord[] = [];
  for await (const page of history.groupPages()) records.push(...page);
  return records;
}
