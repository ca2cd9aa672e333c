/**
 * The README's flag tables: between two markers stands what the flag tables of `cli/` render.
 *
 * `deno task docs:flags` writes them; `check_docs.ts` says when they are out of date.
 */
import { join } from "node:path";
import { flagReference } from "#cli";
import { ROOT } from "./source_files.ts";
import { runChild, say } from "./terminal.ts";

const BEGIN = "<!-- flags:begin -->";
const END = "<!-- flags:end -->";

/** The README with `reference` between its markers, or undefined when it does not have both. */
export function withFlagTables(readme: string, reference: string): string | undefined {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END, begin);
  if (begin < 0 || end < 0) return undefined;
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${reference}\n${readme.slice(end)}`;
}

/** Where the README's flag tables differ from `reference`, the layout of tables left aside. */
export function flagProblems(readme: string, reference: string): string[] {
  const wanted = withFlagTables(readme, reference);
  if (wanted === undefined) return [`README.md: ${BEGIN} … ${END} is missing`];
  const [is, should] = [layoutFree(readme), layoutFree(wanted)];
  const at = should.findIndex((line, index) => line !== is[index]);
  if (at < 0 && is.length === should.length) return [];
  const line = (at < 0 ? is[should.length] : should[at]) ?? END;
  return [`README.md: flags are out of date at "${line}": run deno task docs:flags`];
}

/** The lines that are not empty, without the blanks and dashes that align a table's columns. */
function layoutFree(markdown: string): string[] {
  return markdown.split("\n").filter((line) => line.trim() !== "").map((line) =>
    line.startsWith("|") ? line.replace(/ +/g, " ").replace(/-{3,}/g, "---") : line
  );
}

if (import.meta.main) {
  const path = join(ROOT, "README.md");
  const readme = withFlagTables(await Deno.readTextFile(path), flagReference());
  if (readme === undefined) {
    say(`README.md does not have ${BEGIN} and ${END}`);
    Deno.exit(1);
  }
  await Deno.writeTextFile(path, readme);
  const { ok, output } = await runChild(Deno.execPath(), ["fmt", "--quiet", path], { cwd: ROOT });
  if (!ok) say(output);
  Deno.exit(ok ? 0 : 1);
}
