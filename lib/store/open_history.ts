import { type Clock, errorText, type Log } from "#kit";
import { ARCHIVE_LIMITS, type ArchiveLimits } from "./archive_limits.ts";
import { Conversations } from "./conversations.ts";
import { KvEventArchive } from "./event_archive.ts";
import { formatKey } from "./keyspace.ts";
import { KvGroups } from "./kv_groups.ts";
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
import { StoreError } from "./store_error.ts";
import { createFolder, createStore, inspectStore, makePrivate } from "./store_file.ts";
import { lockStore, type StoreLock } from "./store_lock.ts";
import { StoreOwner } from "./store_owner.ts";
import { loadStoreWhitelist } from "./whitelist.ts";

/** Version of the keys and values that this program writes; a store with a newer one is refused. */
export const STORE_FORMAT = 1;

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
  /** Those left out are {@link DEFAULT_HISTORY_LIMITS}. */
  readonly limits?: Partial<HistoryLimits>;
  /** File of `--persist-whitelist`. */
  readonly whitelistPath?: string | undefined;
  /** How much of `/events` is kept; ARCHIVE_LIMITS by default. */
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
  const { path, lock } = await takePlace(options.path, clock);
  let kv: Deno.Kv | undefined;
  try {
    kv = await openDatabase(path, options.openKv ?? Deno.openKv);
    const owner = await StoreOwner.claim(kv, { path, clock });
    return await build(kv, {
      ...options,
      lock,
      owner,
      policy: new HistoryPolicy(limits, whitelist),
    });
  } catch (error) {
    kv?.close();
    lock.release();
    if (error instanceof StoreError) throw error;
    throw new StoreError("unusable", `cannot open ${path}: ${errorText(error)}`, { cause: error });
  }
}

/** Makes sure that the path is ours or free, then takes its lock. */
async function takePlace(
  wanted: string,
  clock: Clock,
): Promise<{ path: string; lock: StoreLock }> {
  // Nothing is created beside a foreign file, not even the lock.
  const found = await inspectStore(wanted);
  if (found === "nothing") await createFolder(wanted);
  // Two names of one file must share one lock.
  const path = found === "store" ? await Deno.realPath(wanted) : wanted;
  return { path, lock: await lockStore(path, clock) };
}

async function openDatabase(
  path: string,
  openKv: (path: string) => Promise<Deno.Kv>,
): Promise<Deno.Kv> {
  if (await inspectStore(path) === "nothing") {
    await createStore(path, (kv) => kv.set(formatKey(), STORE_FORMAT));
  }
  await makePrivate(path);
  const kv = await openKv(path);
  const { value } = await kv.get<number>(formatKey());
  if (value === STORE_FORMAT) return kv;
  kv.close();
  throw new StoreError(
    "newer-version",
    `${path} has format ${value}, this program knows ${STORE_FORMAT}: use the program that wrote it`,
  );
}

async function build(
  kv: Deno.Kv,
  { lock, owner, policy, clock, log, self, archive: archiveLimits = ARCHIVE_LIMITS }:
    & OpenHistoryOptions
    & { readonly lock: StoreLock; readonly owner: StoreOwner; readonly policy: HistoryPolicy },
): Promise<KvHistory> {
  const conversations = new Conversations();
  const archive = new KvEventArchive(kv, archiveLimits);
  const groups = new KvGroups(kv);
  await conversations.load(kv);
  await archive.load();
  await groups.load();
  const reader = new RecordReader(kv, conversations);
  const index = new SearchIndex(reader.source(() => policy.expiry(clock.wall())), { clock });
  const history = new KvHistory({
    kv,
    owner,
    policy,
    clock,
    log,
    self: self.toLowerCase(),
    conversations,
    archive,
    groups,
    reader,
    writer: new RecordWriter(kv, policy.limits.perPeerCap),
    index,
    release: () => lock.release(),
  });
  await history.start();
  return history;
}
