import v8 from "node:v8";
import vm from "node:vm";
import { systemClock } from "#kit";
import type { HistoryRecord } from "../../lib/store/record.ts";
import { SearchIndex } from "../../lib/store/search_index.ts";
import type { PlacedRecord, RecordRef, SearchSource } from "../../lib/store/search_source.ts";
import type { Row } from "./report.ts";
import { type BenchContext, figures, interleaved, milliseconds, type Part } from "./rounds.ts";
import { median } from "./statistics.ts";
import { atMost } from "./targets.ts";

const MESSAGES = 100_000;
const PEERS = 200;
const PAGE = 500;
const HITS = 100;
/** Milliseconds of an answer that people do not wait for. */
const ANSWER = atMost(100);
const MEBIBYTE = 1_048_576;
const WORDS = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod".split(" ");

/** Searches among 100 000 messages in memory, against a plain loop over their texts. */
export const searchPart: Part = {
  name: "search",
  async run(context: BenchContext): Promise<readonly Row[]> {
    const source = new BenchSource(context.size(MESSAGES, 2_000));
    const texts = source.texts();
    const plain = (word: string) => () => milliseconds(async () => await plainly(texts, word));
    let index = await loaded(source);
    const search = (word: string) => () => milliseconds(() => index.search(word, HITS));
    const samples = await interleaved(context.size(9, 2), {
      load: () =>
        milliseconds(async () => {
          index.close();
          index = await loaded(source);
        }),
      first: search("nothing has this"),
      absent: search("another absentee"),
      common: search("Ipsum"),
      letter: search("e"),
      "plain absent": plain("another absentee"),
    });
    index.close();
    const memory = await memoryOf(source);
    const row = (name: string, key: keyof typeof samples, floor?: keyof typeof samples): Row => ({
      name: `${name}, ${source.count} messages`,
      ...figures(samples[key]),
      unit: "ms",
      ...(floor === undefined
        ? {}
        : { floor: { name: "loop of includes", value: median(samples[floor]) } }),
      ...(key === "load" ? {} : { target: ANSWER }),
    });
    return [
      row("index loaded from memory", "load"),
      row("first search, absent word", "first", "plain absent"),
      row("absent word", "absent", "plain absent"),
      row("word in most", "common"),
      row("letter in all", "letter"),
      { name: `index of ${source.count} messages`, value: memory, unit: "MiB" },
    ];
  },
};

async function loaded(source: BenchSource): Promise<SearchIndex> {
  const index = new SearchIndex(source, { clock: systemClock });
  await index.load();
  return index;
}

/**
 * What a program without an index does when the texts are in memory, lower-cased and in their order,
 * so that only words which are rare make it look through all.
 */
function plainly(texts: readonly string[], word: string): string[] {
  const found: string[] = [];
  for (let at = texts.length - 1; at >= 0 && found.length < HITS; at--) {
    const text = texts[at];
    if (text?.includes(word)) found.push(text);
  }
  return found;
}

/** MiB of the heap and its arrays that one more index takes. */
async function memoryOf(source: BenchSource): Promise<number> {
  const before = await used();
  const index = await loaded(source);
  const grown = await used() - before;
  index.close();
  return Math.max(grown, 0) / MEBIBYTE;
}

async function used(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Frees what is garbage; where the runtime does not let us, the figure is only about right. */
function collect(): void {
  v8.setFlagsFromString("--expose-gc");
  vm.runInNewContext("typeof gc === 'function' && gc()");
}

/** Messages of about 70 characters, made anew whenever they are read, as a disk would. */
class BenchSource implements SearchSource {
  readonly count: number;
  readonly #peers = Array.from({ length: PEERS }, (_, at) => `02${String(at).padStart(64, "0")}`);

  constructor(count: number) {
    this.count = count;
  }

  texts(): readonly string[] {
    return Array.from({ length: this.count }, (_, at) => this.#at(at).record.text.toLowerCase());
  }

  async *everything(): AsyncIterable<readonly PlacedRecord[]> {
    for (let start = 0; start < this.count; start += PAGE) {
      await systemClock.sleep(0);
      const length = Math.min(PAGE, this.count - start);
      yield Array.from({ length }, (_, at) => this.#at(start + at));
    }
  }

  async *older(): AsyncIterable<readonly PlacedRecord[]> {}

  get(refs: readonly RecordRef[]): Promise<readonly HistoryRecord[]> {
    return Promise.resolve(refs.map(({ key }) => this.#at(Number(key)).record));
  }

  #at(number: number): PlacedRecord {
    const peer = this.#peers[number % PEERS] ?? "";
    const words = Array.from({ length: 9 }, (_, at) => WORDS[(number * 7 + at * 3) % WORDS.length]);
    const text = `Message ${number}: ${words.join(" ")}`;
    return {
      peer,
      key: BigInt(number),
      record: { peer, from: peer, outgoing: false, text, timestamp: `t${number}` },
    };
  }
}
