import { MemoryFiles } from "#contacts";

/** Public keys, as far as an address book looks at them. */
export const [ALICE = "", BOB = "", CAROL = "", DAVE = ""] = ["aa", "bb", "cc", "dd"]
  .map((pair) => `02${pair.repeat(32)}`);

/** Where the file is. */
export const PATH = "data/book.json";

/** The key with this number. */
export function keyNumber(number: number): string {
  return `03${number.toString(16).padStart(64, "0")}`;
}

/** Files whose steps end early after so many of them, as they do when a disk is full. */
export class FailingFiles extends MemoryFiles {
  /** Steps that still work; writing counts twice, since half of a text may be written. */
  stepsLeft = Infinity;

  override makeFolderOf(path: string): Promise<void> {
    return this.#step() ? super.makeFolderOf(path) : noSpace();
  }

  override write(path: string, text: string): Promise<void> {
    if (!this.#step()) return noSpace();
    this.texts.set(path, text.slice(0, text.length / 2));
    return this.#step() ? super.write(path, text) : noSpace();
  }

  override rename(from: string, to: string): Promise<void> {
    return this.#step() ? super.rename(from, to) : noSpace();
  }

  #step(): boolean {
    return this.stepsLeft-- > 0;
  }
}

function noSpace(): Promise<void> {
  return Promise.reject(new Error("no space left on device"));
}
