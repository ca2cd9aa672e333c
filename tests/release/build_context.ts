/** What `.dockerignore` lets into the build of the image. */
import { ROOT } from "#support/spawn.ts";

/** Whether a file of the working tree, named by its path in there, gets in. */
export type LetsIn = (path: string) => boolean;

/** Reads `.dockerignore`. Throws unless everything is left out that is not named. */
export async function buildContext(): Promise<LetsIn> {
  const [first, ...lines] = (await Deno.readTextFile(`${ROOT}.dockerignore`)).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (first !== "*") throw new Error(".dockerignore must begin by leaving everything out");
  const allowed = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const secret = lines.filter((line) => !line.startsWith("!")).map(patternOf);
  return (path) =>
    allowed.some((entry) => path === entry || path.startsWith(`${entry}/`)) &&
    !secret.some((pattern) => pattern.test(path));
}

/** A line of .dockerignore, as far as ours use its language. */
function patternOf(line: string): RegExp {
  const body = line.replace(/[.]/g, "\\.").replace(/^\*\*\//, "(.*/)?").replace(
    /(?<!\.)\*/g,
    "[^/]*",
  );
  return new RegExp(`^${body}(/|$)`);
}
