import { CodedError } from "#kit";

/**
 * A store that cannot be opened or read. Codes: `invalid-limits`, `whitelist`, `timeout` (another
 * process has it), `foreign` (the file is not ours, and was left as it is), `newer-version`,
 * `unusable` (cannot be created or opened), `disk` (a read or a write failed),
 * `displaced` (another process has taken it over), `closed`.
 */
export class StoreError extends CodedError {}
