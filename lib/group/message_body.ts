import { LeafFault } from "./leaf_fault.ts";
import { HEARTBEAT_TEXT } from "./message_leaf.ts";
import { readWireText } from "./wire_json.ts";

/** What the body of a group message is for; replies, forwards and files are texts here. */
export type GroupBody =
  /** A liveness probe. */
  | { readonly kind: "heartbeat" }
  /** Delete-for-everyone of the same author's message of that time, Unix nanoseconds. */
  | { readonly kind: "delete"; readonly ts: bigint }
  /** Anything that people may see. */
  | { readonly kind: "text" };

const DELETE_KEY = "skychat_delete";
const TIME_KEY = "to_ts_nano";
const MAX_I64 = 2n ** 63n - 1n;
const TEXT: GroupBody = { kind: "text" };

/** What a body is (groups.md 2.3). Whatever is not exactly a special one is a text. */
export function groupBodyOf(text: string): GroupBody {
  if (text === HEARTBEAT_TEXT) return { kind: "heartbeat" };
  if (!text.includes(DELETE_KEY)) return TEXT;
  const fields = readWireText(text.trim());
  if (fields instanceof LeafFault) return TEXT;
  const ts = fields.object(DELETE_KEY)?.signed(TIME_KEY) ?? 0n;
  return ts === 0n || ts > MAX_I64 || ts < -MAX_I64 - 1n ? TEXT : { kind: "delete", ts };
}

/** The body that deletes the author's own message of a time for everyone. */
export function tombstoneText(ts: bigint): string {
  return `{"${DELETE_KEY}":{"${TIME_KEY}":${ts}}}`;
}
