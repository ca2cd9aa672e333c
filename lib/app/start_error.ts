/** A reason not to start at all; the process ends with exit code 1 (cli.md 2.3). */
export class StartError extends Error {
  override readonly name = "StartError";
}
