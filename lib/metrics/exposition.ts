/** One value of a family, and what tells it from the others. */
export interface MetricSample {
  /** Label name -> value; any text is fine as a value. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The number itself. */
  readonly value: number;
}

/** All values of one name. */
export interface MetricFamily {
  /** Lower-case words with underscores; counters end in `_total`, units stand before that. */
  readonly name: string;
  /** One sentence for people. */
  readonly help: string;
  /** Whether it only ever grows. */
  readonly type: "counter" | "gauge";
  /** Without one, the family is left out. */
  readonly samples: readonly MetricSample[];
}

/**
 * Prometheus text exposition format 0.0.4: families by name, samples by labels, whatever the order
 * in which they come, so that two scrapes differ only where values do.
 *
 * @throws {TypeError} for a name that is none, or one that comes twice: mistakes of ours.
 */
export function renderMetrics(families: readonly MetricFamily[]): string {
  const names = new Set<string>();
  for (const { name } of families) {
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) throw mistake(`"${name}" is no metric name`);
    if (names.has(name)) throw mistake(`${name} comes twice`);
    names.add(name);
  }
  return families.toSorted((a, b) => compare(a.name, b.name)).map(renderFamily).join("");
}

function renderFamily({ name, help, type, samples }: MetricFamily): string {
  if (samples.length === 0) return "";
  const values = new Map<string, number>();
  for (const { labels = {}, value } of samples) {
    const series = name + renderLabels(labels);
    if (values.has(series)) throw mistake(`${series} comes twice`);
    values.set(series, value);
  }
  const lines = [...values].sort(([a], [b]) => compare(a, b))
    .map(([series, value]) => `${series} ${renderValue(value)}\n`);
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => compare(a, b)).map(([name, value]) => {
    // Names with two underscores in front belong to Prometheus itself.
    if (!/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) throw mistake(`"${name}" is no label name`);
    return `${name}="${escapeHelp(value).replaceAll('"', '\\"')}"`;
  });
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function renderValue(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

/** Backslash and line feed escaped, half surrogate pairs made characters. */
function escapeHelp(text: string): string {
  return text.toWellFormed().replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** By code units: the same order on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function mistake(what: string): TypeError {
  return new TypeError(`Cannot render metrics: ${what}`);
}
