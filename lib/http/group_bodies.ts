import * as v from "valibot";
import type { GroupCreateRequest, GroupKind, GroupMode } from "./group_port.ts";
import { BodyError } from "./json_body.ts";
import { MAX_GROUP_MEMBERS } from "./limits.ts";
import {
  booleanField,
  flagField,
  readFields,
  readKey,
  type RouteContext,
  textField,
} from "./route.ts";

const MEMBERS = v.array(textField, "must be a list");
const CREATE_BODY = v.object({
  name: textField,
  kind: textField,
  mode: textField,
  members: v.optional(v.nullable(MEMBERS, []), []),
  peer_backfill: v.nullish(booleanField),
  listed: flagField,
  address: textField,
});
const JOIN_BODY = v.object({ invite: textField, address: textField });

/** What the body of `POST /group` asks for. */
export interface CreateBody {
  readonly request: GroupCreateRequest;
  /** Whether it is to be found by strangers, which nothing here can do. */
  readonly listed: boolean;
}

/**
 * The body of `POST /group` (groups.md 6.4).
 *
 * @throws {BodyError} with the text of the answer.
 */
export async function readCreateBody(c: RouteContext): Promise<CreateBody> {
  const fields = await readFields(c, CREATE_BODY);
  if (fields.name.trim() === "") throw new BodyError("name required");
  const [kind, mode] = [kindOf(fields.kind), modeOf(fields.mode)];
  if (kind !== undefined && mode !== undefined && (kind === "private") !== (mode === "private")) {
    throw new BodyError(`kind "${kind}" does not match mode "${mode}"`);
  }
  if (fields.members.length > MAX_GROUP_MEMBERS) {
    throw new BodyError(`too many members: at most ${MAX_GROUP_MEMBERS}`);
  }
  const address = readHostPort(fields.address, "address");
  return {
    listed: fields.listed,
    request: {
      name: fields.name,
      members: [...new Set(fields.members.map(readMember))],
      ...(kind !== undefined && { kind }),
      ...(mode !== undefined && { mode }),
      ...(typeof fields.peer_backfill === "boolean" && { peerBackfill: fields.peer_backfill }),
      ...(address !== undefined && { address }),
    },
  };
}

/**
 * The body of `POST /group/join`: whichever of its fields is there, under the name that its shape has.
 *
 * @throws {BodyError} with the text of the answer.
 */
export async function readJoinBody(
  c: RouteContext,
): Promise<{ readonly invite: string } | { readonly address: string }> {
  const fields = await readFields(c, JOIN_BODY);
  const text = fields.invite.trim() || fields.address.trim();
  if (text === "") throw new BodyError("invite or address required");
  const isAddress = /^skychat:\/\//i.test(text) || /^[0-9a-f]{66}\//i.test(text);
  return isAddress ? { address: text } : { invite: text };
}

/**
 * A `host:port` that may be left out; where it leads is for whoever dials it to find out.
 *
 * @throws {BodyError} `invalid <name>: expected host:port`
 */
export function readHostPort(text: string, name: string): string | undefined {
  if (text === "") return undefined;
  if (/^[!-~]{1,255}:[0-9]{1,5}$/.test(text)) return text;
  throw new BodyError(`invalid ${name}: expected host:port`);
}

function readMember(text: string): string {
  try {
    return readKey(text).hex;
  } catch (thrown) {
    if (!(thrown instanceof BodyError)) throw thrown;
    throw new BodyError(thrown.message.replace(/^invalid pk/, "invalid member pk"));
  }
}

function kindOf(text: string): GroupKind | undefined {
  if (text === "") return undefined;
  if (text === "public" || text === "private" || text === "channel") return text;
  throw new BodyError("invalid kind (use public, private or channel)");
}

function modeOf(text: string): GroupMode | undefined {
  if (text === "") return undefined;
  if (text === "public" || text === "private") return text;
  throw new BodyError("invalid mode (use public or private)");
}
