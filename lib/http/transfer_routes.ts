import { type Clock, CodedError, errorText, type Log, rfc3339 } from "#kit";
import { archiveText } from "./archive_text.ts";
import type { ControlPorts, ImportCounts } from "./ports.ts";
import { jsonReply, textReply } from "./replies.ts";
import { type Handler, refusalOf, type Route, type RouteContext } from "./route.ts";
import { StreamReply } from "./stream_reply.ts";
import { TextSource } from "./text_source.ts";

type TransferPorts = Pick<ControlPorts, "history" | "contacts" | "status">;

const NOTHING_STORED: ImportCounts & { readonly full: boolean } = {
  messages: 0,
  group_messages: 0,
  duplicates: 0,
  rejected: 0,
  expiring: 0,
  evicted: 0,
  full: false,
};

/** Moving data between nodes, and to and from the deployed system (http-api.md 4.17). */
export function transferRoutes(
  ports: TransferPorts,
  context: { readonly clock: Clock; readonly log: Log },
): readonly Route[] {
  const getExport: Handler = () => exportReply(ports, context);
  return [
    { path: "/export", on: { GET: getExport } },
    { path: "/export/:name", on: { GET: getExport } },
    { path: "/import", on: { POST: (c) => postImport(c, ports) } },
  ];
}

/** `GET /export`: everything that is stored, while it is read. */
async function exportReply(
  ports: TransferPorts,
  { clock, log }: { clock: Clock; log: Log },
): Promise<Response> {
  const exportedAt = rfc3339(clock.wall());
  const texts = archiveText(ports, exportedAt)[Symbol.asyncIterator]();
  const source = new TextSource(texts, (error) => {
    log.error(`skychat: export was cut off: ${errorText(error)}`);
  });
  try {
    // A store that cannot be read at all is still an answer; later it can only be a cut.
    await source.begin();
  } catch (thrown) {
    return textReply(500, `export failed: ${errorText(thrown)}`);
  }
  return new StreamReply(source, {
    "content-type": "application/json",
    "content-disposition": `attachment; filename="skychat-${exportedAt.slice(0, 10)}.json"`,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    connection: "close",
  });
}

/** `POST /import`: merges an archive that came piece by piece (history.md 7.1). */
async function postImport(c: RouteContext, ports: TransferPorts): Promise<Response> {
  const { archive } = c.env;
  if (archive === undefined) throw new Error("Cannot import: its body was not read as an archive");
  const { contacts, records } = archive.finish();
  const names = await mergeContacts(contacts, ports);
  const { history } = ports;
  const { full, ...counts } = await history?.import(records) ?? NOTHING_STORED;
  const problem = names.problem ?? (full ? "total storage cap reached" : undefined);
  return jsonReply({
    contacts: names.added,
    messages: counts.messages,
    group_messages: counts.group_messages,
    duplicates: counts.duplicates,
    rejected: counts.rejected,
    expiring: counts.expiring,
    evicted: counts.evicted,
    persistence: history !== undefined,
    error: problem,
  }, problem === undefined ? 200 : 507);
}

/** An address book that is full or unusable stops nothing: the messages are worth more. */
async function mergeContacts(
  contacts: Readonly<Record<string, unknown>>,
  ports: TransferPorts,
): Promise<{ added: number; problem?: string }> {
  if (Object.keys(contacts).length === 0) return { added: 0 };
  if (ports.contacts === undefined) return { added: 0 };
  try {
    return { added: await ports.contacts.merge(contacts) };
  } catch (thrown) {
    if (!(thrown instanceof CodedError) || refusalOf(thrown) === undefined) throw thrown;
    return { added: 0, problem: thrown.message };
  }
}
