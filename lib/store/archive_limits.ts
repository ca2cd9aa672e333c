/** How much of `/events` is kept on disk. */
export interface ArchiveLimits {
  /** Number of events. */
  readonly events: number;
  /** Bytes as stored. */
  readonly bytes: number;
  /** Milliseconds. */
  readonly age: number;
}

/** 20,000 events, 16 MiB, 7 days, whichever comes first. Ours. */
export const ARCHIVE_LIMITS: ArchiveLimits = {
  events: 20_000,
  bytes: 16_777_216,
  age: 604_800_000,
};
