import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert/strict";
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

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

const FOLDER = new URL("../../lib/http/web/", import.meta.url);
/** Every file of the page by its path. */
const FILES = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
const SCRIPTS = FILES.filter((name) => name.endsWith(".js"));

async function ask(path: string, method = "GET"): Promise<Response> {
  const headers = { host: "localhost" };
  return await app(new Request(`http://localhost${path}`, { method, headers }));
}

async function read(name: string): Promise<string> {
  return await (await ask(name === "index.html" ? "/" : `/${name}`)).text();
}

Deno.test("the page's files carry their type and the headers that keep a browser in", async () => {
  ok(FILES.length > 10);
  for (const name of FILES) {
    const path = name === "index.html" ? "/" : `/${name}`;
    const reply = await ask(path);
    strictEqual(reply.status, 200, path);
    strictEqual(reply.headers.get("content-type"), TYPES[name.split(".").at(-1) ?? ""]);
    strictEqual(reply.headers.get("x-frame-options"), "DENY");
    strictEqual(reply.headers.get("x-content-type-options"), "nosniff");
    strictEqual(reply.headers.get("cache-control"), "no-cache");
    const policy = reply.headers.get("content-security-policy") ?? "";
    match(policy, /(^|; )default-src 'self'(;|$)/);
    doesNotMatch(policy, /unsafe|\*|https?:|data:/);
    const body = await reply.text();
    strictEqual(body, await Deno.readTextFile(new URL(name, FOLDER)), name);
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
  const page = await read("index.html");
  doesNotMatch(page, /<script(?![^>]*\ssrc=)[^>]*>/i);
  doesNotMatch(page, /<style|\sstyle=|\son[a-z]+=|javascript:/i);
});

Deno.test("the page refers to all of its files, under relative addresses, and to no others", async () => {
  const found = new Set<string>();
  const follow = async (name: string, references: RegExp) => {
    for (const [, file = ""] of (await read(name)).matchAll(references)) {
      ok(file.startsWith("./"), `${name}: ${file}`);
      if (found.has(file.slice(2))) continue;
      found.add(file.slice(2));
      if (file.endsWith(".js")) await follow(file.slice(2), /^(?:import|\} from)[^"]*"([^"]+)"/gm);
    }
  };
  await follow("index.html", /(?:src|href)="([^"]*)"/g);
  deepStrictEqual([...found].sort(), FILES.filter((name) => name !== "index.html"));
});

Deno.test("the page's scripts never turn a text into markup or code, and ask nobody else", async () => {
  for (const name of SCRIPTS) {
    const script = await read(name);
    match(script, /^(\/\/ deno-lint.*\n)?\/\/ @ts-check\n/, name);
    doesNotMatch(
      script,
      /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function/,
      name,
    );
    doesNotMatch(
      script,
      /createContextualFragment|DOMParser|srcdoc|setAttribute\("(on|href|src|style)/,
      name,
    );
    // The addresses that are asked all begin here.
    for (const [, address] of script.matchAll(/(?:fetch|EventSource)\(["`]([^"`]*)/g)) {
      match(address ?? "", /^\.\//, name);
    }
  }
});

Deno.test("the page's styles load nothing and ask for no motion that was declined", async () => {
  const styles = await Promise.all(FILES.filter((name) => name.endsWith(".css")).map(read));
  const all = styles.join("\n");
  doesNotMatch(all, /url\(|@import|\btransition\b/);
  match(all, /prefers-reduced-motion: reduce/);
  match(all, /prefers-color-scheme: dark/);
});

Deno.test("every field and list of the page has a label, every picture button a name", async () => {
  const page = await read("index.html");
  for (const [, id] of page.matchAll(/<(?:input|textarea)\s[^>]*id="([^"]+)"/g)) {
    ok(page.includes(`<label for="${id}"`), id);
  }
  for (const [, id] of page.matchAll(/aria-(?:labelledby|describedby)="([^"]+)"/g)) {
    // The dialog makes its own heading.
    ok(page.includes(`id="${id}"`) || id === "dialog-title", id);
  }
  for (const [button] of page.matchAll(/<button[^>]*class="[^"]*icon[^>]*>/g)) {
    match(button, /aria-label="/);
  }
  match(page, /<html lang="en">/);
  match(page, /<meta name="viewport"/);
});

Deno.test("no file of the page is longer than a person reads", async () => {
  for (const name of FILES) ok((await read(name)).split("\n").length <= 350, name);
});
