/** The middle of the samples; the mean of the two middle ones when their number is even. */
export function median(samples: readonly number[]): number {
  const sorted = ascending(samples);
  const middle = sorted.length >> 1;
  const upper = at(sorted, middle);
  return sorted.length % 2 === 1 ? upper : (at(sorted, middle - 1) + upper) / 2;
}

/**
 * The smallest sample that at least `share` of all samples do not exceed (nearest rank).
 *
 * @param share Above 0, at most 1: 0.99 for p99.
 */
export function quantile(samples: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) {
    throw new RangeError(`Cannot take a quantile: ${share} is not above 0 and at most 1`);
  }
  const sorted = ascending(samples);
  return at(sorted, Math.ceil(share * sorted.length) - 1);
}

/** How far apart the samples are: (largest - smallest) / median. Says how much a figure is worth. */
export function spread(samples: readonly number[]): number {
  const sorted = ascending(samples);
  return (at(sorted, sorted.length - 1) - at(sorted, 0)) / median(samples);
}

function ascending(samples: readonly number[]): number[] {
  if (samples.length === 0) throw new RangeError("Cannot describe samples: there are none");
  return samples.toSorted((a, b) => a - b);
}

function at(sorted: readonly number[], index: number): number {
  const value = sorted[index];
  if (value === undefined) throw new RangeError(`Cannot read sample ${index} of ${sorted.length}`);
  return value;
}
