/**
 * What `failingKv` asks, of a disk that makes so many commits and none after them: what a kill at this
 * point leaves. With `isTold` false nobody learns that the last of them was made.
 */
export function dyingDisk(
  { commits, isTold }: { commits: number; isTold: boolean },
): { readonly now: "never" | "before" | "after" } {
  // It is asked before and after each commit.
  let asked = 0;
  return {
    get now() {
      asked++;
      if (asked > 2 * commits) return "before";
      return asked === 2 * commits && !isTold ? "after" : "never";
    },
  };
}
