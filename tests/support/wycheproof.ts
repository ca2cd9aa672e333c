/** One Wycheproof test: a value a column, as the file's first line names them. */
export type WycheproofRow = Readonly<Record<string, string>> & {
  readonly id: string;
  readonly comment: string;
  readonly result: string;
};

/** The tests of `tests/vectors/wycheproof/<name>.json`. */
export function wycheproof(name: string): readonly WycheproofRow[] {
  const url = new URL(`../vectors/wycheproof/${name}.json`, import.meta.url);
  const file: { columns: string[]; rows: unknown[][] } = JSON.parse(Deno.readTextFileSync(url));
  return file.rows.map((row) => {
    const named = Object.fromEntries(file.columns.map((name, at) => [name, String(row[at])]));
    return { id: "", comment: "", result: "", ...named };
  });
}

/** How many rows ended in each way: a test asserts it, so that no row is dropped unseen. */
export function countBy<T>(rows: readonly T[], outcome: (row: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const key = outcome(row);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return new Map([...counts].sort());
}
