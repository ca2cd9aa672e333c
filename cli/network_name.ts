import { CliError } from "./errors.ts";

/** Networks that a message can be sent over (cli.md 4). */
export const SEND_NETWORKS = ["skynet", "dmsg", "tcp-direct", "auto", "cxo"] as const;
/** Networks that a message can have come over (cli.md 5). */
export const LISTEN_NETWORKS = ["skynet", "dmsg", "tcp-direct", "cxo"] as const;

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
