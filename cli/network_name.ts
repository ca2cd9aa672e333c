import { CliError } from "./errors.ts";

/**
 * Checks the value of `--net`.
 *
 * @throws {CliError} with the text of cli.md 4.1.
 */
export function checkNetwork(name: string, accepted: readonly string[]): void {
  if (accepted.includes(name)) return;
  throw new CliError(`invalid network type "${name}" (use 'skynet' or 'dmsg')`, {
    code: "usage",
    hint: `this build also knows: ${accepted.slice(2).join(", ")}`,
  });
}
