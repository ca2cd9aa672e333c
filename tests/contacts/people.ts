/** Public keys, as far as an address book looks at them. */
export const [ALICE = "", BOB = "", CAROL = "", DAVE = ""] = ["aa", "bb", "cc", "dd"]
  .map((pair) => `02${pair.repeat(32)}`);

/** Where the file is. */
export const PATH = "data/book.json";

/** The key with this number. */
export function keyNumber(number: number): string {
  return `03${number.toString(16).padStart(64, "0")}`;
}
