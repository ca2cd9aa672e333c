import { AliasBook, resolvePeer } from "../alias_book.ts";
import { noStore } from "../app_state.ts";
import type { Call } from "../command.ts";
import { ControlClient, refusal } from "../control_client.ts";
import { wantsColour } from "../environment.ts";
import { EXIT_OK, usageError } from "../errors.ts";
import type { HISTORY_FLAGS } from "../record_flags.ts";
import { storedJson, type StoredLine, storedLines, storedSpans } from "../stored_line.ts";

/** Most messages of one answer (http-api.md 4.5). */
const MOST = 1_000;
/** Largest answer of `/history`, bytes. Ours: a thousand messages of the largest kind. */
export const MAX_HISTORY_BYTES = 134_217_728;

/** Shows stored messages, oldest first (cli.md 7). */
export async function run(call: Call<typeof HISTORY_FLAGS>): Promise<number> {
  const { flags, given, io } = call;
  if (flags.limit < 1 || flags.limit > MOST) {
    throw usageError(`--limit must be 1-1000, got ${flags.limit}`);
  }
  const client = ControlClient.of(call);
  const aliases = await AliasBook.open(io);
  const peer = flags.peer === "" ? "" : `&peer=${await resolvePeer(flags.peer, aliases)}`;
  const records = await fetchHistory(client, `/history?limit=${flags.limit}${peer}`);
  const colour = wantsColour(io.environment, io.output.stdout.terminal);
  const oldest = given.has("since") ? nowMs(io.clock.wall()) - flags.since : undefined;
  for (const record of records) {
    // What has no readable time is shown: leaving it out would be a guess.
    if (oldest !== undefined && Date.parse(record.ts) < oldest) continue;
    if (flags.json) io.output.json(storedJson(record));
    else io.output.spans(storedSpans(record, { aliases, raw: flags.raw }), colour);
  }
  return EXIT_OK;
}

async function fetchHistory(client: ControlClient, path: string): Promise<readonly StoredLine[]> {
  const answer = await client.ask({ path }, { maxBytes: MAX_HISTORY_BYTES })
    .catch((error: unknown) => {
      throw client.down(error);
    });
  if (answer.status === 503) {
    throw noStore();
  }
  if (answer.status !== 200) throw refusal(answer);
  return storedLines(answer.body, { name: "history", timeKey: "timestamp" });
}

function nowMs(wallNanos: bigint): number {
  return Number(wallNanos / 1_000_000n);
}
