import { unwrapGroupBody } from "#events";
import { exactJsonReply } from "./exact_json.ts";
import type { GroupHistoryEntry, GroupsPort } from "./group_port.ts";
import { BodyError } from "./json_body.ts";
import { DEFAULT_HISTORY_LIMIT, MAX_HISTORY_LIMIT } from "./limits.ts";
import type { RouteContext } from "./route.ts";

const MAX_INT64 = 2n ** 63n - 1n;

/** `GET /group/<id>/history` (groups.md 6.4): the newest messages, oldest first, bodies unwrapped. */
export async function getGroupHistory(
  { c, groups, id }: { c: RouteContext; groups: GroupsPort; id: string },
): Promise<Response> {
  const text = c.req.query("limit") || String(DEFAULT_HISTORY_LIMIT);
  const limit = Math.min(Number(text), MAX_HISTORY_LIMIT);
  if (!/^[0-9]+$/.test(text) || limit === 0) throw new BodyError("invalid limit");
  const beforeText = c.req.query("before") ?? "";
  const before = beforeText === "" ? undefined : parseUnixNano(beforeText);
  if (beforeText !== "" && before === undefined) throw new BodyError("invalid before");
  const request = { limit, ...(before !== undefined && { before }) };
  return exactJsonReply((await groups.history(id, request)).map(shown));
}

/** A time in a parameter, above 0, nanoseconds since 1970 in 64 bits; undefined for anything else. */
export function parseUnixNano(text: string): bigint | undefined {
  if (!/^[0-9]{1,19}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > 0n && value <= MAX_INT64 ? value : undefined;
}

/** A message as people are to see it (groups.md 2.3); the same keys as on `/sse`. */
function shown(entry: GroupHistoryEntry): object {
  const body = unwrapGroupBody(entry.text);
  switch (body.kind) {
    case "plain":
      return entry;
    case "forward":
      return { ...entry, text: body.text, forwarded: true, forward_from: body.from || undefined };
    case "file":
      return {
        ...entry,
        text: body.text,
        file_id: body.id,
        file_name: body.name || undefined,
        file_size: body.size,
      };
    case "reply":
      return {
        ...entry,
        text: body.text,
        reply_to_sender: body.sender || undefined,
        reply_to_ts: body.time || undefined,
        reply_to_preview: body.preview || undefined,
      };
  }
}
