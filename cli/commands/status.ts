import type { CLIENT_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { ControlClient, passwordHint } from "../control_client.ts";
import { CliError, EXIT_OK } from "../errors.ts";
import {
  type JsonView,
  numberField,
  objectField,
  objectListField,
  parseJsonObject,
  textField,
  textListField,
} from "../json_view.ts";
import { byteCount } from "../progress.ts";
import { escapeBody, serverText } from "../terminal_text.ts";

/** Shows the state of the app: the lines of cli.md 8, then what our own app tells besides. */
export async function run(call: Call<typeof CLIENT_FLAGS>): Promise<number> {
  const client = ControlClient.of(call);
  const { output } = call.io;
  const { status, body } = await client.ask({ path: "/status" }).catch((error: unknown) => {
    throw client.down(error);
  });
  if (status !== 200) {
    throw new CliError(`status fetch: server ${status}: ${serverText(body)}`, {
      hint: passwordHint({ status, body }),
    });
  }
  if (call.flags.json) {
    output.json(body.trimEnd());
    return EXIT_OK;
  }
  const view = parseJsonObject(body);
  if (view === undefined) throw new CliError("status fetch: the answer is no JSON object");
  for (const line of statusLines(client.target.shown, view)) output.line(line);
  return EXIT_OK;
}

function statusLines(shown: string, view: JsonView): string[] {
  const count = (name: string) => numberField(view, name) ?? 0;
  const lines = [
    `Chat app at ${shown}`,
    field("visor PK", textField(view, "visor_pk")),
    field("app uptime", `${count("app_uptime_sec")}s`),
    field("frame proto", `v${count("frame_proto_version")}`),
    field("schema", textField(view, "schema_version")),
    field("SSE subscribers", count("sse_subscribers")),
    field("active peer conns", count("active_peer_conns")),
    ...textListField(view, "peers").map((peer) => `    - ${escapeBody(peer)}`),
    field("inbound msgs", `${count("inbound_msg_count")} (drops: ${count("inbound_drop_count")})`),
    field("outbound msgs", count("outbound_msg_count")),
  ];
  const optional = (label: string, name: string) => {
    const text = textField(view, name);
    if (text !== "") lines.push(field(label, text));
  };
  optional("last rx", "last_rx_ts");
  optional("last send", "last_send_ts");
  lines.push(field("persistence", view["persistence_enabled"] === true));
  lines.push(field("pairing", view["pairing_enabled"] === true));
  optional("error", "error");
  return [...lines, ...ownLines(view)];
}

/** What only an app like ours tells; another one's status has none of it. */
function ownLines(view: JsonView): string[] {
  const lines: string[] = [];
  const mode = textField(view, "ack_mode");
  if (mode !== "") lines.push(field("ack mode", mode));
  if (view["history"] !== undefined) lines.push(field("history", historyText(view)));
  const waiting = numberField(view, "outbox_count");
  if (waiting !== undefined) lines.push(field("outbox", waiting));
  if (view["tcp_listen"] !== undefined) {
    lines.push(field("listening", textField(view, "tcp_listen") || "no"));
  }
  for (const peer of objectListField(view, "tcp_peers")) {
    const state = peer["connected"] === true ? "connected" : "waiting";
    const where = `${textField(peer, "pk")}@${textField(peer, "addr")}`;
    lines.push(field("tcp peer", `${where} ${state}`));
  }
  return [
    ...visorLines(view),
    ...lines,
    ...feedLines(objectField(view, "cxo")),
    ...groupLines(view),
  ];
}

/** The visor that started the node, where one did. */
function visorLines(view: JsonView): string[] {
  const connected = view["visor_connected"];
  if (typeof connected !== "boolean") return [];
  const networks = textListField(view, "visor_networks").join(", ") || "no network";
  const port = numberField(view, "visor_port") ?? 0;
  const lines = [field("visor", connected ? "connected" : "GONE")];
  if (connected) lines.push(field("visor listening", `${networks}, port ${port}`));
  const error = textField(view, "visor_error");
  if (error !== "") lines.push(field("visor error", error));
  // Links, feeds and groups know this node by it.
  const key = textField(view, "tcp_pk");
  if (key !== "" && key !== textField(view, "visor_pk")) lines.push(field("tcp PK", key));
  return lines;
}

/** The groups of the node (groups.md 6.5). */
function groupLines(view: JsonView): string[] {
  return objectListField(view, "groups").map((group) => {
    const name = textField(group, "name");
    const who = `${textField(group, "role")}, ${textField(group, "status")}`;
    const members = `${numberField(group, "members_count") ?? 0} members`;
    return field("group", `${textField(group, "id")}${name && ` "${name}"`} ${who}, ${members}`);
  });
}

/** The own feed and those that are followed. */
function feedLines(cxo: JsonView | undefined): string[] {
  if (cxo === undefined) return [];
  const failure = textField(cxo, "error");
  if (failure !== "") return [field("cxo", `NOT RUNNING: ${failure}`)];
  const count = (name: string) => numberField(cxo, name) ?? 0;
  const lines = [
    field("cxo listening", textField(cxo, "listen") || "no"),
    field("cxo feed", `${count("messages")} messages, followers: ${count("followers")}`),
    ...(count("followers") === 0
      ? [`    (peers need --cxo-peer tcp://${escapeBody(textField(cxo, "feed"))}@<host>:<port>)`]
      : []),
  ];
  for (const peer of objectListField(cxo, "peers")) {
    const state = peer["connected"] === true ? "connected" : "waiting";
    const lag = numberField(peer, "lag_seconds");
    const when = lag === undefined ? "nothing yet" : `up to date ${lag}s ago`;
    const where = `${textField(peer, "pk")}@${textField(peer, "addr")}`;
    lines.push(field("cxo peer", `${where} ${state}, ${when}`));
  }
  return lines;
}

/** How much is stored, and whether more can be. */
function historyText(view: JsonView): string {
  const figures = objectField(view, "history");
  if (figures === undefined) return "none";
  const count = numberField(figures, "messages") ?? 0;
  const size = byteCount(numberField(figures, "bytes") ?? 0);
  const failing = figures["failing"] === true ? " (FAILING: the disk refuses to write)" : "";
  const refused = Object.values(objectField(figures, "refused") ?? {})
    .reduce<number>((sum, value) => sum + (typeof value === "number" ? value : 0), 0);
  const left = refused > 0 ? `, ${refused} not kept because of limits` : "";
  return `${count} messages, ${size}${left}${failing}`;
}

/** `  label:` padded so that all values start in one column; no value can make a line of its own. */
function field(label: string, value: string | number | boolean): string {
  return `  ${`${label}:`.padEnd(19)} ${escapeBody(`${value}`)}`;
}
