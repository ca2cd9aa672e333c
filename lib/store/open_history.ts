import type { Clock, Log } from "#kit";
import { ARCHIVE_LIMITS, type ArchiveLimits, withinAge } from "./archive_limits.ts";
import { ConversationReader } from "./conversation_reader.ts";
import { Conversations } from "./conversations.ts";
import { DamageLog } from "./damage_log.ts";
import { KvEventArchive } from "./event_archive.ts";
import { GroupReader } from "./group_reader.ts";
import { KvGroups } from "./kv_groups.ts";
import { KvJournals } from "./kv_journals.ts";
import { KvHistory } from "./kv_history.ts";
import {
  DEFAULT_HISTORY_LIMITS,
  type HistoryLimits,
  HistoryPolicy,
  validateLimits,
} from "./policy.ts";
import { RecordReader } from "./record_reader.ts";
import { RecordWriter } from "./record_writer.ts";
import { SearchIndex } from "./search_index.ts";
import { openingError } from "./store_error.ts";
import { type OpenDatabase, openDatabase } from "./store_opening.ts";
import { loadStoreWhitelist } from "./whitelist.ts";

/** How to open a store. */
export interface OpenHistoryOptions {
  /** Database file; its folder is created. */
  readonly path: string;
  /** For ages, sweeps and waits. */
  readonly clock: Clock;
  /** Told of refusals and failures. */
  readonly log: Log;
  /** This node's key, 66 hex digits: the author of outgoing records. */
  readonly self: string;
  /** The key of its feed, where that is another one: under a visor. */
  readonly ownFeed?: string | undefined;
  /** Those left out are {@link DEFAULT_HISTORY_LIMITS}. */
  readonly limits?: Partial<HistoryLimits>;
  /** File of `--persist-whitelist`. */
  readonly whitelistPath?: string | undefined;
  /** How much of `/events` is kept; ARCHIVE_LIMITS by default. Never longer than records. */
  readonly archive?: ArchiveLimits;
  /** Opens a database; tests hand in one that fails. */
  readonly openKv?: (path: string) => Promise<Deno.Kv>;
}

/**
 * Opens stored history, or makes an empty one (history.md 2). The first sweep and the reading of the
 * search index go on in the background.
 *
 * @throws {StoreError} `invalid-limits`, `whitelist`, `foreign`, `timeout`, `newer-version`,
 * `unusable`; nothing stays open, and a foreign file stays as it was
 */
export async function openHistory(options: OpenHistoryOptions): Promise<KvHistory> {
  const { log, clock, whitelistPath } = options;
  const limits = { ...DEFAULT_HISTORY_LIMITS, ...options.limits };
  validateLimits(limits, undefined);
  const whitelist = whitelistPath === undefined
    ? undefined
    : await loadStoreWhitelist(whitelistPath, log);
  validateLimits(limits, whitelist);
  const { path, openKv = Deno.openKv } = options;
  const database = await openDatabase({ path, clock, openKv });
  try {
    return await build(database, { ...options, policy: new HistoryPolicy(limits, whitelist) });
  } catch (error) {
    database.close();
    throw openingError(`read ${path}`, error);
  }
}

async function build(
  { kv, owner, close }: OpenDatabase,
  { policy, clock, log, self, ownFeed = self, archive: archiveLimits = ARCHIVE_LIMITS }:
    & OpenHistoryOptions
    & { readonly policy: HistoryPolicy },
): Promise<KvHistory> {
  const damage = new DamageLog(log);
  const conversations = new Conversations();
  const settled = () => history.settled();
  const groups = new KvGroups(kv, { owner, damage, cap: policy.limits.groupCap });
  const archive = new KvEventArchive(kv, {
    limits: withinAge(archiveLimits, policy.limits.ttlMs),
    wall: () => clock.wall(),
    damage,
  });
  const journals = new KvJournals(kv, damage);
  await conversations.load(kv);
  await archive.load();
  await groups.load();
  await journals.load();
  const whole = new ConversationReader({ kv, conversations, damage, settled });
  const reader = new RecordReader({ kv, conversations, damage, whole });
  const index = new SearchIndex(reader.source(() => policy.expiry(clock.wall())), { clock });
  const history: KvHistory = new KvHistory({
    kv,
    damage,
    owner,
    policy,
    clock,
    log,
    self: self.toLowerCase(),
    ownFeed: ownFeed.toLowerCase(),
    conversations,
    archive,
    groups,
    groupReader: new GroupReader({ kv, table: groups.table, damage, settled }),
    journals,
    reader,
    writer: new RecordWriter(kv, policy.limits.perPeerCap),
    index,
    close,
  });
  await history.start();
  return history;
}
