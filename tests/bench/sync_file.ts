import { milliseconds } from "./rounds.ts";
import { median } from "./statistics.ts";

/** Bytes of one append: about what a short message needs. */
const APPEND_BYTES = 100;

/** The floor of everything that promises to be on disk: appending to a file and waiting for the disk. */
export class SyncFile {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /** A file where the nodes of the bench have theirs. */
  static async open(): Promise<SyncFile> {
    const path = await Deno.makeTempFile({ prefix: "skychat-bench-" });
    return new SyncFile(path, await Deno.open(path, { append: true }));
  }

  /** Median microseconds of one append that is on disk. */
  async run(count: number): Promise<number> {
    const bytes = new Uint8Array(APPEND_BYTES);
    const samples: number[] = [];
    for (let index = 0; index < count; index++) {
      samples.push(
        await milliseconds(async () => {
          await this.#file.write(bytes);
          await this.#file.syncData();
        }) * 1_000,
      );
    }
    return median(samples);
  }

  async close(): Promise<void> {
    this.#file.close();
    await Deno.remove(this.#path);
  }
}
