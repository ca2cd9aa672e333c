import { Contacts, Privacy, UnreadEstimate } from "#contacts";
import { denoFiles } from "#files";
import type { Log } from "#kit";
import type { History } from "#store";

/** What the user decided about people, and how many messages nobody has read. */
export interface People {
  /** Undefined when the file cannot be used. */
  readonly contacts: Contacts | undefined;
  /** Undefined when the file cannot be used. */
  readonly privacy: Privacy | undefined;
  readonly unread: UnreadEstimate;
}

/** Reads the address book and the privacy settings of a node, which need not be there. */
export async function openPeople(
  { folder, history, log }: { folder: string; history: History | undefined; log: Log },
): Promise<People> {
  const contacts = await Contacts.open({
    path: `${folder}/skychat-contacts.json`,
    files: denoFiles,
    log,
  });
  const privacy = await Privacy.open({
    path: `${folder}/skychat-privacy.json`,
    files: denoFiles,
    log,
    hasName: (pk) => contacts?.nameOf(pk) !== undefined,
    historyPeers: () => history?.peers() ?? Promise.resolve([]),
  });
  return { contacts, privacy, unread: new UnreadEstimate() };
}
