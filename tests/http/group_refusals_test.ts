import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { FakeGroups } from "#support/fake_groups.ts";
import { PEER, RawClient, routeRig, withServer } from "./control_harness.ts";

function rig() {
  const groups = new FakeGroups();
  return { groups, ...routeRig({ groups }) };
}

const KINDS = "invalid kind (use public, private or channel)";

Deno.test("a body that a group route cannot read is 400 with the text of groups.md 6.4", async () => {
  const { ask, groups } = rig();
  const rows: [string, string, unknown, string][] = [
    ["POST", "/group", "", "invalid body: EOF"],
    ["POST", "/group", "{", "invalid body: unexpected EOF"],
    ["POST", "/group", "[]", "invalid body: body must be a JSON object"],
    ["POST", "/group", {}, "name required"],
    ["POST", "/group", { name: " \t\n" }, "name required"],
    ["POST", "/group", { name: 5 }, "invalid body: name must be a string"],
    ["POST", "/group", { name: "n", kind: "secret" }, KINDS],
    ["POST", "/group", { name: "n", kind: "__proto__" }, KINDS],
    ["POST", "/group", { name: "n", kind: "Public" }, KINDS],
    ["POST", "/group", { name: "n", mode: "channel" }, "invalid mode (use public or private)"],
    [
      "POST",
      "/group",
      { name: "n", kind: "channel", mode: "private" },
      'kind "channel" does not match mode "private"',
    ],
    [
      "POST",
      "/group",
      { name: "n", kind: "private", mode: "public" },
      'kind "private" does not match mode "public"',
    ],
    ["POST", "/group", { name: "n", members: PEER }, "invalid body: members must be a list"],
    ["POST", "/group", { name: "n", members: ["x"] }, "invalid member pk: Invalid public key"],
    ["POST", "/group", { name: "n", members: [""] }, "invalid member pk: empty public key"],
    [
      "POST",
      "/group",
      { name: "n", members: Array(257).fill(PEER) },
      "too many members: at most 256",
    ],
    [
      "POST",
      "/group",
      { name: "n", peer_backfill: 1 },
      "invalid body: peer_backfill must be true or false",
    ],
    ["POST", "/group", { name: "n", address: "a b:1" }, "invalid address: expected host:port"],
    ["POST", "/group/join", {}, "invite or address required"],
    ["POST", "/group/join", { invite: " ", address: "\n" }, "invite or address required"],
    ["POST", "/group/join", { invite: [] }, "invalid body: invite must be a string"],
    ["GET", "/group/team/invite?address=x", undefined, "invalid address: expected host:port"],
    ["POST", "/group/team/send", {}, "text required"],
    ["POST", "/group/team/send", { text: 7 }, "invalid body: text must be a string"],
    ["POST", "/group/team/send", "no", "invalid body: not valid JSON"],
    ["POST", "/group/team/members/ban", {}, "invalid pk: empty public key"],
    ["POST", "/group/team/members/ban", { pk: "zz" }, "invalid pk: Invalid public key"],
    ["POST", "/group/team/members/ban", { pk: "02ab" }, "invalid pk: Invalid public key length"],
    [
      "POST",
      "/group/team/members/add",
      { pk: PEER, addr: "h" },
      "invalid addr: expected host:port",
    ],
    ["POST", "/group/team/readonly", {}, "invalid body: read_only is missing"],
    [
      "POST",
      "/group/team/readonly",
      { read_only: 1 },
      "invalid body: read_only must be true or false",
    ],
    ["POST", "/group/team/peer-backfill", {}, "invalid body: enabled is missing"],
    ["POST", "/group/team/meta", { name: 1 }, "invalid body: name must be a string"],
    ["POST", "/group/team/meta", "5", "invalid body: body must be a JSON object"],
  ];
  for (const [method, path, body, text] of rows) {
    const reply = await ask(method, path, body);
    deepStrictEqual([reply.status, reply.text], [400, `${text}\n`], path + JSON.stringify(body));
  }
  deepStrictEqual(groups.calls, []);
});

Deno.test("POST /group hands over what was asked, each member once", async () => {
  const rows: [Record<string, unknown>, Record<string, unknown>][] = [
    [{ kind: "channel" }, { kind: "channel" }],
    [{ kind: "private", mode: "private" }, { kind: "private", mode: "private" }],
    [{ mode: "private" }, { mode: "private" }],
    [{ kind: null, mode: null, members: null, listed: false }, {}],
    [{ members: [PEER, PEER.toUpperCase()] }, { members: [PEER] }],
    [{ peer_backfill: false }, { peerBackfill: false }],
    [{ peer_backfill: null, address: "host:1", other: 1 }, { address: "host:1" }],
  ];
  for (const [fields, expected] of rows) {
    const { ask, groups } = rig();
    strictEqual((await ask("POST", "/group", { name: "n", ...fields })).status, 200);
    deepStrictEqual(groups.calls, [["create", { name: "n", members: [], ...expected }]]);
  }
});

Deno.test("POST /group/join tells a link from a short address by its shape, in whichever field", async () => {
  const address = `skychat://${PEER}/4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f`;
  const rows: [Record<string, string>, Record<string, string>][] = [
    [{ invite: "skychat:invite:e30" }, { invite: "skychat:invite:e30" }],
    [{ address: "skychat:invite:e30" }, { invite: "skychat:invite:e30" }],
    [{ address }, { address }],
    [{ invite: address.toUpperCase() }, { address: address.toUpperCase() }],
    [{ invite: "", address: ` ${PEER}/x ` }, { address: `${PEER}/x` }],
    [{ invite: "nonsense" }, { invite: "nonsense" }],
  ];
  for (const [body, expected] of rows) {
    const { ask, groups } = rig();
    strictEqual((await ask("POST", "/group/join", body)).status, 200);
    deepStrictEqual(groups.calls, [["join", expected]]);
  }
});

Deno.test("times and limits are checked in decimal and in 64 bits", async () => {
  const { ask, groups } = rig();
  const bad = [
    "",
    "0",
    "-1",
    "+1",
    "1.5",
    "1e9",
    "x",
    "0x10",
    "9223372036854775808",
    "1".repeat(20),
  ];
  for (const ts of bad) {
    const reply = await ask("DELETE", `/group/team/message?ts=${ts}`);
    deepStrictEqual([reply.status, reply.text], [400, "ts (unixnano) required\n"], ts);
    if (ts === "") continue;
    const before = await ask("GET", `/group/team/history?before=${ts}`);
    deepStrictEqual([before.status, before.text], [400, "invalid before\n"], ts);
  }
  for (const limit of ["0", "-1", "1.5", "ten", "1e2", "00"]) {
    const reply = await ask("GET", `/group/team/history?limit=${limit}`);
    deepStrictEqual([reply.status, reply.text], [400, "invalid limit\n"], limit);
  }
  deepStrictEqual(groups.calls, []);
  const rows: [string, unknown][] = [
    ["limit=1", { limit: 1 }],
    ["limit=1000&before=", { limit: 1_000 }],
    [`limit=${"9".repeat(400)}`, { limit: 1_000 }],
    ["before=9223372036854775807", { limit: 100, before: 2n ** 63n - 1n }],
    ["limit=&before=1", { limit: 100, before: 1n }],
  ];
  for (const [query, request] of rows) {
    strictEqual((await ask("GET", `/group/team/history?${query}`)).status, 200);
    deepStrictEqual(groups.calls.at(-1), ["history", "team", request], query);
  }
});

Deno.test("an id may hold anything a path can encode, and stays one part of it", async () => {
  const ids = [
    "a/b",
    "a b",
    "a%b",
    "a?b#c",
    "../x",
    "join/x",
    "ä\u{1f600}",
    "{}",
    "a+b",
    "%2F",
    "a\\b",
  ];
  for (const id of [...ids, "x".repeat(128)]) {
    const { ask, groups } = rig();
    groups.ids.add(id);
    const at = `/group/${encodeURIComponent(id)}`;
    strictEqual((await ask("GET", at)).status, 200, id);
    strictEqual((await ask("POST", `${at}/send`, { text: "hi" })).status, 204, id);
    deepStrictEqual(groups.calls, [["info", id], ["send", id, "hi"]]);
  }
  const { ask, groups } = rig();
  groups.ids.add("join").add("history");
  strictEqual((await ask("GET", "/group/%6Aoin")).status, 200);
  strictEqual((await ask("GET", "/group/history/history")).status, 200);
  deepStrictEqual(groups.calls.map(([, id]) => id), ["join", "history"]);
});

Deno.test("what cannot be the id of a group goes no further", async () => {
  const { ask, groups } = rig();
  const rows: [string, number, string][] = [
    ["/group/", 400, "missing group id"],
    ["/group//send", 400, "missing group id"],
    ["/group//nothing", 400, "missing group id"],
    ["/group/%zz", 400, "invalid group id"],
    ["/group/%ff/history", 400, "invalid group id"],
    ["/group/%00", 404, "no such group"],
    ["/group/a%0d%0adata:%20x/history", 404, "no such group"],
    ["/group/%E2%80%A8", 404, "no such group"],
    [`/group/${"x".repeat(129)}`, 404, "no such group"],
    [`/group/${"%C3%A4".repeat(65)}`, 404, "no such group"],
    ["/group/team/", 404, "404 page not found"],
    ["/group/team/nothing", 404, "404 page not found"],
    ["/group/team/members", 404, "404 page not found"],
    ["/group/team/members/constructor", 404, "404 page not found"],
    ["/group/team/send/x", 404, "404 page not found"],
    ["/groups", 404, "404 page not found"],
    ["/groupx/team", 404, "404 page not found"],
  ];
  for (const [path, status, text] of rows) {
    const reply = await ask("GET", path);
    deepStrictEqual([reply.status, reply.text], [status, `${text}\n`], path);
  }
  deepStrictEqual(groups.calls, []);
});

Deno.test("any path under /group and any body are answered with a status, never with 500", async () => {
  const { ask, lines } = rig();
  const part = fc.oneof(
    fc.constantFrom("team", "", "%2f", "%00", "members", "send", "history", "join", "%", "add"),
    fc.string({ unit: "binary", maxLength: 6 }).map((text) =>
      encodeURIComponent(text.toWellFormed())
    ),
  );
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc.record({ pk: fc.constantFrom(PEER, "x"), text: fc.string(), name: fc.string() })
      .map((value) => JSON.stringify(value)),
  );
  const path = fc.array(part, { maxLength: 4 }).map((parts) => ["/group", ...parts].join("/"));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("GET", "POST", "DELETE"), path, body, async (m, at, text) => {
      const reply = await ask(m, at, m === "GET" ? undefined : text);
      ok([200, 204, 400, 404, 405, 501].includes(reply.status), `${m} ${at}: ${reply.status}`);
      ok(!/[\r\n]./s.test(reply.text), reply.text);
    }),
    { numRuns: 300 },
  );
  deepStrictEqual(lines, []);
});

Deno.test("the server takes group routes over a socket, and bounds their bodies like all others", async () => {
  await withServer(async ({ address, ports }) => {
    const groups = new FakeGroups();
    groups.ids.add("a/b");
    ports.groups = groups;
    const sent = await fetch(`http://${address}/group/a%2Fb/send`, {
      method: "POST",
      body: '{"text":"hi"}',
    });
    deepStrictEqual([sent.status, await sent.text()], [204, ""]);
    deepStrictEqual(groups.calls, [["send", "a/b", "hi"]]);
    using client = await RawClient.connect(address);
    const head =
      `POST /group/a%2Fb/send HTTP/1.1\r\nHost: ${address}\r\nContent-Length: 1048577\r\n\r\n`;
    await client.send(head);
    ok((await client.until("\r\n")).includes(" 413 "));
  });
});
