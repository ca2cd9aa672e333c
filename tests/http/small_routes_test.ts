import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { FakeChat, FakeOutbox, FakeUnread } from "#support/fake_control_ports.ts";
import { PEER, routeRig } from "./control_harness.ts";

Deno.test("/unread is read and reset; anything but a count of 0 or more is refused", async () => {
  const unread = new FakeUnread();
  const { ask } = routeRig({ unread });
  strictEqual((await ask("GET", "/unread")).text, '{"unread":0}\n');
  const set = await ask("POST", "/unread", { unread: 7 });
  deepStrictEqual([set.status, set.text], [204, ""]);
  strictEqual((await ask("GET", "/unread")).text, '{"unread":7}\n');
  const bodies = ["", "{", "[]", {}, { unread: -1 }, { unread: 1.5 }, { unread: "1" }];
  for (const body of [...bodies, { unread: null }, '{"unread":1e300}', '{"unread":1e999}']) {
    const reply = await ask("POST", "/unread", body);
    deepStrictEqual([reply.status, reply.text], [400, "invalid body\n"], JSON.stringify(body));
  }
  strictEqual(unread.total, 7);
  for (const method of ["GET", "POST"]) {
    strictEqual((await routeRig().ask(method, "/unread")).status, 503);
  }
});

Deno.test("/link answers from the connection table and says why a link that was asked for is not there", async () => {
  const chat = new FakeChat();
  const { ask } = routeRig({ chat });
  const body = { pk: PEER, network: "skynet" };
  const missing = '{"ready":false,"connecting":false}\n';
  strictEqual((await ask("GET", `/link?pk=${PEER}`)).text, missing);
  strictEqual(
    (await ask("POST", "/link", body)).text,
    '{"ready":false,"connecting":false,"error":"no live tcp-direct connection"}\n',
  );
  chat.connected = true;
  const ready = '{"ready":true,"connecting":false,"network":"tcp-direct"}\n';
  strictEqual((await ask("GET", `/link?pk=${PEER.toUpperCase()}`)).text, ready);
  strictEqual((await ask("POST", "/link", body)).text, ready);
  const refusals = [
    await ask("GET", "/link"),
    await ask("GET", "/link?pk=x"),
    await ask("POST", "/link", {}),
    await ask("POST", "/link", "x"),
    await ask("POST", "/link", { pk: PEER, network: "tor" }),
  ];
  deepStrictEqual(refusals.map(({ status, text }) => [status, text]), [
    [400, "invalid pk: empty public key\n"],
    [400, "invalid pk: Invalid public key\n"],
    [400, "invalid pk: empty public key\n"],
    [400, "invalid body: not valid JSON\n"],
    [400, "invalid network type: use 'auto', 'skynet' or 'dmsg'\n"],
  ]);
  await ask("POST", "/link", { pk: PEER, network: "dmsg" });
  await ask("POST", "/link", { pk: PEER });
  deepStrictEqual(chat.calls.slice(-2), [`connect ${PEER} dmsg`, `connect ${PEER} skynet`]);
  strictEqual((await routeRig().ask("GET", `/link?pk=${PEER}`)).status, 503);
});

Deno.test("/notify-capable and /notify-focus accept and remember nothing; /calls is empty", async () => {
  const { ask } = routeRig();
  strictEqual((await ask("POST", "/notify-capable", { capable: true })).status, 204);
  strictEqual((await ask("POST", "/notify-focus", { key: "g", focused: false })).status, 204);
  const rows: [string, unknown, string][] = [
    ["/notify-capable", { capable: "yes" }, "invalid body: capable must be true or false"],
    ["/notify-capable", {}, "invalid body: capable is missing"],
    ["/notify-focus", { key: 1, focused: true }, "invalid body: key must be a string"],
    ["/notify-focus", "", "invalid body: EOF"],
  ];
  for (const [path, body, text] of rows) {
    const reply = await ask("POST", path, body);
    deepStrictEqual([reply.status, reply.text], [400, `${text}\n`]);
  }
  strictEqual((await ask("GET", "/calls?limit=x")).text, "[]\n");
});

Deno.test("/outbox lists what is queued, and takes one out by id", async () => {
  const outbox = new FakeOutbox();
  outbox.entries.push({ id: "a/b c" }, { id: "2" });
  const { ask } = routeRig({ outbox });
  strictEqual((await ask("GET", "/outbox")).text, '[{"id":"a/b c"},{"id":"2"}]\n');
  strictEqual((await ask("DELETE", "/outbox/a%2Fb%20c")).status, 204);
  strictEqual((await ask("GET", "/outbox")).text, '[{"id":"2"}]\n');
  const gone = await ask("DELETE", "/outbox/a%0Ab");
  deepStrictEqual([gone.status, gone.text], [404, 'no queued message "a\\u000ab"\n']);
  strictEqual((await ask("DELETE", "/outbox/%ff")).status, 404);
  strictEqual((await ask("DELETE", "/outbox/2")).status, 204);
  strictEqual((await ask("GET", "/outbox")).text, "[]\n");
  for (const [method, path] of [["GET", "/outbox"], ["DELETE", "/outbox/2"]] as const) {
    const reply = await routeRig().ask(method, path);
    deepStrictEqual([reply.status, reply.text], [503, "the outbox needs --persist\n"]);
  }
});

Deno.test("/metrics passes on the text of its port with the type that Prometheus asks for", async () => {
  const { ask } = routeRig({ metrics: () => "# TYPE a counter\na 1\n" });
  const reply = await ask("GET", "/metrics");
  deepStrictEqual([reply.status, reply.text], [200, "# TYPE a counter\na 1\n"]);
  strictEqual(reply.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
});

Deno.test("/metrics and /healthz answer HEAD too, which some monitors ask", async () => {
  const { ask } = routeRig({ metrics: () => "", health: () => ["no listener"] });
  deepStrictEqual((await ask("HEAD", "/metrics")).status, 200);
  deepStrictEqual((await ask("HEAD", "/healthz")).status, 503);
});

Deno.test("/healthz is ok, or 503 with one reason a line", async () => {
  let reasons: string[] = [];
  const { ask } = routeRig({ health: () => reasons });
  deepStrictEqual((await ask("GET", "/healthz")).text, "ok\n");
  reasons = ["history cannot be written", "no listener"];
  const reply = await ask("GET", "/healthz");
  deepStrictEqual([reply.status, reply.text], [503, "history cannot be written\nno listener\n"]);
});

Deno.test("/healthz of a healthy node names what is worth knowing, and reasons stand alone", async () => {
  let reasons: string[] = [];
  const { ask } = routeRig({ health: () => reasons, healthNotes: () => ["skynet is down"] });
  const reply = await ask("GET", "/healthz");
  deepStrictEqual([reply.status, reply.text], [200, "ok\nskynet is down\n"]);
  reasons = ["no listener"];
  deepStrictEqual((await ask("GET", "/healthz")).text, "no listener\n");
});
