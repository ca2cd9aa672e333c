import { utf8 } from "#kit";
import type { ContactFiles } from "./contact_files.ts";

/** Files in memory, for tests. Subclasses make single steps fail. */
export class MemoryFiles implements ContactFiles {
  /** Path -> contents. */
  readonly texts: Map<string, string>;

  /** Begins with these files. */
  constructor(texts: Readonly<Record<string, string>> = {}) {
    this.texts = new Map(Object.entries(texts));
  }

  read(path: string, most: number): Promise<string | undefined> {
    const text = this.texts.get(path);
    if (text !== undefined && utf8(text).length > most) {
      return Promise.reject(new Error(`more than ${most} bytes`));
    }
    return Promise.resolve(text);
  }

  makeFolderOf(_path: string): Promise<void> {
    return Promise.resolve();
  }

  write(path: string, text: string): Promise<void> {
    this.texts.set(path, text);
    return Promise.resolve();
  }

  rename(from: string, to: string): Promise<void> {
    const text = this.texts.get(from);
    if (text === undefined) return Promise.reject(new Error("no such file"));
    this.texts.delete(from);
    this.texts.set(to, text);
    return Promise.resolve();
  }
}
