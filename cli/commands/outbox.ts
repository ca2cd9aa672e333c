import { AliasBook } from "../alias_book.ts";
import type { CLIENT_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { ControlClient, refusal } from "../control_client.ts";
import { wantsColour } from "../environment.ts";
import { CliError, EXIT_OK, usageError } from "../errors.ts";
import { type JsonView, parseJsonList, textField } from "../json_view.ts";
import type { Span } from "../output.ts";
import { escapeBody } from "../terminal_text.ts";
import { MAX_HISTORY_BYTES } from "./history.ts";

type OutboxCall = Call<typeof CLIENT_FLAGS>;

/** Lists the messages that wait for their peers, or takes one back (docs/HTTP.md). */
export async function run(call: OutboxCall): Promise<number> {
  const [action = "list", ...words] = call.operands;
  if (action === "cancel") {
    const [id] = words;
    if (id === undefined || words.length > 1) throw usageError("outbox cancel: wants an id");
    await cancel(call, id);
  } else if ((action === "list" || action === "ls") && words.length === 0) {
    await list(call);
  } else {
    throw usageError(`outbox: cannot "${call.operands.join(" ")}"`, "outbox, outbox cancel ID");
  }
  return EXIT_OK;
}

async function cancel(call: OutboxCall, id: string): Promise<void> {
  const client = ControlClient.of(call);
  const path = `/outbox/${encodeURIComponent(id.toWellFormed())}`;
  const answer = await client.ask({ path, method: "DELETE" }).catch((error: unknown) => {
    throw client.down(error);
  });
  if (answer.status === 404) throw new CliError(`no queued message "${id}"`);
  if (answer.status !== 204 && answer.status !== 200) throw refusal(answer);
  if (!call.flags.json) call.io.output.line(`message ${id} taken out of the outbox`);
}

async function list(call: OutboxCall): Promise<void> {
  const { flags, io } = call;
  const body = await ControlClient.of(call).fetch({ path: "/outbox" }, {
    maxBytes: MAX_HISTORY_BYTES,
  });
  const entries = parseJsonList(body);
  if (entries === undefined) throw new CliError("outbox: the answer is no JSON list");
  const aliases = await AliasBook.open(io);
  const colour = wantsColour(io.environment, io.output.stdout.terminal);
  for (const entry of entries) {
    if (flags.json) io.output.json(JSON.stringify(entry));
    else io.output.spans(spansOf(entry, aliases), colour);
  }
}

/** `<queued> <id> [<state> → <peer or alias>, expires <time>] <text>`. */
function spansOf(entry: JsonView, aliases: AliasBook): readonly Span[] {
  const field = (name: string) => escapeBody(textField(entry, name));
  const time = (name: string) => field(name).replace(/\.[0-9]+(?=Z$)/, "");
  const to = escapeBody(aliases.nameOf(textField(entry, "to")) ?? textField(entry, "to"));
  return [
    { text: `${time("queued_at")} `, style: "dim" },
    { text: field("id") },
    { text: ` [${field("state")} → ${to}`, style: "out" },
    { text: `, expires ${time("expires_at")}]`, style: "dim" },
    { text: ` ${field("text")}` },
  ];
}
