import { EXPORT_PIECE_CHARACTERS } from "./limits.ts";
import type { ControlPorts } from "./ports.ts";

/**
 * The document of `GET /export` (http-api.md 4.17) in pieces, read from the store as they are asked
 * for: at most one page of it is held. Keys are in the specification's order; lists without entries
 * are left out. Ends with a line end.
 */
export async function* archiveText(
  ports: Pick<ControlPorts, "history" | "contacts" | "status">,
  exportedAt: string,
): AsyncGenerator<string, void> {
  const contacts = ports.contacts?.all() ?? {};
  const { visor_pk: visor } = ports.status();
  const head = JSON.stringify({
    format: "skychat-archive",
    version: 1,
    exported_at: exportedAt,
    visor: typeof visor === "string" && visor !== "" ? visor : undefined,
    contacts: Object.keys(contacts).length > 0 ? contacts : undefined,
  });
  let before = head.slice(0, -1);
  for await (const text of recordTexts(ports)) {
    yield before + text;
    before = "";
  }
  yield `${before}}\n`;
}

async function* recordTexts(ports: Pick<ControlPorts, "history">): AsyncGenerator<string, void> {
  const { history } = ports;
  if (history === undefined) return;
  yield* listText("messages", history.pages());
  yield* listText("group_messages", history.groupPages());
}

async function* listText(
  name: string,
  pages: AsyncIterable<readonly object[]>,
): AsyncGenerator<string, void> {
  let text = "";
  let before = `,"${name}":[`;
  for await (const page of pages) {
    for (const record of page) {
      text += before + JSON.stringify(record);
      before = ",";
      if (text.length < EXPORT_PIECE_CHARACTERS) continue;
      yield text;
      text = "";
    }
  }
  if (before === ",") yield `${text}]`;
}
