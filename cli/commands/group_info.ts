import { formatDuration } from "#kit";
import { CliError, EXIT_OK } from "../errors.ts";
import {
  askGroup,
  type GroupCall,
  type GroupInfo,
  groupInfoOf,
  groupPath,
} from "../group_client.ts";
import { printGroup, takeOperands } from "../group_client.ts";
import { momentOf, timeOrDash, wholeSecondsUtc } from "../group_time.ts";
import { type JsonView, numberField, objectField, parseJsonList, textField } from "../json_view.ts";
import { tableLines } from "../text_table.ts";
import { escapeBody, hideControls } from "../terminal_text.ts";
import { MAX_HISTORY_BYTES } from "./history.ts";

/** Columns of a label (groups.md 6.6). */
const LABEL_COLUMNS = 19;

/** Shows the groups of the node as a table (groups.md 6.6). */
export async function list(call: GroupCall): Promise<number> {
  const body = await askGroup(call, { path: "/group" }, { maxBytes: MAX_HISTORY_BYTES });
  const groups = parseJsonList(body);
  if (groups === undefined) throw new CliError("group list: the answer is no JSON list");
  const rows = groups.map((view) => {
    const { members } = groupInfoOf("list", view);
    return [
      ...["id", "name", "mode", "role", "status"].map((name) => cell(textField(view, name))),
      `${members.length}`,
      cell(timeOrDash(textField(view, "last_message_at"))),
    ];
  });
  const head = ["ID", "NAME", "MODE", "ROLE", "STATUS", "MEMBERS", "LAST_MESSAGE"];
  printGroup(call, { body, lines: tableLines([head, ...rows]) });
  return EXIT_OK;
}

/** Shows one group (groups.md 6.6). */
export async function info(call: GroupCall): Promise<number> {
  const [id = ""] = takeOperands("info", { operands: call.operands, names: ["ID"] });
  const body = await askGroup(call, { path: groupPath(id) }, { id, maxBytes: MAX_HISTORY_BYTES });
  const group = groupInfoOf("info", body);
  const lines = [
    ...fieldLines(group),
    ...keyLines("members", group.members),
    ...(group.admins.length > 0 ? keyLines("admins", group.admins) : []),
    ...inboundLines(group.view, call.io.clock.wall()),
  ];
  printGroup(call, { body, lines });
  return EXIT_OK;
}

function fieldLines({ view, id }: GroupInfo): string[] {
  const text = (name: string) => textField(view, name);
  const number = (name: string) => numberField(view, name) ?? 0;
  const drops = number("sub_drop_count");
  return [
    field("id", id),
    field("name", text("name")),
    field("owner", text("owner_pk")),
    field("port", number("port")),
    field("mode", text("mode")),
    ...(text("mode") === "private" ? [field("key_epoch", number("key_epoch"))] : []),
    field(
      "history_served_by",
      view["peer_backfill"] === true ? "any online member" : "admins only",
    ),
    field("join_cost_bits", number("join_pow_bits")),
    field("role", text("role")),
    field("status", text("status")),
    field("created_at", timeOrDash(text("created_at"))),
    field("joined_at", timeOrDash(text("joined_at"))),
    field("last_message_at", timeOrDash(text("last_message_at"))),
    field("subscriber_alive", `${view["subscriber_alive"] === true}`),
    ...(drops > 0 ? [field("sub_drop_count", `${drops} (visor-wide gRPC fan-out)`)] : []),
    field("deliver_count", `${number("deliver_count")} (visor-wide inbox enqueues)`),
    field("stream_send_count", `${number("stream_send_count")} (visor-wide stream.Send)`),
  ];
}

/** `label:` padded so that all values start in one column; no value can make a line of its own. */
function field(label: string, value: string | number): string {
  return `${`${label}:`.padEnd(LABEL_COLUMNS)}${escapeBody(`${value}`)}`;
}

function keyLines(label: string, keys: readonly string[]): string[] {
  return [`${label} (${keys.length}):`, ...keys.map((key) => `  ${escapeBody(key)}`)];
}

/** When something last came from each member; nothing where the app does not tell. */
function inboundLines(view: JsonView, now: bigint): string[] {
  const inbound = objectField(view, "peer_last_inbound") ?? {};
  const updates = objectField(view, "peer_update_count") ?? {};
  const peers = Object.keys(inbound).sort();
  if (peers.length === 0) return [];
  const rows = peers.map((peer) => {
    const last = textField(inbound, peer);
    const moment = momentOf(last);
    const when = moment === undefined ? ["never", "-"] : [wholeSecondsUtc(last), age(now - moment)];
    return [cell(peer), ...when, `${numberField(updates, peer) ?? 0}`];
  });
  const table = tableLines([["PEER", "LAST_INBOUND", "AGE", "UPDATES"], ...rows]);
  return [`peer_last_inbound (${peers.length}):`, ...table.map((line) => `  ${line}`)];
}

/** Whole seconds; clocks that disagree make no negative age. */
function age(nanos: bigint): string {
  const seconds = nanos < 0n ? 0 : Number(nanos / 1_000_000_000n);
  return formatDuration(seconds * 1_000);
}

/** A text as it is going to look in a table, so that the columns come out right. */
function cell(text: string): string {
  return hideControls(escapeBody(text)).replaceAll("\t", "\\t");
}
