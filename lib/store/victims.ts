/**
 * The smallest `count` keys among the oldest records on disk and those about to be written, whatever
 * else is known of them: what a full conversation or group drops.
 */
export function victimsOf<O extends { readonly at: bigint }, N extends { readonly at: bigint }>(
  oldest: readonly O[],
  placed: readonly N[],
  count: number,
): readonly (O | { readonly at: bigint })[] {
  const candidates: (O | { readonly at: bigint })[] = [
    ...oldest,
    ...placed.map(({ at }) => ({ at })),
  ];
  return candidates.sort((a, b) => a.at < b.at ? -1 : 1).slice(0, count);
}
