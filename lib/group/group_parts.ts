import type { FeedJournal, TreeLeaf } from "#cxo";
import type { Files } from "#files";
import type { LinkContext } from "#net";
import { NO_FACTS } from "./facts.ts";
import { Governance } from "./governance.ts";
import { GovernanceDesk } from "./governance_desk.ts";
import { GroupError } from "./group_error.ts";
import { GroupFeed } from "./group_feed.ts";
import { GroupFolder } from "./group_folder.ts";
import { GroupInbox } from "./group_inbox.ts";
import { groupJournalKey } from "./group_journal.ts";
import { GroupKeys } from "./group_keys.ts";
import type { KeyRotation } from "./key_rotation.ts";
import { GroupPublisher } from "./group_publisher.ts";
import { GroupRecorder } from "./group_recorder.ts";
import {
  groupIdOf,
  type GroupSetup,
  type GroupTerms,
  restoreKeys,
  setUpGroup,
} from "./group_setup.ts";
import { MemberLinks } from "./member_links.ts";
import { RecordPublisher } from "./record_publisher.ts";
import { MessageIntake, messageName } from "./message_intake.ts";
import type { GroupSink } from "./message_sink.ts";
import type { Mutation } from "./mutation.ts";
import { mirrors } from "./topology.ts";

/** What a group session is made with. */
export interface GroupSessionOptions extends GroupTerms {
  /** `local` is the identity: key of the own feed, of its node and of its links. */
  readonly context: LinkContext;
  /** `--cxo-listen`: where members reach this node, as written; empty = nowhere. */
  readonly listen: string;
  /** Accepted links at a time. */
  readonly mostLinks: number;
  /** The folder of all groups. */
  readonly folder: string;
  /** How it is read and written. */
  readonly files: Files;
  /** Where messages go. */
  readonly sink: GroupSink;
  /** Where the own feed is kept, by the key of its journal; undefined without a store. */
  readonly journal: (key: string) => FeedJournal | undefined;
  /** Keys of the journals of all groups that the store has; none without a store. */
  readonly journalKeys?: () => readonly string[];
  /** Peers whose messages are passed over unseen. */
  readonly isBlocked: (peer: string) => boolean;
}

/** What the parts of a group tell whoever put them together. */
export interface GroupHooks {
  /** A record of governance changed what holds. */
  readonly onApplied: (mutation: Mutation) => void;
  /** A record of an admin stands, be it known or new; its signature may not have been looked at. */
  readonly onStanding: (mutation: Mutation) => void;
  /** Keys came. */
  readonly onKeys: () => void;
  /** An admin handed out keys, to this node or to others. */
  readonly onRotation: (rotation: KeyRotation) => void;
  /** A message was shown. */
  readonly onShown: () => void;
  /** A member gave back leaves of the own feed that a former process published. */
  readonly onRecovered: (leaves: readonly TreeLeaf[]) => Promise<void>;
  /** The port of the listener now; 0 where there is none. */
  readonly port: () => number;
}

/** A group, taken apart. */
export interface GroupParts {
  readonly setup: GroupSetup;
  /** `host:port` of members, by key. */
  readonly addresses: Map<string, string>;
  readonly folder: GroupFolder;
  readonly feed: GroupFeed;
  readonly governance: Governance;
  /** Undefined in a public group. */
  readonly keys: GroupKeys | undefined;
  readonly recorder: GroupRecorder;
  readonly intake: MessageIntake;
  readonly inbox: GroupInbox;
  readonly publisher: GroupPublisher;
  readonly records: RecordPublisher;
  readonly desk: GovernanceDesk;
  readonly links: MemberLinks;
}

/** A group's own feed and what was kept of it. */
interface Foundation {
  readonly setup: GroupSetup;
  readonly folder: GroupFolder;
  readonly feed: GroupFeed;
  /** Whether the feed is kept in the store of the sink. */
  readonly journaled: boolean;
}

/**
 * Reads what was kept of a group and puts its parts together. Nothing is bound or dialled yet.
 *
 * @throws {GroupError} with a text of groups.md 1.3
 * @throws {EndpointError} for a listen address that cannot be one
 */
export async function openGroupParts(
  options: GroupSessionOptions,
  hooks: GroupHooks,
): Promise<GroupParts> {
  const { context: { clock, local, log } } = options;
  const id = groupIdOf(options.id, log);
  const folder = await openFolder(options, id);
  const self = local.publicKey.hex;
  const setup = setUpGroup({ ...options, id }, { log, record: folder.record, self });
  const journal = options.journal(groupJournalKey(id));
  const feed = await GroupFeed.open({
    ...{ secret: local, clock, log, journal },
    numbers: folder.record?.governanceSeq,
    announce: (root) => parts.links.announce(root),
    onHostile: (source, fault) => parts.links.drop(source, fault.message),
    onRecovered: (leaves) => hooks.onRecovered(leaves),
    isStranger: (author) => !parts.governance.roster.isKnown(author),
    nameOf: messageName,
  });
  const foundation: Foundation = { setup, folder, feed, journaled: journal !== undefined };
  const parts: GroupParts = buildParts(options, hooks, foundation);
  return parts;
}

/** A record that cannot be read may be the one that says who is banned. */
async function openFolder(
  { context: { log }, files, folder: groups }: GroupSessionOptions,
  id: string,
): Promise<GroupFolder> {
  const folder = await GroupFolder.open({ folder: groups, id, files, log });
  if (!folder.damaged) return folder;
  throw new GroupError(
    "group-failed",
    `open ${
      JSON.stringify(id)
    }: what was kept of it cannot be read, so whom it put out is not known; ` +
      "see the log, and mend its record or move it away",
  );
}

function buildParts(
  options: GroupSessionOptions,
  hooks: GroupHooks,
  foundation: Foundation,
): GroupParts {
  const { feed, folder, setup } = foundation;
  const { context, listen, mostLinks } = options;
  const { clock, local: secret, log, random } = context;
  const { charter, name, role } = setup;
  const { id: groupId, mode, owner } = charter;
  const addresses = new Map(setup.addresses);
  const { facts: counted = NO_FACTS, beside = [] } = folder.record ?? {};
  const facts = [...counted, ...beside];
  const { onApplied, onRotation, onStanding, port } = hooks;
  const governance = new Governance({ charter, clock, log, facts, onApplied, onStanding });
  const keys = mode === "private"
    ? keysOf(options, { folder, governance, groupId, onRotation })
    : undefined;
  const recorder = new GroupRecorder({
    ...{ addresses, charter, clock, feed, folder, governance, keys, name, port },
    ...{ random, role, secret },
  });
  const messages = messageParts(options, hooks, { ...foundation, governance, keys, recorder });
  const { createdAt } = recorder;
  return {
    ...{ setup, addresses, folder, feed, governance, keys, recorder, ...messages },
    records: new RecordPublisher({ feed, governance, keys, random, secret }),
    desk: new GovernanceDesk({ groupId, owner, secret, clock, governance, createdAt }),
    links: new MemberLinks({
      ...{ context, listen, mostLinks },
      feed: feed.published,
      mayFollow: (nodeId) => governance.roster.isMember(nodeId),
      onUpdate: (member, update) => {
        recorder.heard();
        return messages.inbox.take(member, update);
      },
    }),
  };
}

/** What turns leaves into messages, and messages into leaves. */
function messageParts(
  { context: { clock, local: secret, log, random }, isBlocked, sink }: GroupSessionOptions,
  { onKeys, onShown }: GroupHooks,
  { feed, folder, governance, journaled, keys, recorder, setup }:
    & Foundation
    & Pick<GroupParts, "governance" | "keys" | "recorder">,
): Pick<GroupParts, "inbox" | "intake" | "publisher"> {
  const groupId = setup.charter.id;
  const self = secret.publicKey.hex;
  const intake = new MessageIntake({
    ...{ groupId, self, clock, log, governance, keys, feed, sink, journaled, isBlocked },
    remember: (digest) => journaled || folder.addSeen([digest]),
    mirrors: () => mirrors(governance.roster, self),
    onShown: (ts) => {
      recorder.messageAt(ts);
      onShown();
    },
  });
  return {
    intake,
    inbox: new GroupInbox({ clock, log, governance, keys, intake, sink, onKeys }),
    publisher: new GroupPublisher({
      ...{ groupId, secret, clock, random, governance, keys, feed, intake, sink, journaled },
      onSent: (ts) => recorder.messageAt(ts),
    }),
  };
}

function keysOf(
  { context: { clock, local: secret, log, random } }: GroupSessionOptions,
  { folder, governance, groupId, onRotation }: {
    folder: GroupFolder;
    governance: Governance;
    groupId: string;
    onRotation: (rotation: KeyRotation) => void;
  },
): GroupKeys {
  const ring = restoreKeys(folder.record, { secret, groupId, log });
  return new GroupKeys({
    ...{ groupId, secret, clock, random, ring, onRotation },
    watermark: ring.current?.issuedAt,
    isAdmin: (pk) => governance.roster.isAdmin(pk),
  });
}
