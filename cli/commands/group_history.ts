import type { Call } from "../command.ts";
import { CliError, EXIT_OK, usageError } from "../errors.ts";
import { askGroup, groupPath, printGroup, takeOperands } from "../group_client.ts";
import type { GROUP_HISTORY_FLAGS } from "../group_flags.ts";
import { type GroupMessageLine, printGroupLine } from "../group_line.ts";
import { momentOf, timeOrDash } from "../group_time.ts";
import { isObject, numberField, parseJsonArray, parseJsonList, textField } from "../json_view.ts";
import { tableLines } from "../text_table.ts";
import { escapeBody, hideControls } from "../terminal_text.ts";
import { MAX_HISTORY_BYTES } from "./history.ts";

type HistoryCall = Call<typeof GROUP_HISTORY_FLAGS>;

/** Most messages of one answer (groups.md 6.4). */
const MOST = 1_000;

/** Shows stored messages of a group, oldest first (groups.md 6.6). */
export async function run(call: HistoryCall): Promise<number> {
  const { flags, io, operands } = call;
  if (flags.raw && flags.json) throw usageError("--raw and --json are mutually exclusive");
  if (flags["list-groups"]) return await listGroups(call);
  if (operands.length === 0) {
    throw usageError("history: <group-id> required (or use --list-groups)");
  }
  const [id = ""] = takeOperands("history", { operands, names: ["ID"] });
  for (const line of await messagesOf(call, id)) printGroupLine(io, line, flags);
  return EXIT_OK;
}

/** The newest `--limit` messages, oldest first, asked for in as many answers as it takes. */
async function messagesOf(call: HistoryCall, id: string): Promise<readonly GroupMessageLine[]> {
  const wanted = call.flags.limit === 0 ? Number.POSITIVE_INFINITY : call.flags.limit;
  const limit = Math.min(MOST, wanted);
  const ask = async (before: string) => {
    const path = groupPath(id, `history?limit=${limit}${before}`);
    return messagesIn(await askGroup(call, { path }, { id, maxBytes: MAX_HISTORY_BYTES }));
  };
  let page = await ask("");
  let messages = page;
  while (page.length === limit && messages.length < wanted) {
    const oldest = momentOf(messages[0]?.ts ?? "");
    if (oldest === undefined) break;
    // Those of that very nanosecond again: somebody else's may not have fitted into the answer.
    page = await ask(`&before=${oldest + 1n}`);
    const known = new Set(messages.map(keyOf));
    const older = page.filter((line) => !known.has(keyOf(line)));
    if (older.length === 0) break;
    messages = [...older, ...messages];
  }
  return messages.length > wanted ? messages.slice(-wanted) : messages;
}

function keyOf({ sender, ts, text }: GroupMessageLine): string {
  return `${sender} ${ts} ${text}`;
}

function messagesIn(body: string): readonly GroupMessageLine[] {
  const records = parseJsonArray(body);
  if (records === undefined) throw new CliError("group history: the answer is no JSON list");
  return records.map((record) => {
    const line = isObject(record) ? messageOf(record) : undefined;
    if (line === undefined) throw new CliError("group history: not a group history answer");
    return line;
  });
}

/** Undefined when a field is missing or has another type. */
function messageOf(view: Readonly<Record<string, unknown>>): GroupMessageLine | undefined {
  const texts = ["ts", "group_id", "sender_pk", "text"].map((name) => view[name]);
  if (!texts.every((text) => typeof text === "string")) return undefined;
  const [ts = "", group = "", sender = "", text = ""] = texts;
  return { ts, group, sender, text, outgoing: view["outgoing"] === true };
}

/** One group a line: its id, how many messages, and the time of the newest. */
async function listGroups(call: HistoryCall): Promise<number> {
  takeOperands("history --list-groups", { operands: call.operands, names: [] });
  const body = await askGroup(call, { path: "/group/history" }, { maxBytes: MAX_HISTORY_BYTES });
  const groups = parseJsonList(body);
  if (groups === undefined) throw new CliError("group history: the answer is no JSON list");
  const rows = groups.map((view) => [
    hideControls(escapeBody(textField(view, "group_id"))),
    `${numberField(view, "count") ?? 0}`,
    escapeBody(timeOrDash(textField(view, "newest"))),
  ]);
  printGroup(call, { body, lines: tableLines([["ID", "MESSAGES", "LAST_MESSAGE"], ...rows]) });
  return EXIT_OK;
}
