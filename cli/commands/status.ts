import type { CLIENT_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { ControlClient, passwordHint } from "../control_client.ts";
import { CliError, EXIT_OK } from "../errors.ts";
import {
  type JsonView,
  numberField,
  parseJsonObject,
  textField,
  textListField,
} from "../json_view.ts";

/** Shows the state of the app (cli.md 8). */
export async function run(call: Call<typeof CLIENT_FLAGS>): Promise<number> {
  const client = ControlClient.of(call);
  const { output } = call.io;
  const { status, body } = await client.ask({ path: "/status" }).catch((error: unknown) => {
    throw client.down(error);
  });
  if (status !== 200) {
    throw new CliError(`status fetch: server ${status}: ${body.trim()}`, {
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
    ...textListField(view, "peers").map((peer) => `    - ${peer}`),
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
  return lines;
}

/** `  label:` padded so that all values start in one column. */
function field(label: string, value: string | number | boolean): string {
  return `  ${`${label}:`.padEnd(19)} ${value}`;
}
