import { doesNotMatch, match, ok, strictEqual } from "node:assert/strict";
import { createApp, parseControlAddress } from "#http";
import { silentLog } from "#kit";
import { ManualClock } from "#support/manual_clock.ts";
import { FakePorts } from "./control_harness.ts";

const clock = new ManualClock();
const app = createApp(new FakePorts(clock), {
  address: parseControlAddress(":8001"),
  clock,
  log: silentLog,
});

async function ask(path: string, method = "GET"): Promise<Response> {
  const headers = { host: "localhost" };
  return await app(new Request(`http://localhost${path}`, { method, headers }));
}

const ASSETS: readonly [string, string][] = [
  ["/", "text/html; charset=utf-8"],
  ["/app.js", "text/javascript; charset=utf-8"],
  ["/api.js", "text/javascript; charset=utf-8"],
  ["/view.js", "text/javascript; charset=utf-8"],
  ["/style.css", "text/css; charset=utf-8"],
  ["/icon.svg", "image/svg+xml"],
];

Deno.test("the page's files carry their type and the headers that keep a browser in", async () => {
  for (const [path, type] of ASSETS) {
    const reply = await ask(path);
    strictEqual(reply.status, 200, path);
    strictEqual(reply.headers.get("content-type"), type);
    strictEqual(reply.headers.get("x-frame-options"), "DENY");
    strictEqual(reply.headers.get("x-content-type-options"), "nosniff");
    strictEqual(reply.headers.get("cache-control"), "no-cache");
    const policy = reply.headers.get("content-security-policy") ?? "";
    match(policy, /(^|; )default-src 'self'(;|$)/);
    doesNotMatch(policy, /unsafe|\*|https?:|data:/);
    const body = await reply.text();
    const head = await ask(path, "HEAD");
    strictEqual(await head.text(), "");
    strictEqual(head.headers.get("content-length"), String(new TextEncoder().encode(body).length));
  }
});

Deno.test("/index.html redirects to ./", async () => {
  const reply = await ask("/index.html");
  strictEqual(reply.status, 301);
  strictEqual(reply.headers.get("location"), "./");
});

Deno.test("the page has no inline script or style, which its policy would refuse", async () => {
  const page = await (await ask("/")).text();
  doesNotMatch(page, /<script(?![^>]*\ssrc=)[^>]*>/i);
  doesNotMatch(page, /<style|\sstyle=|\son[a-z]+=|javascript:/i);
});

Deno.test("the page refers only to files that are served, under relative addresses", async () => {
  const page = await (await ask("/")).text();
  const files = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, file]) => file ?? "");
  ok(files.length >= 3);
  const script = /from "(\.\/[^"]+)"/g;
  files.push(
    ...[...(await (await ask("/app.js")).text()).matchAll(script)].map(([, f]) => f ?? ""),
  );
  ok(files.includes("./view.js"));
  for (const file of files) {
    ok(file.startsWith("./"), file);
    strictEqual((await ask(file.slice(1))).status, 200, file);
  }
});

Deno.test("the page's scripts never turn a text into markup or code", async () => {
  for (const path of ["/app.js", "/api.js", "/view.js"]) {
    const script = await (await ask(path)).text();
    match(script, /^(\/\/.*\n)?\/\/ @ts-check\n/);
    doesNotMatch(
      script,
      /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function/,
    );
    doesNotMatch(
      script,
      /createContextualFragment|DOMParser|srcdoc|setAttribute\("(on|href|src|style)/,
    );
  }
});

Deno.test("every field and list of the page has a label", async () => {
  const page = await (await ask("/")).text();
  for (const [, id] of page.matchAll(/<(?:input|textarea)\s[^>]*id="([^"]+)"/g)) {
    ok(page.includes(`<label for="${id}">`), id);
  }
  for (const [, id] of page.matchAll(/aria-labelledby="([^"]+)"/g)) {
    ok(page.includes(`id="${id}"`), id);
  }
  match(page, /<html lang="en">/);
  match(page, /<meta name="viewport"/);
});
