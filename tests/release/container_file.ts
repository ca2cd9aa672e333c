/** What the Dockerfile says about the image, for the test that runs it without a container engine. */

/** One `COPY` from the build stage. */
export interface ImageCopy {
  readonly from: string;
  readonly to: string;
}

/** One folder that `RUN install -d` makes. */
export interface ImageFolder {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** The last stage of a Dockerfile, as an engine would keep it. */
export interface Image {
  /** Base images of all stages, first to last. */
  readonly bases: readonly string[];
  readonly copies: readonly ImageCopy[];
  readonly folders: readonly ImageFolder[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly workdir: string;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly stopSignal: string;
  readonly healthcheck: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** Reads the run stage. Throws for what it does not know: nothing of it may go unnoticed. */
export function readImage(dockerfile: string): Image {
  const all = instructionsOf(dockerfile);
  const last = all.findLastIndex(({ name }) => name === "FROM");
  const stage = all.slice(last + 1);
  const texts = (name: string) => stage.filter((one) => one.name === name).map(({ rest }) => rest);
  const only = (name: string): string => {
    const [text, ...more] = texts(name);
    if (text === undefined || more.length > 0) throw new Error(`Cannot find exactly one ${name}`);
    return text;
  };
  for (const { name } of stage) {
    if (!KNOWN.has(name)) throw new Error(`Cannot tell what ${name} does to the image`);
  }
  const [uid, gid] = only("USER").split(":").map(Number);
  const health = /^(?:--\S+\s+)*CMD\s+(.*)$/.exec(only("HEALTHCHECK"))?.[1];
  return {
    bases: all.filter(({ name }) => name === "FROM").map(({ rest }) => baseOf(rest)),
    copies: texts("COPY").map(copyOf),
    folders: texts("RUN").flatMap(foldersOf),
    env: pairsOf(texts("ENV")),
    labels: pairsOf(texts("LABEL")),
    user: { uid: uid ?? NaN, gid: gid ?? NaN },
    workdir: only("WORKDIR"),
    volumes: texts("VOLUME"),
    ports: texts("EXPOSE"),
    stopSignal: only("STOPSIGNAL"),
    healthcheck: wordsOf(health ?? ""),
    entrypoint: wordsOf(only("ENTRYPOINT")),
    command: wordsOf(only("CMD")),
  };
}

const KNOWN = new Set(
  ["ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "RUN"]
    .concat(["STOPSIGNAL", "USER", "VOLUME", "WORKDIR"]),
);

function instructionsOf(dockerfile: string): Instruction[] {
  const lines = dockerfile.replace(/^\s*#.*\n/gm, "").replace(/\\\n\s*/g, "").split("\n");
  return lines.filter((line) => line.trim() !== "").map((line) => {
    const [, name = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === "") throw new Error(`Cannot read the Dockerfile's line ${line}`);
    return { name, rest: rest.trim() };
  });
}

function baseOf(text: string): string {
  return text.split(/\s+/).find((word) => !word.startsWith("--")) ?? "";
}

function copyOf(text: string): ImageCopy {
  const [, from, to] = /^--from=build (\S+) (\S+)$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw new Error(`Cannot follow COPY ${text}`);
  return { from, to };
}

/** The one thing that the run stage may run: it changes the tree in a way that can be told. */
function foldersOf(text: string): ImageFolder[] {
  const [, uid, gid, mode, paths] =
    /^install -d -o (\d+) -g (\d+) -m (\d+)((?: \/[\w/.-]+)+)$/.exec(text) ?? [];
  if (mode === undefined || paths === undefined) throw new Error(`Cannot follow RUN ${text}`);
  return paths.trim().split(" ").map((path) => ({
    path,
    uid: Number(uid),
    gid: Number(gid),
    mode: parseInt(mode, 8),
  }));
}

function pairsOf(texts: readonly string[]): Record<string, string> {
  const pairs = texts.flatMap((text) => [...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)]);
  return Object.fromEntries(
    pairs.map(([, name, quoted, plain]) => [name, quoted ?? plain ?? ""]),
  );
}

/** The exec form. The shell form would make a shell process number 1. */
function wordsOf(text: string): string[] {
  const words: unknown = JSON.parse(text);
  if (!Array.isArray(words) || !words.every((word) => typeof word === "string")) {
    throw new Error(`Cannot use ${text}: no list of words`);
  }
  return words;
}
