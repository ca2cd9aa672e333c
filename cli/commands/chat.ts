import { AliasBook, resolvePeer } from "../alias_book.ts";
import type { CHAT_FLAGS } from "../chat_flags.ts";
import { ChatSession } from "../chat_session.ts";
import type { Call } from "../command.ts";
import { ControlClient, refusal } from "../control_client.ts";
import { wantsColour } from "../environment.ts";
import { CliError, EXIT_OK } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { checkNetwork, SEND_NETWORKS } from "../network_name.ts";

/** Digits of a key that stand for it in the title and beside its messages. */
const SHORT_KEY = 8;

/** Talks with one peer on a full screen until the user leaves (cli.md 10). */
export async function run(call: Call<typeof CHAT_FLAGS>): Promise<number> {
  const { flags, given, io } = call;
  if (!given.has("to")) throw new CliError('required flag(s) "to" not set', { code: "usage" });
  checkNetwork(flags.net, SEND_NETWORKS);
  const client = ControlClient.of(call);
  const aliases = await AliasBook.open(io);
  const key = await resolvePeer(flags.to, aliases);
  if (!io.terminal.interactive || !io.output.stdout.terminal) {
    throw new CliError("chat needs a terminal");
  }
  await checkApp(client);
  const short = `${key.slice(0, SHORT_KEY)}…`;
  const alias = aliases.nameOf(key);
  const session = new ChatSession({
    peer: { key, client, io },
    network: flags.net,
    name: alias ?? short,
    title: alias === undefined ? key : `${alias} (${short})`,
    style: { colour: wantsColour(io.environment, true), timeOf: (time) => timeOf(time, io) },
  });
  await session.run();
  return EXIT_OK;
}

/** Says what is wrong with the app while the terminal is still as it was. */
async function checkApp(client: ControlClient): Promise<void> {
  const answer = await client.ask({ path: "/status" }).catch((error: unknown) => {
    throw client.down(error);
  });
  if (answer.status === 401) throw refusal(answer);
}

/** Time of day in the user's zone. */
function timeOf(time: string, io: CliIo): string {
  const moment = new Date(time);
  if (Number.isNaN(moment.getTime())) return "--:--";
  const shifted = new Date(moment.getTime() + io.zone(moment) * 60_000);
  return Number.isNaN(shifted.getTime()) ? "--:--" : shifted.toISOString().slice(11, 16);
}
