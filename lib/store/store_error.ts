import { CodedError, errorText } from "#kit";

/**
 * A store that cannot be opened or read. Codes: `invalid-limits`, `whitelist`, `timeout` (another
 * process has it), `foreign` (the file is not ours, and was left as it is), `newer-version`,
 * `unusable` (cannot be created or opened), `disk` (a read or a write failed),
 * `displaced` (another process has taken it over), `damaged` (something stored cannot be read),
 * `closed`.
 */
export class StoreError extends CodedError {}

/** What SQLite and the system say where a disk has no room. */
const PERHAPS_FULL = /disk I\/O error|disk is full|No space left|Disk quota exceeded/i;

/** What SQLite and the runtime say where a file was changed by something else. */
const DAMAGED = /malformed|not a database|value encoding|end of file|cannot be read/i;

/** An error of the opening: what could not be done, why, and what helps if that is known. */
export function openingError(action: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const why = errorText(error);
  let help = "";
  if (PERHAPS_FULL.test(why)) {
    help = "; if its disk is full, free space and restart: what is stored is still there";
  } else if (DAMAGED.test(why)) {
    help = "; the file is damaged: keep a copy of it, look at the disk, restore a backup";
  }
  return new StoreError("unusable", `cannot ${action}: ${why}${help}`, { cause: error });
}
