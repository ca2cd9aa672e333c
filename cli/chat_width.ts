/** Code points of one cluster that are kept: enough for every flag and family, too few to pile up marks. */
export const MAX_CLUSTER_CODE_POINTS = 16;

/** First and last code points that take two columns (Unicode East Asian Width: W and F). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0x3247],
  [0x3250, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x18d00, 0x1b2ff],
  [0x1f200, 0x1f2ff],
  [0x20000, 0x3fffd],
];

const EMOJI = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f/u;
const INVISIBLE = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Control}\p{Surrogate}]*$/u;

let segmenter: Intl.Segmenter | undefined;

/**
 * The user-perceived characters of a text, each with at most {@link MAX_CLUSTER_CODE_POINTS} code
 * points. Half a surrogate pair becomes U+FFFD.
 */
export function clustersOf(text: string): string[] {
  // Plain text needs no table of Unicode, and most text is plain.
  if (/^[\x20-\x7e]*$/.test(text)) return [...text];
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return Array.from(segmenter.segment(text.toWellFormed()), ({ segment }) => bounded(segment));
}

function bounded(cluster: string): string {
  if (cluster.length <= MAX_CLUSTER_CODE_POINTS) return cluster;
  return [...cluster].slice(0, MAX_CLUSTER_CODE_POINTS).join("");
}

/** Columns that one cluster takes on a terminal: 0, 1 or 2. */
export function clusterWidth(cluster: string): number {
  if (INVISIBLE.test(cluster)) return 0;
  if (EMOJI.test(cluster)) return 2;
  const point = cluster.codePointAt(0) ?? 0;
  return WIDE.some(([first, last]) => point >= first && point <= last) ? 2 : 1;
}

/** Columns that a text takes on a terminal. */
export function textWidth(text: string): number {
  return clustersOf(text).reduce((width, cluster) => width + clusterWidth(cluster), 0);
}

/** As much of the beginning of a text as fits into so many columns; the last column is `…` when cut. */
export function fitted(text: string, columns: number): string {
  const clusters = clustersOf(text);
  let width = 0;
  let kept = "";
  let keptWithMark = "";
  for (const cluster of clusters) {
    width += clusterWidth(cluster);
    if (width > columns) return columns < 1 ? "" : `${keptWithMark}…`;
    kept += cluster;
    if (width <= columns - 1) keptWithMark = kept;
  }
  return kept;
}
