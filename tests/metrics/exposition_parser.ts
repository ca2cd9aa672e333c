/** One family as a strict reader of the text format 0.0.4 sees it. */
export interface ReadFamily {
  readonly help: string;
  readonly type: string;
  readonly samples: { readonly labels: ReadonlyMap<string, string>; readonly value: number }[];
}

/** Reads the output of `renderMetrics` and throws at whatever Prometheus would not take. */
export function parseExposition(text: string): Map<string, ReadFamily> {
  if (text !== "" && !text.endsWith("\n")) throw new Error("no line feed at the end");
  const families = new Map<string, ReadFamily>();
  const series = new Set<string>();
  let pending: { name: string; help: string } | undefined;
  let current: { name: string; family: ReadFamily } | undefined;
  for (const line of text.split("\n").slice(0, -1)) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line);
    if (comment?.[1] === "HELP") {
      pending = { name: comment[2] ?? "", help: unescape(comment[3] ?? "", /\\(\\|n)/g) };
      if (families.has(pending.name)) throw new Error(`${pending.name} comes twice`);
    } else if (comment !== null) {
      if (pending?.name !== comment[2]) throw new Error(`TYPE without HELP: ${line}`);
      if (!/^(counter|gauge)$/.test(comment[3] ?? "")) throw new Error(`bad type: ${line}`);
      const family = { help: pending?.help ?? "", type: comment[3] ?? "", samples: [] };
      current = { name: comment[2] ?? "", family };
      families.set(current.name, family);
      pending = undefined;
    } else {
      const sample = readSample(line);
      if (sample.name !== current?.name) throw new Error(`sample of no family: ${line}`);
      const key = JSON.stringify([sample.name, [...sample.labels].sort()]);
      if (series.has(key)) throw new Error(`duplicate: ${line}`);
      series.add(key);
      current.family.samples.push(sample);
    }
  }
  for (const [name, { samples }] of families) {
    if (samples.length === 0) throw new Error(`${name} has no samples`);
  }
  return families;
}

function readSample(line: string) {
  const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? ([^ ]+)$/s.exec(line);
  if (match?.[1] === undefined) throw new Error(`bad sample: ${line}`);
  return { name: match[1], labels: readLabels(match[2] ?? ""), value: readValue(match[3] ?? "") };
}

function readLabels(text: string): Map<string, string> {
  const labels = new Map<string, string>();
  let rest = text.replace(/^\{|\}$/g, "");
  while (rest !== "") {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,(?=.)|$)/s.exec(rest);
    if (match?.[1] === undefined || labels.has(match[1])) throw new Error(`bad labels: ${text}`);
    labels.set(match[1], unescape(match[2] ?? "", /\\(["\\n])/g));
    rest = rest.slice(match[0].length);
  }
  return labels;
}

function readValue(text: string): number {
  if (text === "NaN") return NaN;
  if (/^[+-]Inf$/.test(text)) return text === "+Inf" ? Infinity : -Infinity;
  if (!/^-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$/.test(text)) throw new Error(`bad value: ${text}`);
  return Number(text);
}

function unescape(text: string, escapes: RegExp): string {
  if (/\\/.test(text.replace(escapes, ""))) throw new Error(`bad escape: ${text}`);
  return text.replace(escapes, (_, character) => character === "n" ? "\n" : character);
}
