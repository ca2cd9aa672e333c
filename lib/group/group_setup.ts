import { PublicKey, type SecretKey } from "#crypto";
import { errorText, type Log, quoteForLog, utf8 } from "#kit";
import { parseFeedSpec, withoutSecrets } from "#net";
import { openStoredKey, sealStoredKey } from "./group_cipher.ts";
import { GroupError } from "./group_error.ts";
import { canonicalUuid } from "./group_id.ts";
import type { GroupRecordFile, StoredGroupKey } from "./group_record.ts";
import { type GroupKey, KeyRing } from "./key_ring.ts";
import type { GroupCharter } from "./roster.ts";

/** Most bytes of a group id (ours): it names a folder, percent-encoded. */
export const MAX_GROUP_ID_BYTES = 80;

/** What flags, an invite or a request say of a group. */
export interface GroupTerms {
  /** As written. */
  readonly id: string;
  /** The founder, as written. */
  readonly owner: string;
  /** `--cxo-peer`: specs of the members' feeds, as written. */
  readonly peers: readonly string[];
  /** Keys that are listed without an address. */
  readonly members?: readonly string[];
  /** Whose decisions count. */
  readonly governance: GroupCharter["governance"];
  /** Undefined: what {@link mode} leaves, as it was kept, else public. */
  readonly kind?: GroupCharter["kind"] | undefined;
  /** Undefined: as it was kept, else public. */
  readonly mode?: GroupCharter["mode"] | undefined;
  /** Display name; undefined or empty: as it was kept. */
  readonly name?: string | undefined;
  /** Whether somebody asks for it anew, after this node left it. */
  readonly again?: boolean;
}

/** A group as it is going to run. */
export interface GroupSetup {
  readonly charter: GroupCharter;
  readonly name: string;
  readonly role: "owner" | "member";
  /** `host:port` of members, by key. */
  readonly addresses: ReadonlyMap<string, string>;
}

/**
 * The id of a group as it is used: one that has the form of a UUID in its canonical form, which signed
 * records compare with (groups.md 2.4).
 *
 * @throws {GroupError} for what cannot be one
 */
export function groupIdOf(text: string, log?: Log): string {
  const { length } = utf8(text);
  if (text.trim() === "" || length > MAX_GROUP_ID_BYTES || /\p{C}/u.test(text)) {
    throw new GroupError(
      "bad-group-request",
      `group id must be 1 to ${MAX_GROUP_ID_BYTES} bytes of printable text`,
    );
  }
  const canonical = canonicalUuid(text) ?? text;
  if (canonical !== text) {
    log?.warn(`skychat: cxo-group id ${quoteForLog(text)} is used as ${canonical}`);
  }
  return canonical;
}

/**
 * Puts flags and what was kept together (groups.md 1.3, 7.3): flags win for owner and addresses, what was
 * decided since stays decided, and a group never changes its kind.
 *
 * @throws {GroupError} with the text of groups.md 1.3
 */
export function setUpGroup(
  terms: GroupTerms,
  { log, record, self }: {
    readonly log: Log;
    readonly record: GroupRecordFile | undefined;
    /** Key of this node. */
    readonly self: string;
  },
): GroupSetup {
  const owner = ownerOf(terms.owner);
  const hasEnded = record?.status === "left" || record?.status === "revoked";
  if (hasEnded && terms.again !== true) {
    throw new GroupError(
      "group-conflict",
      `open ${JSON.stringify(record.id)}: this node ${
        record.status === "left" ? "left" : "deleted"
      } it; to take part again join it on a running node with its link, or move its folder away`,
    );
  }
  const kind = terms.kind ?? kindOf(terms.mode, record?.kind);
  if (record !== undefined && record.kind !== kind) {
    throw new GroupError(
      "group-conflict",
      `open "${record.id}": it is ${record.kind} and cannot become ${kind}`,
    );
  }
  const peers = peersOf(terms.peers, { log, self });
  const members = new Set([
    self,
    ...peers.keys(),
    ...terms.members ?? [],
    ...record?.baseMembers ?? [],
  ]);
  const addresses = new Map([...record?.addresses ?? [], ...peers]);
  addresses.delete(self);
  return {
    charter: {
      id: groupIdOf(terms.id),
      owner,
      kind,
      mode: kind === "private" ? "private" : "public",
      members: [...members],
      governance: terms.governance,
    },
    name: terms.name || record?.name || "",
    role: owner === self ? "owner" : "member",
    addresses,
  };
}

/** Keys of a private group as they were kept; what does not open is logged and left out. */
export function restoreKeys(
  record: GroupRecordFile | undefined,
  { secret, groupId, log }: { secret: SecretKey; groupId: string; log: Log },
): KeyRing {
  const { current, retired = [] } = record?.keyRing ?? {};
  const open = (stored: StoredGroupKey, ring: boolean): GroupKey[] => {
    const { epoch, issuedAt = 0n, sealed } = stored;
    const key = openStoredKey(secret, sealed, { groupId, ...(ring && { epoch }) });
    if (key === undefined) {
      log.warn(`skychat: cxo-group ${quoteForLog(groupId)}: a kept key cannot be opened`);
    }
    return key === undefined ? [] : [{ epoch, key, issuedAt }];
  };
  const [first] = current === undefined ? [] : open(current, false);
  return new KeyRing(first, retired.flatMap((stored) => open(stored, true)));
}

/** The same keys, for the record. */
export function keepKeys(
  ring: KeyRing,
  { secret, groupId, random }: {
    secret: SecretKey;
    groupId: string;
    random: Parameters<typeof sealStoredKey>[2]["random"];
  },
): NonNullable<GroupRecordFile["keyRing"]> {
  const seal = ({ epoch, key, issuedAt }: GroupKey, isRing: boolean): StoredGroupKey => ({
    epoch,
    sealed: sealStoredKey(secret, key, { groupId, random, ...(isRing && { epoch }) }),
    issuedAt,
  });
  return {
    current: ring.current && seal(ring.current, false),
    retired: ring.retired.map((key) => seal(key, true)),
  };
}

/** A channel is as public as a group. */
function kindOf(
  mode: GroupCharter["mode"] | undefined,
  kept: GroupCharter["kind"] | undefined,
): GroupCharter["kind"] {
  if (mode === undefined) return kept ?? "public";
  return mode === "public" && kept === "channel" ? "channel" : mode;
}

function ownerOf(text: string): string {
  try {
    return PublicKey.parse(text).hex;
  } catch (error) {
    const shown = quoteForLog(withoutSecrets(text));
    throw new GroupError(
      "bad-group-request",
      `invalid --cxo-group-owner "${shown}": ${errorText(error)}`,
    );
  }
}

/** Addresses by key; a spec that is none is logged and left out. */
function peersOf(
  specs: readonly string[],
  { log, self }: { log: Log; self: string },
): Map<string, string> {
  const peers = new Map<string, string>();
  for (const spec of specs) {
    try {
      const { address, feed } = parseFeedSpec(spec);
      if (feed.hex === self) throw new Error("it is this node's own feed");
      peers.set(feed.hex, address);
    } catch (error) {
      const shown = quoteForLog(withoutSecrets(spec));
      const reason = quoteForLog(errorText(error));
      log.warn(`skychat: cxo-group skipping invalid --cxo-peer "${shown}": ${reason}`);
    }
  }
  return peers;
}
