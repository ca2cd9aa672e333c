import type { Clock } from "#kit";
import { formatKey } from "./keyspace.ts";
import { inspectSideFiles } from "./side_files.ts";
import { openingError, StoreError } from "./store_error.ts";
import { createFolder, createStore, inspectStore, makePrivate } from "./store_file.ts";
import { lockStore, type StoreLock } from "./store_lock.ts";
import { StoreOwner } from "./store_owner.ts";

/** Version of the keys and values that this program writes; a store with a newer one is refused. */
export const STORE_FORMAT = 1;

/**
 * Longest wait for a database whose lock is taken, ms: for a disk that hangs. Ours; a slow card may
 * need seconds after a power cut, and a node that gave up keeps nothing until it is restarted.
 */
export const OPEN_WAIT_MS = 10_000;

/** Where a database is, and how to open it. */
export interface Place {
  readonly path: string;
  readonly clock: Clock;
  readonly openKv: (path: string) => Promise<Deno.Kv>;
}

/** A database that this process alone writes to. */
export interface OpenDatabase {
  readonly kv: Deno.Kv;
  readonly owner: StoreOwner;
  /** Closes it and lets others in. */
  close(): void;
}

/**
 * Opens the database of a store, or makes an empty one.
 *
 * @throws {StoreError} `foreign`, `timeout`, `newer-version`, `unusable`; nothing stays open
 */
export async function openDatabase(place: Place): Promise<OpenDatabase> {
  const { clock } = place;
  const path = await freePath(place.path);
  const lock = await lockStore(path, { clock });
  const opening = takeOver({ ...place, path }, lock);
  const stop = new AbortController();
  const late = clock.sleep(OPEN_WAIT_MS, stop.signal).then(() => undefined);
  const opened = await Promise.race([opening, late]).finally(() => stop.abort());
  if (opened !== undefined) return opened;
  // Nobody else gets the lock before what hangs here has ended.
  opening.then((tooLate) => tooLate.close(), () => {});
  throw new StoreError(
    "unusable",
    `cannot open ${path}: its disk does not answer; look at the disk, then restart`,
  );
}

/** Makes sure that the path is ours or free: nothing is created beside a foreign file. */
async function freePath(wanted: string): Promise<string> {
  const found = await inspectStore(wanted);
  if (found === "nothing") await createFolder(wanted);
  // Two names of one file must share one lock.
  const path = found === "store" ? await Deno.realPath(wanted) : wanted;
  await inspectSideFiles(path);
  return path;
}

/** Opens what is locked; lets go of the lock where that fails. */
async function takeOver({ path, clock, openKv }: Place, lock: StoreLock): Promise<OpenDatabase> {
  let kv: Deno.Kv | undefined;
  try {
    if (await inspectStore(path) === "nothing") {
      await createStore(path, (draft) => draft.set(formatKey(), STORE_FORMAT));
    }
    await makePrivate(path);
    const opened = kv = await openKv(path);
    await checkFormat(opened, path);
    const owner = await StoreOwner.claim(opened, { path, clock });
    const close = () => {
      opened.close();
      lock.release();
    };
    return { kv: opened, owner, close };
  } catch (error) {
    kv?.close();
    lock.release();
    throw openingError(`open ${path}`, error);
  }
}

async function checkFormat(kv: Deno.Kv, path: string): Promise<void> {
  const { value } = await kv.get<number>(formatKey());
  if (value === STORE_FORMAT) return;
  throw new StoreError(
    "newer-version",
    `${path} has format ${value}, this program knows ${STORE_FORMAT}: use the program that wrote it`,
  );
}
