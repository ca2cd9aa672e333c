/** Keys that are known to be taken, from `from` to `to`. */
export interface KeyRun {
  readonly from: bigint;
  readonly to: bigint;
}

/** Where to look for a key. */
export interface FreeKeyOptions {
  /** Taken by records of the same commit; the key found is added. */
  readonly taken: Set<bigint>;
  /** Whether a key is taken on disk. */
  readonly exists: (key: bigint) => Promise<boolean>;
  /** What the last search in the same place returned, if nothing was removed there since. */
  readonly run: KeyRun | undefined;
}

/**
 * The first free key from a time on (history.md 4), and the taken keys around it. Many records of one
 * moment, which an archive may have, are not looked through again for each of them.
 */
export async function freeKey(
  time: bigint,
  { taken, exists, run }: FreeKeyOptions,
): Promise<{ key: bigint; run: KeyRun | undefined }> {
  let key = run !== undefined && time >= run.from && time <= run.to ? run.to + 1n : time;
  while (taken.has(key) || await exists(key)) key++;
  taken.add(key);
  return { key, run: key === time ? run : { from: time, to: key } };
}
