import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { CodedError } from "#kit";
import { FakeGroups, TS_NANO } from "#support/fake_groups.ts";
import { PEER, type RouteAnswer, routeRig } from "./control_harness.ts";

const INFO = '{"id":"team","name":"ops","members":[]}\n';
const UNSUPPORTED = "not supported in standalone mode\n";

function rig() {
  const groups = new FakeGroups();
  return { groups, ...routeRig({ groups }) };
}

function brief({ status, text }: RouteAnswer): [number, string] {
  return [status, text];
}

/** Every row of the table of groups.md 6.4 with a group that is here: request, what the port was asked. */
const SUCCESSES: [string, string, unknown, unknown[] | undefined, number, string][] = [
  ["GET", "/group", undefined, ["list"], 200, `[${INFO.trim()}]\n`],
  [
    "POST",
    "/group",
    { name: "ops" },
    ["create", { name: "ops", members: [] }],
    200,
    '{"info":{"id":"ops","name":"ops","members":[]},"invite":"skychat:invite:e30",' +
    '"start":{"owner":"skychat app --owner","member":"skychat app --member"}}\n',
  ],
  [
    "POST",
    "/group/join",
    { invite: " skychat:invite:e30\n" },
    ["join", { invite: "skychat:invite:e30" }],
    200,
    '{"id":"joined","name":"ops","members":[]}\n',
  ],
  [
    "GET",
    "/group/history",
    undefined,
    ["stored"],
    200,
    '[{"group_id":"team","count":3,"newest":"2026-09-21T14:13:20Z"}]\n',
  ],
  ["GET", "/group/team", undefined, ["info", "team"], 200, INFO],
  ["DELETE", "/group/team", undefined, ["remove", "team"], 204, ""],
  [
    "GET",
    "/group/team/invite",
    undefined,
    ["invite", "team", {}],
    200,
    '{"invite":"skychat:invite:e30"}\n',
  ],
  [
    "GET",
    "/group/team/invite?address=192.0.2.7:8802",
    undefined,
    ["invite", "team", { address: "192.0.2.7:8802" }],
    200,
    '{"invite":"skychat:invite:e30"}\n',
  ],
  ["POST", "/group/team/send", { text: " hi " }, ["send", "team", " hi "], 204, ""],
  [
    "DELETE",
    `/group/team/message?ts=${TS_NANO}`,
    undefined,
    ["unsend", "team", TS_NANO],
    204,
    "",
  ],
  ["GET", "/group/team/history", undefined, ["history", "team", { limit: 100 }], 200, "[]\n"],
  ["POST", "/group/team/readonly", { read_only: true }, ["setReadOnly", "team", true], 200, INFO],
  [
    "POST",
    "/group/team/peer-backfill",
    { enabled: false },
    ["setBackfill", "team", false],
    200,
    INFO,
  ],
  [
    "POST",
    "/group/team/rotate-key",
    undefined,
    ["rotateKey", "team"],
    200,
    '{"id":"team","name":"ops","members":[],"epoch":2,"recipients":3}\n',
  ],
  ["POST", "/group/team/meta", { name: "new" }, ["rename", "team", "new"], 200, INFO],
  ["POST", "/group/team/meta", { name: "" }, ["rename", "team", ""], 200, INFO],
  ["POST", "/group/team/meta", { avatar: "" }, ["info", "team"], 200, INFO],
  ["POST", "/group/team/leave", undefined, ["leave", "team"], 204, ""],
  ...["add", "remove", "ban", "unban", "mute", "unmute", "promote", "demote"].map((
    action,
  ): typeof SUCCESSES[number] => [
    "POST",
    `/group/team/members/${action}`,
    { pk: PEER.toUpperCase() },
    ["change", "team", { action, pk: PEER }],
    200,
    INFO,
  ]),
  [
    "POST",
    "/group/team/members/add",
    { pk: PEER, addr: "[::1]:8802" },
    ["change", "team", { action: "add", pk: PEER, address: "[::1]:8802" }],
    200,
    INFO,
  ],
];

Deno.test("every group route does what groups.md 6.4 says", async () => {
  for (const [method, path, body, call, status, text] of SUCCESSES) {
    const { ask, groups } = rig();
    const reply = await ask(method, path, body);
    deepStrictEqual([brief(reply), groups.calls.at(-1)], [[status, text], call], method + path);
    const type = status === 204 ? null : "application/json";
    strictEqual(reply.headers.get("content-type"), type);
  }
});

Deno.test("every group route answers 503 where there are no groups, whatever the request", async () => {
  const { ask } = routeRig();
  const rows = [...SUCCESSES.map(([, path]) => path), "/group/", "/group/resolve", "/group/a/b"];
  for (const path of rows) {
    for (const method of ["GET", "POST", "DELETE", "PUT"]) {
      const reply = await ask(method, path);
      deepStrictEqual(brief(reply), [503, "groups disabled (visor RPC unavailable)\n"], path);
    }
  }
});

Deno.test("another method is 405 method not allowed, with those that are", async () => {
  const { ask, groups } = rig();
  const allowed = new Map<string, string[]>();
  for (const [method, path] of SUCCESSES) {
    const bare = path.split("?")[0] ?? "";
    allowed.set(bare, [...allowed.get(bare) ?? [], method]);
  }
  for (
    const path of ["/requests/approve", "/requests/deny", "/join-pow", "/listed", "/ask-again"]
  ) {
    allowed.set(`/group/team${path}`, ["POST"]);
  }
  allowed.set("/group/catalog", ["GET"]).set("/group/team/requests", ["GET"]);
  allowed.set("/group/resolve", ["GET", "POST"]).set("/group/team/refresh-meta", ["POST"]);
  for (const [path, methods] of allowed) {
    for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      if (methods.includes(method)) continue;
      const reply = await ask(method, path);
      deepStrictEqual(brief(reply), [405, "method not allowed\n"], method + path);
      strictEqual(reply.headers.get("allow"), [...new Set(methods)].join(", "));
    }
  }
  deepStrictEqual(groups.calls, []);
});

Deno.test("what has no meaning over TCP is 501, of a group that is not here 404", async () => {
  const { ask } = rig();
  const parts = "requests/approve requests/deny join-pow listed refresh-meta ask-again".split(" ");
  const rows = [
    ["GET", "/group/resolve?address=x"],
    ["POST", "/group/resolve"],
    ["GET", "/group/catalog?pk="],
    ["GET", "/group/team/requests?all=1"],
    ...parts.map((part) => ["POST", `/group/team/${part}`]),
  ];
  for (const [method = "", path = ""] of rows) {
    deepStrictEqual(brief(await ask(method, path)), [501, UNSUPPORTED], path);
    const unknown = path.replace("/team/", "/unknown/");
    if (unknown === path) continue;
    deepStrictEqual(brief(await ask(method, unknown)), [404, "no such group\n"], unknown);
  }
  const listed = await ask("POST", "/group", { name: "ops", listed: true });
  deepStrictEqual(brief(listed), [501, UNSUPPORTED]);
  const picture = await ask("POST", "/group/team/meta", { avatar: "data:image/png;base64,AA==" });
  deepStrictEqual(brief(picture), [501, UNSUPPORTED]);
});

Deno.test("an unknown group is 404 on every route of one", async () => {
  for (const [method, path, body, call] of SUCCESSES) {
    if (call?.[1] !== "team") continue;
    const { ask } = rig();
    const reply = await ask(method, path.replace("/team", "/TEAM"), body);
    deepStrictEqual(brief(reply), [404, "no such group\n"], path);
  }
});

Deno.test("what a group refuses has the status of its reason, and is one line", async () => {
  const rows: [string, number][] = [
    ["no-such-message", 404],
    ["bad-group-request", 400],
    ["group-forbidden", 403],
    ["group-not-uuid", 409],
    ["group-conflict", 409],
    ["group-unsupported", 501],
    ["group-failed", 500],
    ["group-unavailable", 503],
  ];
  for (const [code, status] of rows) {
    const { ask, groups } = rig();
    groups.failure = new CodedError(code, `group: why\r\n\u2028${code}`);
    for (const [method, path, body] of SUCCESSES) {
      const reply = await ask(method, path, body);
      const text = `group: why\\u000d\\u000a\\u2028${code}\n`;
      deepStrictEqual(brief(reply), [status, text], method + path);
      strictEqual(reply.headers.get("x-content-type-options"), "nosniff");
    }
  }
});

Deno.test("where no group runs, what has no meaning over TCP is 503 as well", async () => {
  const { ask, groups } = rig();
  groups.failure = new CodedError("group-unavailable", "groups disabled");
  for (const path of ["/group/resolve", "/group/catalog", "/group/team/requests"]) {
    deepStrictEqual(brief(await ask("GET", path)), [503, "groups disabled\n"], path);
  }
});

Deno.test("a mistake of ours is 500 without its text", async () => {
  const { ask, groups, lines } = rig();
  groups.failure = new TypeError("ours");
  for (const [method, path, body] of SUCCESSES) {
    deepStrictEqual(brief(await ask(method, path, body)), [500, "internal error\n"], path);
  }
  strictEqual(lines.length, SUCCESSES.length);
});

Deno.test("a message says its time and whether it is on disk, which 204 has no body for", async () => {
  const { ask, groups } = rig();
  const heads = async () => {
    const { headers } = await ask("POST", "/group/team/send", { text: "hi" });
    return [headers.get("x-skychat-ts-nano"), headers.get("x-skychat-stored")];
  };
  deepStrictEqual(await heads(), ["1790000000123456789", null]);
  groups.kept = false;
  deepStrictEqual(await heads(), ["1790000000123456789", "false"]);
});

Deno.test("the history is written to the last digit, with bodies unwrapped", async () => {
  const { ask, groups } = rig();
  const entry = { group_id: "team", sender_pk: PEER, ts: "2026-09-21T14:13:20Z", ts_nano: TS_NANO };
  const texts = [
    "plain \ud800",
    '{"skychat_reply":{"text":"yes","to_sender":"a","to_ts":"b","to_preview":"c"}}',
    '{"skychat_forward":{"text":"news","from":"d"}}',
    '{"skychat_forward":{"text":"news"}}',
    '{"skychat_file":{"id":"f","name":"a.png","size":7}}',
  ];
  groups.entries = texts.map((text) => ({ ...entry, text }));
  const { text } = await ask("GET", "/group/team/history");
  strictEqual(text.match(/"ts_nano":1790000000123456789[,}]/g)?.length, 5);
  ok(text.endsWith("]\n"));
  const shown: Record<string, unknown>[] = JSON.parse(text);
  const own = shown.map(({ group_id: _, sender_pk: __, ts: ___, ts_nano: ____, ...rest }) => rest);
  deepStrictEqual(own, [
    { text: "plain \ufffd" },
    { text: "yes", reply_to_sender: "a", reply_to_ts: "b", reply_to_preview: "c" },
    { text: "news", forwarded: true, forward_from: "d" },
    { text: "news", forwarded: true },
    { text: "📎 a.png", file_id: "f", file_name: "a.png", file_size: 7 },
  ]);
});
