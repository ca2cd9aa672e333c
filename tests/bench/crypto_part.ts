import { cryptoPrimitives } from "./crypto_primitives.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";

/** The backend that runs everywhere and that all others must equal; so it is the floor here. */
const REFERENCE = "noble";

/** Every primitive of `#crypto` under every backend that runs here, against noble. */
export const cryptoPart: Part = {
  name: "crypto",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const samples = new Map<string, { name: string; backend: string; microseconds: number[] }>();
    // WebAssembly starts in a form that is quick to compile and gets its fast one after a while.
    await cryptoPrimitives({ batchMs: context.size(40, 1), batches: 1 });
    const options = { batchMs: context.size(12, 1), batches: 1 };
    for (let round = 0; round < context.size(5, 1); round++) {
      for (const { name, backend, microseconds } of await cryptoPrimitives(options)) {
        const key = keyOf(backend, name);
        const sample = samples.get(key) ?? { name, backend, microseconds: [] };
        sample.microseconds.push(microseconds);
        samples.set(key, sample);
      }
    }
    return [...samples.values()].map(({ name, backend, microseconds }) => {
      const reference = samples.get(keyOf(REFERENCE, name));
      return {
        name: `${name}, ${backend}`,
        ...figures(microseconds),
        unit: "us",
        ...(backend === REFERENCE || reference === undefined
          ? {}
          : { floor: { name: REFERENCE, value: median(reference.microseconds) } }),
      };
    });
  },
};

function keyOf(backend: string, name: string): string {
  return `${backend}/${name}`;
}
