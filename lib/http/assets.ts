import actionsScript from "./web/actions.js" with { type: "text" };
import apiScript from "./web/api.js" with { type: "text" };
import appScript from "./web/app.js" with { type: "text" };
import bubbleScript from "./web/bubble.js" with { type: "text" };
import chatStyle from "./web/chat.css" with { type: "text" };
import composerStyle from "./web/composer.css" with { type: "text" };
import composerScript from "./web/composer.js" with { type: "text" };
import conversationsScript from "./web/conversations.js" with { type: "text" };
import dialogsScript from "./web/dialogs.js" with { type: "text" };
import dialogStyle from "./web/dialog.css" with { type: "text" };
import domScript from "./web/dom.js" with { type: "text" };
import groupActionsScript from "./web/group_actions.js" with { type: "text" };
import groupDetailsScript from "./web/group_details.js" with { type: "text" };
import groupStyle from "./web/group.css" with { type: "text" };
import groupsScript from "./web/groups.js" with { type: "text" };
import groupSyncScript from "./web/group_sync.js" with { type: "text" };
import headScript from "./web/head.js" with { type: "text" };
import icon from "./web/icon.svg" with { type: "text" };
import incomingScript from "./web/incoming.js" with { type: "text" };
import page from "./web/index.html" with { type: "text" };
import listStyle from "./web/list.css" with { type: "text" };
import memoryScript from "./web/memory.js" with { type: "text" };
import messageScript from "./web/message.js" with { type: "text" };
import messagesScript from "./web/messages.js" with { type: "text" };
import peopleScript from "./web/people.js" with { type: "text" };
import receiptsScript from "./web/receipts.js" with { type: "text" };
import stateScript from "./web/state.js" with { type: "text" };
import style from "./web/style.css" with { type: "text" };
import syncScript from "./web/sync.js" with { type: "text" };
import textScript from "./web/text.js" with { type: "text" };
import { textReply, whole } from "./replies.ts";

/** What a browser may do on our page: fetch from us, and nothing else (http-api.md 2.4). */
export const CONTENT_SECURITY_POLICY =
  "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HTML = "text/html; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

/** Files of the web page by path; looked up, never joined to a folder, so nothing can escape. */
const ASSETS: ReadonlyMap<string, { type: string; body: string }> = new Map([
  ["/", { type: HTML, body: page }],
  ["/actions.js", { type: SCRIPT, body: actionsScript }],
  ["/api.js", { type: SCRIPT, body: apiScript }],
  ["/app.js", { type: SCRIPT, body: appScript }],
  ["/bubble.js", { type: SCRIPT, body: bubbleScript }],
  ["/composer.js", { type: SCRIPT, body: composerScript }],
  ["/conversations.js", { type: SCRIPT, body: conversationsScript }],
  ["/dialogs.js", { type: SCRIPT, body: dialogsScript }],
  ["/dom.js", { type: SCRIPT, body: domScript }],
  ["/group_actions.js", { type: SCRIPT, body: groupActionsScript }],
  ["/group_details.js", { type: SCRIPT, body: groupDetailsScript }],
  ["/group_sync.js", { type: SCRIPT, body: groupSyncScript }],
  ["/groups.js", { type: SCRIPT, body: groupsScript }],
  ["/head.js", { type: SCRIPT, body: headScript }],
  ["/incoming.js", { type: SCRIPT, body: incomingScript }],
  ["/memory.js", { type: SCRIPT, body: memoryScript }],
  ["/message.js", { type: SCRIPT, body: messageScript }],
  ["/messages.js", { type: SCRIPT, body: messagesScript }],
  ["/people.js", { type: SCRIPT, body: peopleScript }],
  ["/receipts.js", { type: SCRIPT, body: receiptsScript }],
  ["/state.js", { type: SCRIPT, body: stateScript }],
  ["/sync.js", { type: SCRIPT, body: syncScript }],
  ["/text.js", { type: SCRIPT, body: textScript }],
  ["/chat.css", { type: STYLE, body: chatStyle }],
  ["/composer.css", { type: STYLE, body: composerStyle }],
  ["/dialog.css", { type: STYLE, body: dialogStyle }],
  ["/group.css", { type: STYLE, body: groupStyle }],
  ["/list.css", { type: STYLE, body: listStyle }],
  ["/style.css", { type: STYLE, body: style }],
  ["/icon.svg", { type: "image/svg+xml", body: icon }],
]);

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-frame-options": "DENY",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/** Whether something of the web page is at this path. */
export function isAsset(path: string): boolean {
  return path === "/index.html" || ASSETS.has(path);
}

/** The web page's file at a path (http-api.md 4.15); 404 for everything else. */
export function assetReply(path: string): Response {
  if (path === "/index.html") return whole(301, "", { ...HEADERS, location: "./" });
  const asset = ASSETS.get(path);
  if (asset === undefined) return textReply(404, "404 page not found");
  return whole(200, asset.body, { ...HEADERS, "content-type": asset.type });
}
