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

/** The same, but no event is kept longer than records are: `ttlMs` milliseconds, 0 for ever. */
export function withinAge(limits: ArchiveLimits, ttlMs: number): ArchiveLimits {
  return ttlMs > 0 ? { ...limits, age: Math.min(limits.age, ttlMs) } : limits;
}

/** The time at and before which events are too old to be given out. */
export function eventExpiry({ age }: ArchiveLimits, wall: bigint): bigint {
  return wall - BigInt(Math.round(age)) * 1_000_000n;
}
