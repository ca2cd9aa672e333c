import { appState } from "../app_state.ts";
import { ArchiveOwner } from "../archive_owner.ts";
import type { CLIENT_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { type Answer, ControlClient, refusal } from "../control_client.ts";
import { CliError, EXIT_OK, usageError } from "../errors.ts";
import type { ByteSource } from "../io.ts";
import { type JsonView, numberField, parseJsonObject, textField } from "../json_view.ts";
import type { Output } from "../output.ts";
import { byteCount, Progress } from "../progress.ts";
import { escapeBody, serverText } from "../terminal_text.ts";

/** Longest wait for the result of an import, sending it included, ms. Ours. */
export const IMPORT_LIMIT_MS = 600_000;

/** Hands an archive to the app, as it is read, and prints what became of it (http-api.md 4.17). */
export async function run(call: Call<typeof CLIENT_FLAGS>): Promise<number> {
  const { flags, io, operands } = call;
  const [file, surplus] = operands;
  if (file === undefined) throw usageError("import: which file? (- is standard input)");
  if (file === "") throw usageError("import: the path is empty");
  if (surplus !== undefined) throw usageError(`import: unexpected argument "${surplus}"`);
  const client = ControlClient.of(call);
  const source = await io.openFile(file);
  const progress = new Progress(io);
  const owner = new ArchiveOwner();
  const answer = await client.ask(
    { path: "/import", upload: watched(source, { owner, progress }) },
    { limitMs: IMPORT_LIMIT_MS },
  ).catch((error: unknown) => {
    throw client.down(error);
  }).finally(() => progress.clear());
  const view = parseJsonObject(answer.body);
  const full = answer.status === 507;
  if (view === undefined || (answer.status !== 200 && !full)) throw refusal(answer);
  if (flags.json) io.output.json(answer.body.trimEnd());
  else {
    printCounts(io.output, view);
    await noteOwner(client, { owner, output: io.output });
  }
  if (full) throw stopped(answer, view);
  return EXIT_OK;
}

/** The same source; whoever takes from it moves the progress on, and shows whose archive it is. */
function watched(
  { size, chunks }: ByteSource,
  { owner, progress }: { owner: ArchiveOwner; progress: Progress },
): ByteSource {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let sent = 0;
    for await (const bytes of chunks) {
      owner.push(bytes);
      yield bytes;
      sent += bytes.length;
      const whole = size === undefined ? "" : ` of ${byteCount(size)}`;
      progress.update(`importing: ${byteCount(sent)}${whole}`);
    }
  }
  return { size, chunks: pieces() };
}

function printCounts(output: Output, view: JsonView): void {
  const count = (name: string) => numberField(view, name) ?? 0;
  output.line(
    `imported ${count("messages")} messages, ${count("group_messages")} group messages, ` +
      `${count("contacts")} contacts (duplicates: ${count("duplicates")}, ` +
      `rejected: ${count("rejected")}, expiring: ${count("expiring")}, ` +
      `evicted: ${count("evicted")})`,
  );
  if (view["persistence"] !== false) return;
  output.note("skychat: the app stores no messages (start it with --persist)");
}

/** The archive of another node is as welcome, but it may not be what was meant. */
async function noteOwner(
  client: ControlClient,
  { owner, output }: { owner: ArchiveOwner; output: Output },
): Promise<void> {
  if (owner.key === undefined) return;
  const self = textField(await appState(client) ?? {}, "visor_pk");
  if (self === "" || self === owner.key.toLowerCase()) return;
  const other = escapeBody(owner.key);
  output.note(`skychat: the archive is of another node, ${other}; this app is ${escapeBody(self)}`);
}

function stopped(answer: Answer, view: JsonView): CliError {
  const reason = serverText(textField(view, "error")) || `server error ${answer.status}`;
  return new CliError(`import stopped: ${reason}`, {
    hint: "what was stored stays; --persist-total-cap of the app makes room",
  });
}
