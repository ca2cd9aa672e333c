import type { ArchivedEvent, EventArchive, MessageEvent } from "#events";
import type { Log } from "#kit";

/** This node's key in tests of stored messages. */
export const SELF = `02${"5e".repeat(32)}`;

/** A key of some other side. */
export function peerNumber(number: number): string {
  return `03${number.toString(16).padStart(64, "0")}`;
}

/** A message with a peer; incoming unless said otherwise. */
export function messageWith(
  peer: string,
  options: Partial<MessageEvent> & { readonly wall: bigint },
): MessageEvent {
  const { text = "hello", direction = "in" } = options;
  return {
    direction,
    id: "8077ca12ee05c806",
    network: "tcp-direct",
    sender: direction === "in" ? peer : SELF,
    ...(direction === "out" ? { to: peer } : {}),
    length: new TextEncoder().encode(text).length,
    channel: "dm",
    ...options,
    text,
  };
}

/** A log that keeps its lines, each with its level in front. */
export function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  return {
    lines,
    debug: keep("DEBUG"),
    info: keep("INFO"),
    warn: keep("WARN"),
    error: keep("ERROR"),
  };
}

/** Everything in an archive, page by page. */
export async function everyEvent(archive: EventArchive): Promise<readonly ArchivedEvent[]> {
  const events: ArchivedEvent[] = [];
  for (;;) {
    const page = await archive.read(events.at(-1)?.seq ?? 0, 500);
    if (page.length === 0) return events;
    events.push(...page);
  }
}
