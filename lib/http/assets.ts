import apiScript from "./web/api.js" with { type: "text" };
import appScript from "./web/app.js" with { type: "text" };
import icon from "./web/icon.svg" with { type: "text" };
import page from "./web/index.html" with { type: "text" };
import style from "./web/style.css" with { type: "text" };
import viewScript from "./web/view.js" with { type: "text" };
import { textReply, whole } from "./replies.ts";

/** What a browser may do on our page: fetch from us, and nothing else (http-api.md 2.4). */
export const CONTENT_SECURITY_POLICY =
  "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HTML = "text/html; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";

/** Files of the web page by path; looked up, never joined to a folder, so nothing can escape. */
const ASSETS: ReadonlyMap<string, { type: string; body: string }> = new Map([
  ["/", { type: HTML, body: page }],
  ["/api.js", { type: SCRIPT, body: apiScript }],
  ["/app.js", { type: SCRIPT, body: appScript }],
  ["/view.js", { type: SCRIPT, body: viewScript }],
  ["/style.css", { type: "text/css; charset=utf-8", body: style }],
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
