import assert from "node:assert/strict";
import { denoNetwork } from "#net";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const PK = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const PEER = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

const body = `${
  JSON.stringify({
    active_peer_conns: 1,
    app_uptime_sec: 42,
    frame_proto_version: 1,
    inbound_drop_count: 3,
    inbound_msg_count: 2,
    last_rx_ts: "2026-09-08T10:00:01.123456789Z",
    last_send_ts: "",
    outbound_msg_count: 7,
    pairing_enabled: false,
    peers: [PEER],
    persistence_enabled: true,
    schema_version: "v1",
    sse_subscribers: 4,
    visor_pk: PK,
  })
}\n`;

async function statusOf(
  answer: { status?: number; body: string },
  args: readonly string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const app = FakeApp.answering(answer.status ?? 200, answer.body);
  return await runTest(["status", ...args], { network: app.network });
}

Deno.test("status prints the lines of cli.md 8, empty ones left out", async () => {
  assert.deepEqual(await statusOf({ body }), {
    code: 0,
    stderr: "",
    stdout: `Chat app at 127.0.0.1:8001
  visor PK:           ${PK}
  app uptime:         42s
  frame proto:        v1
  schema:             v1
  SSE subscribers:    4
  active peer conns:  1
    - ${PEER}
  inbound msgs:       2 (drops: 3)
  outbound msgs:      7
  last rx:            2026-09-08T10:00:01.123456789Z
  persistence:        true
  pairing:            false
`,
  });
});

Deno.test("status shows the last send and the error when there are any, and no peers", async () => {
  const { stdout } = await statusOf({
    body: '{"last_send_ts":"2026-09-08T10:00:00.5Z","error":"broken","peers":null}',
  });
  assert.deepEqual(stdout.split("\n").slice(-6), [
    "  outbound msgs:      0",
    "  last send:          2026-09-08T10:00:00.5Z",
    "  persistence:        false",
    "  pairing:            false",
    "  error:              broken",
    "",
  ]);
});

Deno.test("status says how the node stands with its visor, where one started it", async () => {
  const visor = {
    ...{ tcp_pk: PEER, visor_pk: PK, visor_connected: true, visor_port: 1 },
    ...{ visor_networks: ["dmsg"], visor_error: "skynet: port already\nbound" },
  };
  const told = async (own: object) => {
    const { stdout } = await statusOf({ body: JSON.stringify(own) });
    return stdout.split("\n").filter((line) => /^ {2}(visor [^P]|visor:|tcp PK)/.test(line));
  };
  assert.deepEqual(await told(visor), [
    "  visor:              connected",
    "  visor listening:    dmsg, port 1",
    "  visor error:        skynet: port already\\nbound",
    `  tcp PK:             ${PEER}`,
  ]);
  assert.deepEqual(await told({ ...visor, visor_networks: [], visor_error: "", tcp_pk: PK }), [
    "  visor:              connected",
    "  visor listening:    no network, port 1",
  ]);
  const gone = { ...visor, visor_connected: false, visor_error: "unexpected EOF" };
  assert.deepEqual((await told(gone)).slice(0, 2), [
    "  visor:              GONE",
    "  visor error:        unexpected EOF",
  ]);
  assert.deepEqual(await told({ visor_pk: PK, standalone: true }), []);
});

Deno.test("status goes on with what our own app tells: promises, store, outbox and links", async () => {
  const told = async (own: object) => {
    const { stdout } = await statusOf({ body: JSON.stringify(own) });
    return stdout.split("\n").slice(stdout.split("\n").indexOf("  pairing:            false") + 1);
  };
  const history = { messages: 12, peers: 2, bytes: 3_482, events: 40, pending: 0, failing: false };
  const own = {
    ack_mode: "stored",
    history,
    outbox_count: 2,
    tcp_listen: "[::]:8800",
    tcp_peers: [
      { pk: PEER, addr: "b.example:8800", connected: true },
      { pk: PK, addr: "10.0.0.7:8800", connected: false },
      "no peer",
    ],
  };
  assert.deepEqual(await told(own), [
    "  ack mode:           stored",
    "  history:            12 messages, 3.4 KiB",
    "  outbox:             2",
    "  listening:          [::]:8800",
    `  tcp peer:           ${PEER}@b.example:8800 connected`,
    `  tcp peer:           ${PK}@10.0.0.7:8800 waiting`,
    "",
  ]);
  const failing = await told({ error: "x", history: { ...history, failing: true } });
  assert.deepEqual(failing, [
    "  error:              x",
    "  history:            12 messages, 3.4 KiB (FAILING: the disk refuses to write)",
    "",
  ]);
  assert.deepEqual(await told({ history: null, outbox_count: 0, tcp_listen: "", tcp_peers: [] }), [
    "  history:            none",
    "  outbox:             0",
    "  listening:          no",
    "",
  ]);
});

Deno.test("status shows the groups of the app, each on one line whatever it is called", async () => {
  const groups = [
    { id: "team", name: "", role: "member", status: "pending", members_count: 2 },
    { id: "4f6c", name: "o\nps", role: "owner", status: "active", members_count: 3 },
    7,
  ];
  const { stdout } = await statusOf({ body: JSON.stringify({ groups }) });
  assert.deepEqual(stdout.split("\n").slice(-3), [
    "  group:              team member, pending, 2 members",
    '  group:              4f6c "o\\nps" owner, active, 3 members',
    "",
  ]);
  const none = await statusOf({ body: JSON.stringify({ groups: [], groups_error: "x" }) });
  assert.doesNotMatch(none.stdout, /group/);
});

Deno.test("status lets no field of the app make a line of its own", async () => {
  const evil = "x\n  inbound msgs:       99\ry";
  const texts = ["visor_pk", "schema_version", "last_rx_ts", "last_send_ts", "error", "ack_mode"];
  const honest = await statusOf({
    body: JSON.stringify({
      ...Object.fromEntries(texts.map((name) => [name, "x"])),
      tcp_listen: "x",
      peers: ["x"],
      tcp_peers: [{ pk: "x", addr: "x" }],
    }),
  });
  const { stdout } = await statusOf({
    body: JSON.stringify({
      ...Object.fromEntries(texts.map((name) => [name, evil])),
      tcp_listen: evil,
      peers: [evil],
      tcp_peers: [{ pk: evil, addr: evil }],
    }),
  });
  const shown = "x\\n  inbound msgs:       99\\ry";
  assert.equal(stdout.replaceAll(shown, "x"), honest.stdout);
  assert.equal(stdout.split(shown).length, 11);
});

Deno.test("status and every refusal show a line of at most 2,000 characters of what the app says", async () => {
  const body = `a\nskychat: b\r${"x".repeat(5_000)}`;
  const shown = `a\\nskychat: b\\r${"x".repeat(1_987)}…`;
  const status = await statusOf({ status: 500, body });
  assert.equal(status.stderr, `skychat: status fetch: server 500: ${shown}\n`);
  for (
    const args of [["history"], ["outbox"], ["search", "x"], ["send", "--to", PK, "--msg", "a"]]
  ) {
    const { network } = FakeApp.answering(500, body);
    const { stderr } = await runTest(args, { network, stepMs: 1_000 });
    assert.equal(stderr, `skychat: server error 500: ${shown}\n`, args[0]);
  }
});

Deno.test("status --json prints the body as it is with one line feed", async () => {
  assert.deepEqual(await statusOf({ body }, ["--json"]), { code: 0, stderr: "", stdout: body });
});

Deno.test("status fails with the texts of cli.md 8", async () => {
  const gone = await runTest(["status", "--addr", ":9"]);
  assert.equal(gone.code, 1);
  assert.match(
    gone.stderr,
    /^skychat: chat app unreachable at 127\.0\.0\.1:9: connect: connection refused\n {2}is /,
  );
  assert.deepEqual(await statusOf({ status: 500, body: "no\n" }), {
    code: 1,
    stdout: "",
    stderr: "skychat: status fetch: server 500: no\n",
  });
  const garbage = await statusOf({ body: "<html>" });
  assert.equal(garbage.code, 1);
  const locked = await statusOf({ status: 401, body: "no\n" });
  assert.match(locked.stderr, /--addr user:password@host:port/);
});

Deno.test("status does not wait for ever, nor read without end", async () => {
  const silent = new FakeApp(() => {});
  const result = await runTest(["status"], { network: silent.network, stepMs: 1_000 });
  assert.match(
    result.stderr,
    /^skychat: chat app unreachable at 127.0.0.1:8001: no answer within 10s/,
  );

  const endless = new FakeApp(async (_request, reply) => {
    await reply.write("HTTP/1.1 200 OK\r\n\r\n");
    for (;;) await reply.write("x".repeat(65_536));
  });
  const flood = await runTest(["status"], { network: endless.network });
  assert.match(
    flood.stderr,
    /^skychat: bad answer from the chat app at 127.0.0.1:8001: answer larger than 4194304 bytes\n/,
  );
});

Deno.test("status talks to a real HTTP server over TCP", async () => {
  const hosts: (string | null)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    hosts.push(request.headers.get("host"));
    return new Response(body);
  });
  const addr = `127.0.0.1:${server.addr.port}`;
  const { code, stdout } = await runTest(["status", "--json", "--addr", addr], {
    network: denoNetwork,
  });
  await server.shutdown();
  assert.equal(stdout, body);
  assert.equal(code, 0);
  assert.deepEqual(hosts, [addr]);
});
