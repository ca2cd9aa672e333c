import { AliasBook, resolvePeer } from "../alias_book.ts";
import type { Call } from "../command.ts";
import { ControlClient, refusal } from "../control_client.ts";
import { EXIT_OK, usageError } from "../errors.ts";
import type { SEND_FILE_FLAGS } from "../record_flags.ts";

/**
 * Asks the app to send a file (cli.md 12, http-api.md 4.16). Files need a visor, so an app of ours
 * refuses; its answer is what the user reads. Only the path goes there: the app reads the file.
 */
export async function run(call: Call<typeof SEND_FILE_FLAGS>): Promise<number> {
  const { flags, io, operands } = call;
  const [path, surplus] = operands;
  if (path === undefined) throw usageError("send-file: which file?");
  if (surplus !== undefined) throw usageError(`send-file: unexpected argument "${surplus}"`);
  if ((flags.to === "") !== flags.group) {
    throw usageError("send-file: --to <pk> or --group, one of the two");
  }
  const form = flags.group
    ? { group: "true", path }
    : { pk: await resolvePeer(flags.to, await AliasBook.open(io)), path };
  const client = ControlClient.of(call);
  const answer = await client.ask({ path: "/send-file", form }).catch((error: unknown) => {
    throw client.down(error);
  });
  if (answer.status < 200 || answer.status > 299) throw refusal(answer);
  if (answer.body.trim() !== "") io.output.json(answer.body.trimEnd());
  return EXIT_OK;
}
