import { parseRfc3339 } from "#kit";
import type { Call } from "../command.ts";
import { ControlClient } from "../control_client.ts";
import { EXIT_OK, usageError } from "../errors.ts";
import { followFeed } from "../event_feed.ts";
import { takeOperands } from "../group_client.ts";
import type { GROUP_LISTEN_FLAGS } from "../group_flags.ts";
import { GroupFeed } from "../group_feed.ts";

/** Prints messages of groups as they arrive, until it is told to stop (groups.md 6.6). */
export async function run(call: Call<typeof GROUP_LISTEN_FLAGS>): Promise<number> {
  const { flags, io, operands } = call;
  if (flags.raw && flags.json) throw usageError("--raw and --json are mutually exclusive");
  if (operands.length > 1) takeOperands("listen", { operands, names: ["ID"] });
  const since = flags.since === "" ? undefined : sinceOf(flags.since);
  const client = ControlClient.of(call);
  if (!flags.json) io.output.line("Listening for group messages. Ctrl+C to exit.");
  const feed = new GroupFeed(call, { client, group: operands[0], since });
  await followFeed(client, feed, { io, signal: io.interrupt() });
  return EXIT_OK;
}

function sinceOf(text: string): bigint {
  const since = parseRfc3339(text);
  if (since !== undefined) return since;
  throw usageError(`invalid --since: "${text}" is no time such as 2026-09-08T10:00:00Z`);
}
