/** A goal of `/docs/PERFORMANCE.md` that a figure is held against. */
export interface Target {
  /** How it reads in the table. */
  readonly text: string;
  /** Whether a figure, with the floor of the same run, reaches it. */
  readonly met: (value: number, floor: number) => boolean;
}

/** At most `factor` times the floor: for times and sizes. */
export function atMostTimes(factor: number): Target {
  return { text: `<= ${factor} x`, met: (value, floor) => value <= factor * floor };
}

/** At least `factor` times the floor: for rates. */
export function atLeastTimes(factor: number): Target {
  return { text: `>= ${factor} x`, met: (value, floor) => value >= factor * floor };
}

/** At most `margin` above the floor, in the figure's own unit. */
export function atMostAbove(margin: number): Target {
  return { text: `<= floor + ${margin}`, met: (value, floor) => value <= floor + margin };
}

/** At most `limit`, whatever the floor: for figures that people feel. */
export function atMost(limit: number): Target {
  return { text: `<= ${limit}`, met: (value) => value <= limit };
}

/** At least `limit`, whatever the floor. */
export function atLeast(limit: number): Target {
  return { text: `>= ${limit.toLocaleString("en-US")}`, met: (value) => value >= limit };
}

/** The targets by row; where they come from is told in docs/PERFORMANCE.md. */
export const TARGETS = {
  classicalSession: atMostTimes(6.5),
  hybridSession: atMostAbove(1.5),
  roundTrip: atMostTimes(1.25),
  sessionPipeline: atLeastTimes(0.45),
  productPipeline: atLeastTimes(0.12),
  bulkNative: atLeastTimes(0.5),
  bulkWithoutNative: atLeastTimes(0.3),
  memoryPerLink: atMostTimes(1),
  idleMemory: atMostTimes(1.3),
  oneShot: atMostTimes(1.5),
  version: atMostTimes(1.15),
  fanOut: atLeastTimes(0.9),
  fanOutLatency: atMost(10),
  stalledReader: atLeastTimes(0.95),
  durableRoundTrip: atMostTimes(2),
  storedMessages: atLeast(10_000),
  recent: atMost(5),
  answer: atMost(100),
  search: atMost(100),
  growth: atMostTimes(1.5),
  nothingLost: atMost(0),
  catchUp: atLeast(25_000),
  feedGrowth: atMostTimes(2),
  groupCatchUp: atLeast(2_500),
  oneCopy: atMostTimes(1.5),
} as const;
