import { utf8 } from "#kit";
import type { Files } from "./files.ts";

/** Files in memory, for tests; the twin of `denoFiles`, whose every step can be made to fail. */
export class MemoryFiles implements Files {
  /** Path -> contents. */
  readonly texts: Map<string, string>;
  /** `<step> <path>` of all that was asked for and may change something. */
  readonly steps: string[] = [];
  /** Steps that still work; one that does not leaves half of the text. */
  stepsLeft: number = Infinity;
  /** Awaited before each step, so that a test can hold the disk. */
  before: () => Promise<void> = () => Promise.resolve();

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

  async write(path: string, text: string): Promise<void> {
    const works = await this.#step(`write ${path}`);
    this.texts.set(path, works ? text : text.slice(0, text.length / 2));
    if (!works) throw noSpace();
  }

  async rename(from: string, to: string): Promise<void> {
    if (!await this.#step(`rename ${from}`)) throw noSpace();
    const text = this.texts.get(from);
    if (text === undefined) throw new Error("no such file");
    this.texts.delete(from);
    this.texts.set(to, text);
  }

  async makeFolder(path: string): Promise<void> {
    if (!await this.#step(`folder ${path}`)) throw noSpace();
  }

  async append(path: string, text: string): Promise<void> {
    const works = await this.#step(`append ${path}`);
    const added = works ? text : text.slice(0, text.length / 2);
    this.texts.set(path, (this.texts.get(path) ?? "") + added);
    if (!works) throw noSpace();
  }

  list(path: string): Promise<string[]> {
    const below = [...this.texts.keys()].filter((name) => name.startsWith(`${path}/`));
    const names = below.map((name) => name.slice(path.length + 1).split("/"));
    return Promise.resolve([
      ...new Set(names.filter((parts) => parts.length > 1).map(([name = ""]) => name)),
    ]);
  }

  async #step(step: string): Promise<boolean> {
    await this.before();
    this.steps.push(step);
    return this.stepsLeft-- > 0;
  }
}

function noSpace(): Error {
  return new Error("no space left on device");
}
