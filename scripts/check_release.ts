/**
 * `deno task release:check`: whether the version is the same everywhere and CHANGELOG.md knows it.
 *
 * deno.json has the version. Between releases CHANGELOG.md needs what is new, under "Unreleased" or
 * under the version; with `--final`, which a release needs, an entry for the version with a date, and
 * nothing left under "Unreleased".
 */
import { parseArgs } from "node:util";
import { filesBelow, ROOT } from "./source_files.ts";
import { say } from "./terminal.ts";

/** One section of the changelog: `Unreleased`, or a version with its date. */
interface Section {
  readonly title: string;
  readonly version: string | undefined;
  readonly date: string | undefined;
  /** Whether it says anything. */
  readonly isFilled: boolean;
}

/** Heading of a released version; Keep a Changelog marks what was withdrawn. */
const RELEASED = /^\[?(\d[^\]\s]*)\]?(?: - (\d{4}-\d{2}-\d{2})(?: \[YANKED\])?)?$/;

const SEMANTIC = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/;

function sections(markdown: string): Section[] {
  return markdown.split(/^## /m).slice(1).map((text) => {
    const [title = "", ...body] = text.split("\n");
    const [, version, date] = RELEASED.exec(title) ?? [];
    return { title, version, date, isFilled: body.some((line) => /^[-*] \S/.test(line)) };
  });
}

/** Below 0 when version `a` comes before `b`, above 0 when after, by the rules of semver.org. */
export function compareVersions(a: string, b: string): number {
  const [, ...left] = SEMANTIC.exec(a) ?? [];
  const [, ...right] = SEMANTIC.exec(b) ?? [];
  for (const part of [0, 1, 2]) {
    const difference = Number(left[part]) - Number(right[part]);
    if (difference !== 0) return difference;
  }
  const [early, late] = [left[3], right[3]];
  if (early === late) return 0;
  // Without a suffix comes after every suffix.
  if (early === undefined || late === undefined) return early === undefined ? 1 : -1;
  return early.localeCompare(late, "en", { numeric: true });
}

/** What a changelog must be true of. */
export interface ReleaseClaim {
  /** The version of deno.json. */
  readonly version: string;
  /** Whether this is to be released as it is. */
  readonly final: boolean;
  /** The date here, `YYYY-MM-DD`. */
  readonly today: string;
}

/** What keeps this changelog from being that of the version. */
export function changelogProblems(markdown: string, claim: ReleaseClaim): string[] {
  const { version, final, today } = claim;
  const found = sections(markdown);
  const entry = found.find((section) => section.version === version);
  const unreleased = found.find(({ title }) => /^\[?unreleased\]?$/i.test(title));
  const wanted = `"## ${version} - ${today}"`;
  const problems = sectionProblems(found, claim);
  if (entry?.isFilled === false) problems.push(`the entry for ${version} is empty`);
  if (final) {
    if (entry === undefined) problems.push(`no entry for ${version}: add the heading ${wanted}`);
    if (unreleased?.isFilled) {
      problems.push(`"Unreleased" still has lines: move them below ${wanted}`);
    }
  } else if (entry === undefined && !unreleased?.isFilled) {
    problems.push(`neither an entry ${wanted} nor lines under "Unreleased": say what is new`);
  }
  return problems.map((problem) => `CHANGELOG.md: ${problem}`);
}

function sectionProblems(
  found: readonly Section[],
  { version, today }: ReleaseClaim,
): string[] {
  const problems: string[] = [];
  let newer: string | undefined;
  for (const section of found) {
    if (section.version === undefined) {
      if (!/^\[?unreleased\]?$/i.test(section.title)) {
        problems.push(`"## ${section.title}" is neither "Unreleased" nor "<version> - <date>"`);
      }
      continue;
    }
    if (!SEMANTIC.test(section.version)) {
      problems.push(`${section.version} is no version such as 1.2.3`);
      continue;
    }
    if (!isDate(section.date)) problems.push(`${section.version} has no date (YYYY-MM-DD)`);
    else if (section.date > dayAfter(today)) {
      problems.push(`${section.version} is dated ${section.date}, which is still to come`);
    }
    const above = newer ?? version;
    const order = compareVersions(section.version, above);
    if (newer === undefined ? order > 0 : order >= 0) {
      const where = newer === undefined ? `deno.json says ${version}` : `${above} stands above it`;
      problems.push(`${section.version} has an entry, but ${where}`);
    }
    newer = section.version;
  }
  return problems;
}

function isDate(text: string | undefined): text is string {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(`${text}T`);
}

/** It may be tomorrow already where the release was dated. */
function dayAfter(date: string): string {
  const next = new Date(`${date}T00:00:00Z`).getTime() + 24 * 60 * 60 * 1000;
  return new Date(next).toISOString().slice(0, 10);
}

/**
 * How a file states a version of this program: in the name of a file, a package or an image, as
 * `skychat --version` prints it, or as the version of an image or a package. That of skywire's
 * skychat, whose protocol this is, is another one.
 */
const STATED = [
  /(?<!skywire's\s+)\bskychat[-_ :@/]v?(\d+\.\d+\.\d+)(?![\d.])/g,
  /^(?:(?:ARG|ENV) (?:SKYCHAT_)?VERSION=|Version: )"?(\d+\.\d+\.\d+)/gm,
  /image\.version"?[=:] *"?(\d+\.\d+\.\d+)/g,
];

/** Where a file states another version, not looking at what follows its three numbers. */
export function statedProblems(
  text: string,
  { path, version }: { path: string; version: string },
): string[] {
  const [numbers] = version.split("-");
  const problems = new Set<string>();
  for (const pattern of STATED) {
    for (const { 1: stated, index } of text.matchAll(pattern)) {
      if (stated === numbers) continue;
      const line = text.slice(0, index).split("\n").length;
      problems.add(`${path}:${line}: says ${stated}, but deno.json says ${version}`);
    }
  }
  return [...problems];
}

/** Not looked at: what older versions were, what the spec quotes, tests, which the gate runs. */
const OTHER_VERSIONS = /^(CHANGELOG\.md|deno\.lock|docs\/spec\/.*|tests\/.*)$/;

/** Everything that keeps the tree below `root` from being that of the version in its deno.json. */
export function releaseProblems(
  claim: Omit<ReleaseClaim, "version">,
  root = ROOT,
): { readonly version: string; readonly problems: string[] } {
  const read = (path: string) => Deno.readTextFileSync(`${root}/${path}`);
  const version = String(JSON.parse(read("deno.json")).version);
  if (!SEMANTIC.test(version)) {
    return { version, problems: [`deno.json: "${version}" is no version such as 1.2.3`] };
  }
  const paths = filesBelow("", root);
  const stated = paths.filter((path) => !OTHER_VERSIONS.test(path))
    .flatMap((path) => statedProblems(read(path), { path, version }));
  const changelog = paths.includes("CHANGELOG.md")
    ? changelogProblems(read("CHANGELOG.md"), { ...claim, version })
    : ["CHANGELOG.md is missing"];
  return { version, problems: [...changelog, ...stated] };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { final: { type: "boolean", default: false } } });
  const today = new Date().toISOString().slice(0, 10);
  const { version, problems } = releaseProblems({ final: values.final, today });
  problems.forEach(say);
  if (problems.length > 0) Deno.exit(1);
  say(values.final ? `${version} can be released` : `nothing contradicts version ${version}`);
}
