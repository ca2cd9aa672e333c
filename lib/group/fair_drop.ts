/**
 * Takes out the oldest entry of whoever has most of them, so that nobody who fills a bounded place pushes out
 * what others have there.
 *
 * @param ownerOf whose an entry is, by its key
 */
export function dropOfHeaviest<Value>(
  entries: Map<string, Value>,
  ownerOf: (key: string) => string,
): void {
  const owned = new Map<string, string[]>();
  for (const key of entries.keys()) {
    const owner = ownerOf(key);
    const keys = owned.get(owner);
    if (keys === undefined) owned.set(owner, [key]);
    else keys.push(key);
  }
  const [first, ...others] = owned.values();
  const heaviest = others.reduce(
    (most, keys) => keys.length > most.length ? keys : most,
    first ?? [],
  );
  const [oldest] = heaviest;
  if (oldest !== undefined) entries.delete(oldest);
}
