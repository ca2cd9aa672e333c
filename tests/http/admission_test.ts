import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { MAX_BODY_BYTES, MAX_IMPORT_BYTES, parseControlAddress, type PasswordGate } from "#http";
import { silentLog } from "#kit";
import { FakeHistory } from "#support/fake_control_ports.ts";
import { Admission, type Arrival } from "../../lib/http/admission.ts";
import { textReply } from "../../lib/http/replies.ts";
import { RawClient, withServer } from "./control_harness.ts";

/** Lets in whoever sends the password `open`; notes who asked. */
function fakeGate() {
  const asked: string[] = [];
  const gate: PasswordGate = {
    check({ authorization, internalToken }, client) {
      asked.push(`${client} ${authorization ?? internalToken ?? ""}`.trim());
      const refusal = textReply(401, "skychat: authentication required", {
        "www-authenticate": 'Basic realm="skychat"',
      });
      return Promise.resolve(authorization === "open" ? undefined : refusal);
    },
  };
  return { gate, asked };
}

function arrival(method: string, target: string, headers: Record<string, string> = {}): Arrival {
  const all: Record<string, string> = { host: "localhost", ...headers };
  return { method, target, client: "192.0.2.1", header: (name) => all[name] };
}

function admission(gate?: PasswordGate, errors: string[] = []): Admission {
  const log = { ...silentLog, error: (text: string) => void errors.push(text) };
  return new Admission({ address: parseControlAddress(":8001"), gate, log });
}

async function verdictOf(admission: Admission, arrival: Arrival): Promise<unknown> {
  const verdict = await admission.admit(arrival);
  if (verdict instanceof Response) return [verdict.status, await verdict.text()];
  return verdict;
}

Deno.test("Admission gives every route its own bound of the body", async () => {
  const admit = admission();
  const limitOf = async (method: string, target: string) => {
    const rule = await admit.admit(arrival(method, target));
    if (rule instanceof Response) return rule.status;
    rule.release?.();
    return rule.limit;
  };
  for (const target of ["/message", "/import/x", "/imports", "//import", "/?/import"]) {
    strictEqual(await limitOf("POST", target), MAX_BODY_BYTES, target);
  }
  strictEqual(await limitOf("GET", "/import"), MAX_BODY_BYTES);
  strictEqual(await limitOf("POST", "/import"), MAX_IMPORT_BYTES);
  strictEqual(await limitOf("POST", "/import?x=/y"), MAX_IMPORT_BYTES);
});

Deno.test("Admission lets one import in at a time", async () => {
  const admit = admission();
  const first = await admit.admit(arrival("POST", "/import"));
  const busy = [503, "another import is running\n"];
  deepStrictEqual(await verdictOf(admit, arrival("POST", "/import")), busy);
  if (!(first instanceof Response)) first.release?.();
  strictEqual(await admit.admit(arrival("POST", "/import")) instanceof Response, false);
});

Deno.test("Admission asks the gate after the origin, and for no import place before the password", async () => {
  const { gate, asked } = fakeGate();
  const admit = admission(gate);
  const foreign = { host: "evil.example", authorization: "open" };
  deepStrictEqual(await verdictOf(admit, arrival("GET", "/", { origin: "https://evil.example" })), [
    403,
    "cross-origin request refused\n",
  ]);
  strictEqual((await admit.admit(arrival("GET", "/", foreign)) as Response).status, 403);
  deepStrictEqual(asked, [], "a foreign page uses up no attempts");
  const locked = [401, "skychat: authentication required\n"];
  deepStrictEqual(await verdictOf(admit, arrival("POST", "/import")), locked);
  const headers = { authorization: "open" };
  strictEqual(await admit.admit(arrival("POST", "/import", headers)) instanceof Response, false);
  await admit.admit(arrival("GET", "/", { "x-skychat-internal-token": "t" }));
  deepStrictEqual(asked, ["192.0.2.1", "192.0.2.1 open", "192.0.2.1 t"]);
});

Deno.test("Admission lets nobody in when the gate fails", async () => {
  const errors: string[] = [];
  const gate = { check: () => Promise.reject(new Error("broken")) };
  const verdict = await verdictOf(admission(gate, errors), arrival("GET", "/"));
  deepStrictEqual(verdict, [500, "internal error\n"]);
  match(errors.join(), /cannot check a password: broken/);
});

const ROUTES: readonly string[] = [
  "GET /",
  "HEAD /app.js",
  "GET /sse",
  "GET /events",
  "GET /status",
  "GET /history",
  "GET /export",
  "POST /message",
  "POST /import",
  "POST /send-file",
  "GET /metrics",
  "GET /healthz",
  "GET /pair",
  "DELETE /pair/x",
  "PUT /status",
  "TRACE /",
  "GET /no/such/path",
];

Deno.test("with a password every route answers 401 without one (http-api.md 8 check 4)", async () => {
  const { gate, asked } = fakeGate();
  await withServer(async ({ address, ports }) => {
    for (const route of ROUTES) {
      using client = await RawClient.connect(address);
      await client.send(`${route} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      const text = await client.rest();
      match(text, /^HTTP\/1\.1 401 Unauthorized\r\n/, route);
      match(text, /\r\nWWW-Authenticate: Basic realm="skychat"\r\n/i, route);
      if (!route.startsWith("HEAD")) match(text, /\r\n\r\nskychat: authentication required\n$/);
    }
    strictEqual(ports.events.legacySubscribers, 0);
    deepStrictEqual(new Set(asked), new Set(["127.0.0.1"]));
    using client = await RawClient.connect(address);
    await client.send("GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: open\r\n\r\n");
    await client.until("HTTP/1.1 200 OK");
  }, { gate });
});

Deno.test("a gate makes an address that others can reach fit to be served", async () => {
  const { gate } = fakeGate();
  await withServer(async ({ address }) => {
    using client = await RawClient.connect(address.replace("0.0.0.0", "127.0.0.1"));
    await client.send("GET / HTTP/1.1\r\nHost: any.example\r\n\r\n");
    await client.until("HTTP/1.1 401 ");
  }, { address: "*:0", gate });
});

Deno.test("a stranger is answered before its body is read, and cannot keep others from importing", async () => {
  const { gate } = fakeGate();
  await withServer(async ({ address, ports }) => {
    ports.history = new FakeHistory();
    using stranger = await RawClient.connect(address);
    await stranger.send(
      "POST /import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n",
    );
    match(await stranger.until("required\n"), /^HTTP\/1\.1 401 [^]*Connection: close/);
    using foreign = await RawClient.connect(address);
    await foreign.send(
      "POST /import HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n" +
        "Expect: 100-continue\r\nContent-Length: 60000000\r\n\r\n",
    );
    match(await foreign.until("refused\n"), /^HTTP\/1\.1 403 /);
    const body = '{"format":"skychat-archive","version":1}';
    const reply = await fetch(`http://${address}/import`, {
      method: "POST",
      headers: { authorization: "open" },
      body,
    });
    strictEqual(reply.status, 200);
    await reply.body?.cancel();
  }, { gate });
});
