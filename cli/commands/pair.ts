import { AliasBook, resolvePeer } from "../alias_book.ts";
import type { Call } from "../command.ts";
import { ControlClient, type ControlRequest, refusal } from "../control_client.ts";
import { CliError, EXIT_OK, usageError } from "../errors.ts";
import type { PAIR_FLAGS } from "../record_flags.ts";
import { serverText } from "../terminal_text.ts";

type PairCall = Call<typeof PAIR_FLAGS>;

/**
 * Pairing (cli.md 12). It needs a visor, so an app of ours refuses all of it; one that does not is
 * asked properly and its answer printed.
 */
export async function run(call: PairCall): Promise<number> {
  const client = ControlClient.of(call);
  const request = await requestOf(call);
  const answer = await client.ask(request).catch((error: unknown) => {
    throw client.down(error);
  });
  if (answer.status === 503) {
    throw new CliError(
      `pair-rpc-disabled (start chat-app with --pair-enable): ${serverText(answer.body)}`,
    );
  }
  if (answer.status < 200 || answer.status > 299) throw refusal(answer);
  if (answer.body.trim() !== "") call.io.output.json(answer.body.trimEnd());
  return EXIT_OK;
}

/** What each action asks (http-api.md 4.14). */
async function requestOf(call: PairCall): Promise<ControlRequest> {
  const { flags, operands } = call;
  const [action = "", ...rest] = operands;
  const first = rest[0];
  if (first !== undefined) throw usageError(`pair ${action}: unexpected argument "${first}"`);
  switch (action) {
    case "add":
      return { path: "/pair", json: JSON.stringify({ pk: await peerOf(call, "to") }) };
    case "accept":
    case "decline":
      return { path: `/pair/invites/${await peerOf(call, "from")}/${action}`, json: "{}" };
    case "list":
      return { path: "/pair" };
    case "send": {
      if (flags.msg === "") throw usageError('required flag(s) "msg" not set');
      const json = JSON.stringify({ message: flags.msg });
      return { path: `/pair/${await peerOf(call, "to")}/message`, json };
    }
    case "poll":
      return { path: pollPath(call) };
    case "remove":
      return { path: `/pair/${await peerOf(call, "to")}`, method: "DELETE" };
    default:
      throw usageError(
        action === "" ? "pair: what?" : `pair: unknown action "${action}"`,
        "one of: add, accept, decline, list, send, poll, remove",
      );
  }
}

function pollPath({ flags }: PairCall): string {
  if (flags.limit < 1 || flags.limit > 1_000) {
    throw usageError(`--limit must be 1-1000, got ${flags.limit}`);
  }
  if (flags.since !== "" && Number.isNaN(Date.parse(flags.since))) {
    throw usageError(`--since: "${flags.since}" is no time such as 2026-09-08T10:00:00Z`);
  }
  const since = flags.since === "" ? "" : `&since=${encodeURIComponent(flags.since)}`;
  return `/pair/inbox?limit=${flags.limit}${since}`;
}

async function peerOf({ flags, io }: PairCall, name: "to" | "from"): Promise<string> {
  if (flags[name] === "") throw usageError(`required flag(s) "${name}" not set`);
  return await resolvePeer(flags[name], await AliasBook.open(io));
}
