import { AliasBook } from "../alias_book.ts";
import { keepsMessages, noStore } from "../app_state.ts";
import type { Call } from "../command.ts";
import { ControlClient } from "../control_client.ts";
import { wantsColour } from "../environment.ts";
import { EXIT_OK, usageError } from "../errors.ts";
import type { SEARCH_FLAGS } from "../record_flags.ts";
import { storedJson, storedLines, storedSpans } from "../stored_line.ts";
import { MAX_HISTORY_BYTES } from "./history.ts";

/** Shows stored messages that contain the words, newest first (http-api.md 4.10). */
export async function run(call: Call<typeof SEARCH_FLAGS>): Promise<number> {
  const { flags, io, operands } = call;
  const query = operands.join(" ").trim();
  if (query === "") throw usageError("search: what for? give the words to look for");
  const client = ControlClient.of(call);
  const path = `/search?q=${encodeURIComponent(query.toWellFormed())}`;
  const body = await client.fetch({ path }, { maxBytes: MAX_HISTORY_BYTES });
  const hits = storedLines(body, { name: "search", timeKey: "ts" });
  // An app without a store finds nothing either (http-api.md 4.10).
  if (hits.length === 0 && await keepsMessages(client) === false) throw noStore();
  const aliases = await AliasBook.open(io);
  const colour = wantsColour(io.environment, io.output.stdout.terminal);
  for (const hit of hits) {
    if (flags.json) io.output.json(storedJson(hit));
    else io.output.spans(storedSpans(hit, { aliases, raw: flags.raw }), colour);
  }
  return EXIT_OK;
}
