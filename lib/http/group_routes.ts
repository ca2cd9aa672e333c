import * as v from "valibot";
import { exactJsonReply } from "./exact_json.ts";
import { readCreateBody, readHostPort, readJoinBody } from "./group_bodies.ts";
import { getGroupHistory, parseUnixNano } from "./group_history.ts";
import { parseGroupPath, readGroupId } from "./group_path.ts";
import type { GroupsPort, MemberAction } from "./group_port.ts";
import { BodyError } from "./json_body.ts";
import type { ControlPorts } from "./ports.ts";
import { emptyReply, textReply } from "./replies.ts";
import {
  booleanField,
  readFields,
  readKey,
  type Route,
  type RouteContext,
  textField,
} from "./route.ts";

const SEND_BODY = v.object({ text: textField });
const MEMBER_BODY = v.object({ pk: textField, addr: textField });
const READ_ONLY_BODY = v.object({ read_only: booleanField });
const BACKFILL_BODY = v.object({ enabled: booleanField });
const META_BODY = v.object({
  name: v.nullish(v.string("must be a string")),
  avatar: v.nullish(v.string("must be a string")),
});

/** A request on no group in particular. */
type AllHandler = (c: RouteContext, groups: GroupsPort) => Response | Promise<Response>;

/** A request on one group. */
interface GroupCall {
  readonly c: RouteContext;
  readonly groups: GroupsPort;
  readonly id: string;
}

/** Answers a request on one group; `no-such-group` is for the port to say. */
type GroupHandler = (call: GroupCall) => Response | Promise<Response>;

/** Handlers by method. */
type Methods<H> = Readonly<Record<string, H>>;

/**
 * The groups (groups.md 6.4): every route under `/group`, and 503 for all of them where there are none.
 * They are one row of the route table because the id of a group may hold anything a path can encode.
 */
export function groupRoutes(ports: Pick<ControlPorts, "groups">): readonly Route[] {
  return [{
    // Matches /group itself too.
    path: "/group/*",
    on: (c) => {
      const { groups } = ports;
      if (groups === undefined) {
        return textReply(503, "groups disabled (visor RPC unavailable)");
      }
      return answer(c, groups);
    },
  }];
}

const notSupported = ({ unsupported }: GroupsPort) => textReply(501, unsupported);

/** What nothing can be done about over TCP, or 503 where no group runs. */
const unsupportedForAll: AllHandler = (_, groups) => {
  groups.list();
  return notSupported(groups);
};

const ALL: Methods<AllHandler> = {
  GET: (_, groups) => exactJsonReply(groups.list()),
  POST: async (c, groups) => {
    const { request, listed } = await readCreateBody(c);
    if (listed) return notSupported(groups);
    const { info, invite, start } = await groups.create(request);
    return exactJsonReply({ info, invite, start });
  },
};

/** What is at the place of an id and names no group: a group of such a name is reached as `%6Aoin`. */
const NAMED: ReadonlyMap<string, Methods<AllHandler>> = new Map<string, Methods<AllHandler>>([
  ["join", {
    POST: async (c, groups) => exactJsonReply(await groups.join(await readJoinBody(c))),
  }],
  ["resolve", { GET: unsupportedForAll, POST: unsupportedForAll }],
  ["catalog", { GET: unsupportedForAll }],
  ["history", { GET: async (_, groups) => exactJsonReply(await groups.stored()) }],
]);

const ONE: Methods<GroupHandler> = {
  GET: ({ groups, id }) => exactJsonReply(groups.info(id)),
  DELETE: async ({ groups, id }) => {
    await groups.remove(id);
    return emptyReply(204);
  },
};

/** The same for one group; that it is not here comes first. */
const unsupported: GroupHandler = ({ groups, id }) => {
  groups.info(id);
  return notSupported(groups);
};

const PARTS: ReadonlyMap<string, Methods<GroupHandler>> = new Map<string, Methods<GroupHandler>>([
  ["invite", { GET: getInvite }],
  ["send", { POST: postSend }],
  ["message", { DELETE: deleteMessage }],
  ["history", { GET: getGroupHistory }],
  ["readonly", { POST: postReadOnly }],
  ["peer-backfill", { POST: postBackfill }],
  ["rotate-key", { POST: postRotateKey }],
  ["meta", { POST: postMeta }],
  ["leave", { POST: postLeave }],
  ...memberParts(["add", "remove", "ban", "unban", "mute", "unmute", "promote", "demote"]),
  ["requests", { GET: unsupported }],
  ["requests/approve", { POST: unsupported }],
  ["requests/deny", { POST: unsupported }],
  ["join-pow", { POST: unsupported }],
  ["listed", { POST: unsupported }],
  ["refresh-meta", { POST: unsupported }],
  ["ask-again", { POST: unsupported }],
]);

async function answer(c: RouteContext, groups: GroupsPort): Promise<Response> {
  const path = parseGroupPath(c.req.url);
  if (path.kind === "all") return await pick(c, ALL)(c, groups);
  const named = path.kind === "one" ? NAMED.get(path.id) : undefined;
  if (named !== undefined) return await pick(c, named)(c, groups);
  const methods = path.kind === "one" ? ONE : PARTS.get(path.rest);
  const id = path.id === "" || methods !== undefined ? readGroupId(path.id) : "";
  if (methods === undefined) return textReply(404, "404 page not found");
  return await pick(c, methods)({ c, groups, id });
}

/** The handler of the request's method, or one that refuses it with the text of groups.md 6.4. */
function pick<H extends AllHandler | GroupHandler>(
  c: RouteContext,
  handlers: Methods<H>,
): H | (() => Response) {
  const handler = Object.hasOwn(handlers, c.req.method) ? handlers[c.req.method] : undefined;
  if (handler !== undefined) return handler;
  const allow = Object.keys(handlers).join(", ");
  return () => textReply(405, "method not allowed", { allow });
}

function getInvite({ c, groups, id }: GroupCall): Response {
  const address = readHostPort(c.req.query("address") ?? "", "address");
  return exactJsonReply({
    invite: groups.invite(id, address === undefined ? {} : { address }),
  });
}

/** Its headers say what 204 has no body for: what `DELETE …/message` takes, and a failing disk. */
async function postSend({ c, groups, id }: GroupCall): Promise<Response> {
  const { text } = await readFields(c, SEND_BODY);
  if (text === "") throw new BodyError("text required");
  const { tsNano, kept } = await groups.send(id, text);
  const headers = new Headers({ "x-skychat-ts-nano": String(tsNano) });
  if (!kept) headers.set("x-skychat-stored", "false");
  return new Response(null, { status: 204, headers });
}

async function deleteMessage({ c, groups, id }: GroupCall): Promise<Response> {
  const tsNano = parseUnixNano(c.req.query("ts") ?? "");
  if (tsNano === undefined) throw new BodyError("ts (unixnano) required");
  await groups.unsend(id, tsNano);
  return emptyReply(204);
}

function memberParts(
  actions: readonly MemberAction[],
): [string, Methods<GroupHandler>][] {
  return actions.map((action) => [`members/${action}`, {
    POST: async ({ c, groups, id }: GroupCall) => {
      const fields = await readFields(c, MEMBER_BODY);
      const pk = readKey(fields.pk).hex;
      const address = action === "add" ? readHostPort(fields.addr, "addr") : undefined;
      const change = { action, pk, ...(address !== undefined && { address }) };
      return exactJsonReply(await groups.change(id, change));
    },
  }]);
}

async function postReadOnly({ c, groups, id }: GroupCall): Promise<Response> {
  const { read_only } = await readFields(c, READ_ONLY_BODY);
  return exactJsonReply(await groups.setReadOnly(id, read_only));
}

async function postBackfill({ c, groups, id }: GroupCall): Promise<Response> {
  const { enabled } = await readFields(c, BACKFILL_BODY);
  return exactJsonReply(await groups.setBackfill(id, enabled));
}

async function postRotateKey({ groups, id }: GroupCall): Promise<Response> {
  const { info, epoch, recipients } = await groups.rotateKey(id);
  return exactJsonReply({ ...info, epoch, recipients });
}

/** The name, where there is one. Pictures are pulled by a probe, which TCP does not carry. */
async function postMeta({ c, groups, id }: GroupCall): Promise<Response> {
  const { name, avatar } = await readFields(c, META_BODY);
  const info = groups.info(id);
  if (avatar) return notSupported(groups);
  const renamed = typeof name === "string" ? await groups.rename(id, name) : info;
  return exactJsonReply(renamed);
}

async function postLeave({ groups, id }: GroupCall): Promise<Response> {
  await groups.leave(id);
  return emptyReply(204);
}
