import type { ControlPorts } from "./ports.ts";
import { textReply } from "./replies.ts";
import type { Handler, Route, RouteContext } from "./route.ts";
import { formField } from "./form_field.ts";

const VOICE = [
  "call",
  "answer",
  "decline",
  "hangup",
  "mute",
  "active",
  "incoming",
  "levels",
  "audio",
];

/** Pairing and what goes with it, and files, which do not exist here (http-api.md 4.14, 4.16). */
export function refusedRoutes({ embedded }: Pick<ControlPorts, "embedded">): readonly Route[] {
  const noVisor: Handler = () => textReply(503, "pairing disabled (visor RPC unavailable)");
  const noRequest = embedded
    ? "file requests are not supported"
    : "standalone mode: no visor transport for file requests";
  const noFile = () => textReply(404, "404 page not found");
  return [
    // Matches /pair itself too. Its methods do not matter: it never works.
    { path: "/pair/*", on: noVisor },
    { path: "/profile", on: noVisor },
    { path: "/profile/peer", on: noVisor },
    { path: "/presence", on: { GET: noVisor, POST: noVisor } },
    ...VOICE.map((action) => ({ path: `/voice/${action}`, on: noVisor })),
    { path: "/send-file", on: { POST: postSendFile } },
    { path: "/files/:name", on: { GET: noFile } },
    { path: "/thumb/:name", on: { GET: noFile } },
    { path: "/request-file", on: { POST: () => textReply(503, noRequest) } },
  ];
}

/**
 * Refuses a file for a group or, in all other cases, for a peer. Nothing else of the form is looked
 * at: least of all `path`, which would name a file of this machine.
 */
async function postSendFile(c: RouteContext): Promise<Response> {
  const group = c.req.query("group") || formField(await c.req.text(), {
    type: c.req.header("content-type") ?? "",
    name: "group",
  });
  if (group) return textReply(503, "skychat: no active group");
  return textReply(502, "skychat: file transfer not enabled");
}
