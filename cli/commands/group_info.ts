import { formatDuration } from "#kit";
import { CliError, EXIT_OK } from "../errors.ts";
import { appState } from "../app_state.ts";
import { ControlClient } from "../control_client.ts";
import {
  askGroup,
  type GroupCall,
  type GroupInfo,
  groupInfoOf,
  groupPath,
  groupsError,
  NoGroup,
  START_HINT,
} from "../group_client.ts";
import { printGroup, takeOperands } from "../group_client.ts";
import { momentOf, timeOrDash, wholeSecondsUtc } from "../group_time.ts";
import {
  type JsonView,
  numberField,
  objectField,
  objectListField,
  parseJsonList,
  textField,
  textListField,
} from "../json_view.ts";
import { tableLines } from "../text_table.ts";
import { escapeBody, hideControls } from "../terminal_text.ts";
import { MAX_HISTORY_BYTES } from "./history.ts";

/** Columns of a label (groups.md 6.6). */
const LABEL_COLUMNS = 19;

/** Shows the groups of the node as a table (groups.md 6.6). */
export async function list(call: GroupCall): Promise<number> {
  const body = await listBody(call);
  if (body === undefined) return sayNone(call);
  const groups = parseJsonList(body);
  if (groups === undefined) throw new CliError("group list: the answer is no JSON list");
  if (groups.length === 0) return sayNone(call, await appState(ControlClient.of(call)));
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

/** The list of the app; undefined where it runs no group and was not to run one. */
async function listBody(call: GroupCall): Promise<string | undefined> {
  try {
    return await askGroup(call, { path: "/group" }, { maxBytes: MAX_HISTORY_BYTES });
  } catch (error) {
    if (error instanceof NoGroup && error.reason === "") return undefined;
    throw error;
  }
}

/**
 * Says that there is nothing to list, and why, where `/status` tells: an app that answers with an empty
 * list may have a group that put this node out.
 */
function sayNone({ flags, io }: GroupCall, status: JsonView = {}): number {
  const reason = groupsError(status);
  if (reason !== "") throw new NoGroup("no group runs here", reason);
  if (flags.json) {
    io.output.json("[]");
    return EXIT_OK;
  }
  const left = objectListField(status, "groups").map((group) =>
    `${escapeBody(textField(group, "id"))} (${escapeBody(textField(group, "status"))})`
  );
  io.output.note(
    left.length === 0
      ? `no group runs here: ${START_HINT}`
      : `no group to list: this node is out of ${left.join(", ")}`,
  );
  return EXIT_OK;
}

/** Shows one group (groups.md 6.6), and below its lines what else there is to know. */
export async function info(call: GroupCall): Promise<number> {
  const [id = ""] = takeOperands("info", { operands: call.operands, names: ["ID"] });
  const body = await askGroup(call, { path: groupPath(id) }, { id, maxBytes: MAX_HISTORY_BYTES });
  const group = groupInfoOf("info", body);
  const lines = [
    ...fieldLines(group),
    ...keyLines("members", group.members),
    ...(group.admins.length > 0 ? keyLines("admins", group.admins) : []),
    ...inboundLines(group.view, call.io.clock.wall()),
    ...restrictionLines(group.view),
    ...troubleLines(group.view),
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

/** Who may not do what; nothing in a group where everybody may everything. */
function restrictionLines(view: JsonView): string[] {
  const reason = textField(view, "cannot_post_reason");
  const list = (name: string) => {
    const keys = textListField(view, name);
    return keys.length === 0 ? [] : keyLines(name, keys);
  };
  return [
    ...(textField(view, "kind") === "channel" ? [field("kind", "channel")] : []),
    ...(view["read_only"] === true ? [field("read_only", "true")] : []),
    ...(reason === "" ? [] : [field("cannot_post", reason)]),
    ...list("banned"),
    ...list("muted"),
  ];
}

/** Why members are not connected, where the app knows. */
function troubleLines(view: JsonView): string[] {
  const troubles = objectField(view, "peer_trouble") ?? {};
  const connected = objectField(view, "peer_connected") ?? {};
  const rows = Object.keys(troubles).sort().flatMap((peer) => {
    const trouble = textField(troubles, peer);
    return trouble === "" || connected[peer] === true ? [] : [[cell(peer), cell(trouble)]];
  });
  if (rows.length === 0) return [];
  const table = tableLines([["PEER", "TROUBLE"], ...rows]);
  return [`peer_trouble (${rows.length}):`, ...table.map((line) => `  ${line}`)];
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
