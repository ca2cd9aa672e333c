/** How much the own feed of a group holds (groups.md 4.7). */
export interface GroupLimits {
  /** Copies of the messages of one sender. */
  readonly leavesPerSender: number;
  /** Bytes of them. */
  readonly bytesPerSender: number;
  /** Leaves of the whole feed (ours): each costs a reader about four objects. */
  readonly leaves: number;
  /** Bytes of all leaves. */
  readonly bytes: number;
}

/** The limits of groups.md 4.7; the number of all leaves is ours. */
export const GROUP_LIMITS: GroupLimits = {
  leavesPerSender: 2_000,
  bytesPerSender: 8_388_608,
  leaves: 20_000,
  bytes: 67_108_864,
};

/** What is dropped at once beyond a limit, so that not every message costs a deletion. */
const DROPPED_SHARE = 16;

interface Share {
  /** Lengths by path, oldest first by the time that the path says. */
  readonly leaves: Map<string, number>;
  bytes: number;
}

/** Authors that have one share together. */
type Crowd = readonly Share[];

/**
 * Counts the leaves of a feed by their author and says which have to go: of a sender above its share its
 * oldest, of a feed that is too large the oldest copies of whoever takes most room, own messages last. Records
 * of governance never go. All strangers have the share of one sender, since anybody can make up keys.
 */
export class LeafBudget {
  readonly #own: string;
  readonly #limits: GroupLimits;
  readonly #isStranger: (author: string) => boolean;
  readonly #shares = new Map<string, Share>();
  #count = 0;
  #bytes = 0;

  /** `own`: the key whose messages are no copies; `isStranger`: whether an author was never in any list. */
  constructor(
    { own, limits, isStranger = () => false }: {
      readonly own: string;
      readonly limits: GroupLimits;
      readonly isStranger?: ((author: string) => boolean) | undefined;
    },
  ) {
    this.#own = own;
    this.#limits = limits;
    this.#isStranger = isStranger;
  }

  /** All paths. */
  *paths(): Iterable<string> {
    for (const { leaves } of this.#shares.values()) yield* leaves.keys();
  }

  /** Counts a leaf; one that is counted already changes its length. */
  add(path: string, length: number): void {
    this.remove(path);
    const author = authorOf(path);
    const share = this.#shares.get(author) ?? { leaves: new Map(), bytes: 0 };
    this.#shares.set(author, share);
    share.leaves.set(path, length);
    share.bytes += length;
    this.#count++;
    this.#bytes += length;
  }

  /** Counts a leaf no more. */
  remove(path: string): void {
    const author = authorOf(path);
    const share = this.#shares.get(author);
    const length = share?.leaves.get(path);
    if (share === undefined || length === undefined) return;
    share.leaves.delete(path);
    share.bytes -= length;
    this.#count--;
    this.#bytes -= length;
    if (share.leaves.size === 0) this.#shares.delete(author);
  }

  /** Paths that have to go now. */
  excess(): string[] {
    const { bytesPerSender, leavesPerSender } = this.#limits;
    const crowds = this.#crowds();
    const paths = crowds.flatMap((crowd) => {
      const { bytes, count } = sizeOf(crowd);
      return oldestOf(crowd, { count: count - leavesPerSender, bytes: bytes - bytesPerSender });
    });
    return paths.length > 0 ? paths : this.#overall(crowds);
  }

  #overall(crowds: readonly Crowd[]): string[] {
    const { bytes, leaves } = this.#limits;
    const need = { count: this.#count - leaves, bytes: this.#bytes - bytes };
    const weight = need.bytes > 0 ? "bytes" : "count";
    const own = this.#shares.get(this.#own);
    // Own messages only where there are no copies.
    const candidates = crowds.length > 0 || own === undefined ? crowds : [[own]];
    const [first, ...others] = candidates;
    if (first === undefined) return [];
    const heaviest = others.reduce(
      (most, crowd) => sizeOf(crowd)[weight] > sizeOf(most)[weight] ? crowd : most,
      first,
    );
    return oldestOf(heaviest, need);
  }

  /** Whose copies there are: each sender by itself, and all strangers together. */
  #crowds(): Crowd[] {
    const crowds: Crowd[] = [];
    const strangers: Share[] = [];
    for (const [author, share] of this.#shares) {
      if (author === "" || author === this.#own) continue;
      if (this.#isStranger(author)) strangers.push(share);
      else crowds.push([share]);
    }
    return strangers.length > 0 ? [...crowds, strangers] : crowds;
  }
}

function sizeOf(crowd: Crowd): { readonly count: number; readonly bytes: number } {
  let [count, bytes] = [0, 0];
  for (const share of crowd) {
    count += share.leaves.size;
    bytes += share.bytes;
  }
  return { count, bytes };
}

/** Enough of the oldest, and somewhat more; none where nothing has to go. */
function oldestOf(crowd: Crowd, need: { count: number; bytes: number }): string[] {
  if (need.count <= 0 && need.bytes <= 0) return [];
  const paths: string[] = [];
  const least = Math.max(need.count, Math.ceil(sizeOf(crowd).count / DROPPED_SHARE));
  let bytes = 0;
  const lengths = new Map(crowd.flatMap(({ leaves }) => [...leaves]));
  for (const path of oldestFirst(lengths.keys())) {
    if (paths.length >= least && bytes >= need.bytes) break;
    paths.push(path);
    bytes += lengths.get(path) ?? 0;
  }
  return paths;
}

function oldestFirst(paths: Iterable<string>): string[] {
  const timed = Array.from(paths, (path) => ({ path, time: timeOf(path) }));
  timed.sort((a, b) => a.time === b.time ? (a.path < b.path ? -1 : 1) : a.time < b.time ? -1 : 1);
  return timed.map(({ path }) => path);
}

/** Whose message is at a path; empty for records of governance. */
function authorOf(path: string): string {
  return path.startsWith("msgs/") ? path.split("/", 2)[1] ?? "" : "";
}

/** The time in a path as text that sorts as the times do, which costs a fraction of numbers of that size. */
function timeOf(path: string): string {
  const time = path.split("/", 3)[2] ?? "";
  return (/^[0-9]{1,19}$/.test(time) ? time : "0").padStart(19, "0");
}
