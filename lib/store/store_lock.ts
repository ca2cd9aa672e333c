import { type Clock, errorText } from "#kit";
import { openingError, StoreError } from "./store_error.ts";

/** How long to wait for a process that has the store open (history.md 2), ms. */
export const LOCK_WAIT_MS = 2_000;
/** Pause between two looks, ms. */
export const LOCK_POLL_MS = 50;

/** A file to lock, as `Deno.open` gives it. */
export interface LockFile {
  lock(exclusive?: boolean): Promise<void>;
  /** Absent in the runtime line that compiles. */
  readonly tryLock?: ((exclusive?: boolean) => Promise<boolean>) | undefined;
  close(): void;
}

/** A store that no other process may open. */
export interface StoreLock {
  /** Lets others in. */
  release(): void;
}

/**
 * Takes the lock of a store: an advisory lock on `<path>.lock`, which the system drops when the
 * process dies. The file stays; the database itself is not touched, since closing any handle of it
 * would drop SQLite's own locks. `open` is for tests.
 *
 * @throws {StoreError} `timeout` after {@link LOCK_WAIT_MS}, `unusable`
 */
export async function lockStore(
  path: string,
  { clock, open = openLock }: { clock: Clock; open?: (path: string) => Promise<LockFile> },
): Promise<StoreLock> {
  const file = await open(`${path}.lock`);
  let taken = false;
  try {
    taken = await take(file, clock);
  } catch (error) {
    file.close();
    throw new StoreError("unusable", `cannot lock ${path}: ${errorText(error)}`, { cause: error });
  }
  if (taken) return { release: () => file.close() };
  throw new StoreError(
    "timeout",
    `timeout: another process has ${path} open; stop it or choose another --persist-db`,
  );
}

async function openLock(path: string): Promise<LockFile> {
  try {
    return await Deno.open(path, { write: true, create: true, mode: 0o600 });
  } catch (error) {
    throw openingError(`create ${path}`, error);
  }
}

/** Whether the lock came in time; if not, the file is closed. */
async function take(file: LockFile, clock: Clock): Promise<boolean> {
  if (typeof file.tryLock !== "function") return await takeBlocking(file, clock);
  for (const end = clock.now() + LOCK_WAIT_MS;;) {
    if (await file.tryLock(true)) return true;
    if (clock.now() >= end) break;
    await clock.sleep(LOCK_POLL_MS);
  }
  file.close();
  return false;
}

/** A wait that cannot be called off: when it ends too late, what it got is given back at once. */
async function takeBlocking(file: LockFile, clock: Clock): Promise<boolean> {
  const stop = new AbortController();
  const locked = file.lock(true).then(() => true);
  const late = clock.sleep(LOCK_WAIT_MS, stop.signal).then(() => false);
  const taken = await Promise.race([locked, late]);
  stop.abort();
  if (!taken) locked.then(() => file.close(), () => file.close());
  return taken;
}
