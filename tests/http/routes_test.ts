import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { createApp, MAX_STREAMS, parseControlAddress } from "#http";
import { silentLog } from "#kit";
import { ManualClock } from "#support/manual_clock.ts";
import { FakePorts, inbound, PEER } from "./control_harness.ts";

function setUp(more: Partial<FakePorts> = {}) {
  const clock = new ManualClock();
  const ports = Object.assign(new FakePorts(clock), more);
  const errors: string[] = [];
  const log = { ...silentLog, error: (text: string) => void errors.push(text) };
  const app = createApp(ports, { address: parseControlAddress(":8001"), clock, log });
  const ask = async (
    method: string,
    path: string,
    options: { body?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> =>
    await app(
      new Request(`http://localhost${path}`, {
        method,
        headers: { host: "localhost:8001", ...options.headers },
        body: options.body ?? null,
      }),
    );
  return { ports, ask, errors, clock };
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];

Deno.test("every route answers a method that is not its own with 405, its methods and Allow", async () => {
  const { ask, ports } = setUp({ metrics: () => "", health: () => [] });
  const routes: [string, string, string][] = [
    ["/message", "POST only", "POST"],
    ["/sse", "GET only", "GET"],
    ["/events", "GET only", "GET"],
    ["/status", "GET only", "GET"],
    ["/history", "GET only", "GET"],
    ["/history/peers", "GET only", "GET"],
    ["/history/forget", "POST only", "POST"],
    ["/delete", "POST only", "POST"],
    ["/read-receipt", "POST only", "POST"],
    ["/search", "GET only", "GET"],
    ["/contacts", "GET or POST only", "GET, POST"],
    ["/contacts/import", "POST only", "POST"],
    ["/privacy", "GET or POST only", "GET, POST"],
    ["/privacy/block", "POST only", "POST"],
    ["/privacy/accept", "POST only", "POST"],
    ["/export", "GET only", "GET"],
    ["/export/x.json", "GET only", "GET"],
    ["/import", "POST only", "POST"],
    ["/unread", "GET or POST only", "GET, POST"],
    ["/link", "GET or POST only", "GET, POST"],
    ["/notify-capable", "POST only", "POST"],
    ["/notify-focus", "POST only", "POST"],
    ["/calls", "GET only", "GET"],
    ["/send-file", "POST only", "POST"],
    ["/files/x", "GET only", "GET"],
    ["/thumb/x", "GET only", "GET"],
    ["/request-file", "POST only", "POST"],
    ["/presence", "GET or POST only", "GET, POST"],
    ["/outbox", "GET only", "GET"],
    ["/outbox/x", "DELETE only", "DELETE"],
    ["/metrics", "GET or HEAD only", "GET, HEAD"],
    ["/healthz", "GET or HEAD only", "GET, HEAD"],
    ["/", "GET or HEAD only", "GET, HEAD"],
    ["/app.js", "GET or HEAD only", "GET, HEAD"],
    ["/index.html", "GET or HEAD only", "GET, HEAD"],
  ];
  for (const [path, text, allow] of routes) {
    for (const method of METHODS.filter((name) => !allow.split(", ").includes(name))) {
      const reply = await ask(method, path);
      deepStrictEqual([reply.status, reply.headers.get("allow")], [405, allow], method + path);
      strictEqual(await reply.text(), method === "HEAD" ? "" : `${text}\n`);
      strictEqual(reply.headers.get("content-type"), "text/plain; charset=utf-8");
      strictEqual(reply.headers.get("x-content-type-options"), "nosniff");
    }
  }
  strictEqual(ports.events.legacySubscribers, 0);
});

Deno.test("/pair is refused in every method (http-api.md 8 check 6)", async () => {
  const { ask } = setUp();
  const paths = ["/pair", `/pair/${PEER}`, `/pair/${PEER}/message`, "/pair/inbox", "/pair/invites"];
  for (const path of [...paths, `/pair/invites/${PEER}/accept`, "/pair/x?y=1"]) {
    for (const method of METHODS) {
      const reply = await ask(method, path);
      strictEqual(reply.status, 503, `${method} ${path}`);
      const text = method === "HEAD" ? "" : "pairing disabled (visor RPC unavailable)\n";
      strictEqual(await reply.text(), text);
    }
  }
  strictEqual((await ask("GET", "/pairs")).status, 404);
});

Deno.test("/history answers 503 without --persist (http-api.md 8 check 7)", async () => {
  const { ask } = setUp();
  for (const path of ["/history", "/history?peer=x&limit=0", "/history/peers"]) {
    const reply = await ask("GET", path);
    deepStrictEqual([reply.status, await reply.text()], [503, "persistence not enabled\n"]);
  }
});

Deno.test("/status passes on what its port says, as JSON in one line", async () => {
  const { ask } = setUp();
  const reply = await ask("GET", "/status?x");
  strictEqual(reply.headers.get("content-type"), "application/json");
  strictEqual(await reply.text(), `{"peers":["${PEER}"],"sse_subscribers":0}\n`);
});

Deno.test("unknown paths answer 404", async () => {
  const { ask } = setUp();
  for (
    const path of [
      "/x",
      "/groups",
      "/metrics",
      "/healthz",
      "/voice/shout",
      "/STATUS",
      "/status/",
      "/../etc/passwd",
      "/web/app.js",
      "/__proto__",
    ]
  ) {
    for (const method of ["GET", "POST"]) {
      const reply = await ask(method, path);
      deepStrictEqual([reply.status, await reply.text()], [404, "404 page not found\n"], path);
    }
  }
});

Deno.test("a foreign Origin is refused on every route, and works without (http-api.md 8 check 5)", async () => {
  const { ask, ports } = setUp();
  const body = JSON.stringify({ recipient: PEER, message: "hi" });
  const foreign: Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { host: "evil.example" },
    { host: "127.0.0.1.evil.example:8001" },
    { host: "" },
  ];
  for (const headers of foreign) {
    for (const path of ["/", "/status", "/sse", "/events", "/history", "/pair", "/x"]) {
      const reply = await ask("GET", path, { headers });
      strictEqual(reply.status, 403, path + JSON.stringify(headers));
      strictEqual(reply.headers.get("access-control-allow-origin"), null);
    }
    const reply = await ask("POST", "/message", { headers, body });
    strictEqual(reply.status, 403);
    const text = "host" in headers ? /^host not allowed/ : /^cross-origin request refused\n$/;
    match(await reply.text(), text);
  }
  deepStrictEqual(ports.requests, []);
  strictEqual(ports.events.legacySubscribers, 0);
  const good: Record<string, string>[] = [
    {},
    { origin: "http://localhost:8001", "sec-fetch-site": "same-origin" },
    { "content-type": "text/plain" },
    { "content-type": "application/x-www-form-urlencoded" },
  ];
  for (const headers of good) {
    strictEqual((await ask("POST", "/message", { headers, body })).status, 200);
  }
  strictEqual(ports.requests.length, 4);
});

Deno.test("/events reads channel and since, and refuses a since that is no number", async () => {
  const { ask, ports } = setUp();
  for (const id of ["a", "b", "c"]) ports.events.publishMessage(inbound(id, "x"));
  const replay = async (query: string): Promise<string[]> => {
    const reply = await ask("GET", `/events${query}`);
    strictEqual(reply.status, 200, query);
    const reader = reply.body?.getReader();
    const { value } = await reader?.read() ?? {};
    await reader?.cancel();
    return [...new TextDecoder().decode(value).matchAll(/"id":"(.)"/g)].map(([, id]) => id ?? "");
  };
  deepStrictEqual(await replay(""), ["a", "b", "c"]);
  deepStrictEqual(await replay("?since=2"), ["c"]);
  deepStrictEqual(await replay("?since=&channel="), ["a", "b", "c"]);
  deepStrictEqual(await replay("?since=9999999999999999999"), ["a", "b", "c"]);
  deepStrictEqual(await replay("?channel=group,system"), []);
  deepStrictEqual(await replay("?channel=group%2Cdm&since=1"), ["b", "c"]);
  for (const since of ["x", "-1", "1.5", "1e3", "0x1", "%201", "99999999999999999999"]) {
    const reply = await ask("GET", `/events?since=${since}`);
    deepStrictEqual([reply.status, await reply.text()], [400, "invalid since\n"], since);
  }
  strictEqual(ports.events.subscribers, 0);
});

Deno.test("event streams have a cap, and room again after one ends", async () => {
  const { ask, ports, clock } = setUp();
  const open: Response[] = [];
  for (let index = 0; index < MAX_STREAMS; index++) open.push(await ask("GET", "/sse"));
  const refused = await ask("GET", "/events");
  deepStrictEqual([refused.status, await refused.text()], [503, "too many event streams\n"]);
  await open.pop()?.body?.cancel();
  open.push(await ask("GET", "/events"));
  strictEqual(ports.events.legacySubscribers, MAX_STREAMS - 1);
  for (const reply of open) await reply.body?.cancel();
  deepStrictEqual([ports.events.legacySubscribers, clock.pending], [0, 0]);
});

Deno.test("a mistake of ours answers 500 without its text, which goes to the log", async () => {
  const { ask, ports, errors } = setUp();
  ports.status = () => {
    throw new TypeError("inner detail");
  };
  const reply = await ask("GET", "/status");
  deepStrictEqual([reply.status, await reply.text()], [500, "internal error\n"]);
  match(errors.join(), /GET \/status failed: inner detail/);
});
