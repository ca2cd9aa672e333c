import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { FakeChat, FakeHistory, type FakeRecord } from "#support/fake_control_ports.ts";
import { PEER, routeRig } from "./control_harness.ts";

function record(text: string, extra: Partial<FakeRecord> = {}): FakeRecord {
  const timestamp = "2026-09-08T10:00:01.123456789Z";
  return { peer: PEER, from: PEER, outgoing: false, text, timestamp, ...extra };
}

function rig(records: FakeRecord[] = []) {
  const history = new FakeHistory();
  history.records = records;
  const chat = new FakeChat();
  return { history, chat, ...routeRig({ history, chat }) };
}

Deno.test("/history serves the newest records as they are stored, oldest first, in one list", async () => {
  const records = [record("a", { id: "1" }), record("b", { id: "2", reply_to: "1" })];
  const { ask, history } = rig(records);
  const reply = await ask("GET", "/history");
  strictEqual(reply.status, 200);
  strictEqual(reply.headers.get("content-type"), "application/json");
  strictEqual(reply.text, `${JSON.stringify(records)}\n`);
  deepStrictEqual(history.calls, ["recent 100"]);
});

Deno.test("/history reads limit: above 0, at most 1000, and everything else is refused", async () => {
  const { ask, history } = rig();
  for (const limit of ["1", "1000", "1001", "99999999999999999999", "007", ""]) {
    strictEqual((await ask("GET", `/history?limit=${limit}`)).status, 200, limit);
  }
  const asked = [1, 1_000, 1_000, 1_000, 7, 100].map((limit) => `recent ${limit}`);
  deepStrictEqual(history.calls, asked);
  for (const limit of ["0", "-1", "1.5", "x", "1e3", "%2B5", "0x10", "%201", "00"]) {
    const reply = await ask("GET", `/history?limit=${limit}`);
    deepStrictEqual([reply.status, reply.text], [400, "invalid limit\n"], limit);
  }
});

Deno.test("/history takes peer as an exact lower-case key, and knows no others", async () => {
  const { ask, history } = rig([record("a")]);
  match((await ask("GET", `/history?peer=${PEER}&limit=5`)).text, /"text":"a"/);
  deepStrictEqual(history.calls, [`byPeer ${PEER} 5`]);
  for (const peer of [PEER.toUpperCase(), "x", "__proto__", `${PEER}0`, "%00", "a".repeat(3_000)]) {
    const reply = await ask("GET", `/history?peer=${peer}`);
    deepStrictEqual([reply.status, reply.text], [200, "[]\n"], peer);
  }
  strictEqual(history.calls.length, 1);
  await ask("GET", "/history?peer=");
  strictEqual(history.calls[1], "recent 100");
});

Deno.test("/history unwraps structured bodies and leaves the stored record alone", async () => {
  const reply = JSON.stringify({
    skychat_reply: { text: "yes", to_sender: PEER, to_ts: "10:00", to_preview: "coffee?" },
  });
  const forward = JSON.stringify({ skychat_forward: { text: "news", from: "channel" } });
  const bare = JSON.stringify({ skychat_forward: { text: "plain news" } });
  const records = [
    record(reply, { id: "1", reply_to: "0" }),
    record(forward),
    record(bare),
    record('{"skychat_reply":5}'),
  ];
  const { ask, history } = rig(records);
  const served = JSON.parse((await ask("GET", "/history")).text);
  const fixed = { peer: PEER, from: PEER, outgoing: false, timestamp: records[0]?.timestamp };
  deepStrictEqual(served, [
    {
      ...fixed,
      text: "yes",
      id: "1",
      reply_to: "0",
      reply_to_sender: PEER,
      reply_to_ts: "10:00",
      reply_to_preview: "coffee?",
    },
    { ...fixed, text: "news", forwarded: true, forward_from: "channel" },
    { ...fixed, text: "plain news", forwarded: true },
    { ...fixed, text: '{"skychat_reply":5}' },
  ]);
  strictEqual(history.records[0]?.text, reply);
  const keys = Object.keys(served[0] ?? {});
  deepStrictEqual(keys.slice(-3), ["reply_to_sender", "reply_to_ts", "reply_to_preview"]);
});

Deno.test("/history and /history/peers answer [] for nothing and 500 with the text of a read error", async () => {
  const { ask, history } = rig();
  for (const path of ["/history", "/history/peers"]) {
    deepStrictEqual((await ask("GET", path)).text, "[]\n");
  }
  history.records = [record("a")];
  strictEqual((await ask("GET", "/history/peers")).text, `["${PEER}"]\n`);
  history.failure = new Error("disk failed");
  for (const path of ["/history", `/history?peer=${PEER}`, "/history/peers"]) {
    const reply = await ask("GET", path);
    deepStrictEqual([reply.status, reply.text], [500, "disk failed\n"]);
  }
});

Deno.test("/history/forget takes out one message, or a whole conversation and its replay", async () => {
  const { ask, history, chat } = rig();
  const path = "/history/forget";
  const one = await ask("POST", path, { pk: PEER.toUpperCase(), id: "x y", more: 1 });
  deepStrictEqual([one.status, one.text], [204, ""]);
  deepStrictEqual(history.calls, [`forget ${PEER} x y`]);
  deepStrictEqual(chat.calls.splice(0), [`forgetReplay ${PEER} x y`]);
  strictEqual((await ask("POST", path, { pk: PEER, all: true, id: "ignored" })).status, 204);
  deepStrictEqual(history.calls.slice(1), [`forgetPeer ${PEER}`]);
  deepStrictEqual(chat.calls, [`forgetReplay ${PEER}`]);
});

Deno.test("/history/forget refuses by the table of http-api.md 4.7", async () => {
  const { ask, history, chat } = rig();
  const rows: [unknown, string][] = [
    ["", "invalid body: EOF"],
    ["{", "invalid body: unexpected EOF"],
    ["nonsense", "invalid body: not valid JSON"],
    ["[]", "invalid body: body must be a JSON object"],
    ["null", "invalid body: body must be a JSON object"],
    [{ pk: 5 }, "invalid body: pk must be a string"],
    [{ pk: PEER, all: "yes" }, "invalid body: all must be true or false"],
    [{}, "invalid pk: empty public key"],
    [{ pk: "", id: "x" }, "invalid pk: empty public key"],
    [{ pk: "0".repeat(66), all: true }, "invalid pk: empty public key"],
    [{ pk: "zz", all: true }, "invalid pk: Invalid public key"],
    [{ pk: "02ab", id: "x" }, "invalid pk: Invalid public key length"],
    [{ pk: PEER }, "missing id"],
    [{ pk: PEER, id: "", all: false }, "missing id"],
    [{ pk: PEER, id: null, all: null }, "missing id"],
    [`{"__proto__":{"pk":"${PEER}","id":"x"}}`, "invalid pk: empty public key"],
  ];
  for (const [body, text] of rows) {
    const reply = await ask("POST", "/history/forget", body);
    deepStrictEqual([reply.status, reply.text], [400, `${text}\n`], JSON.stringify(body));
  }
  deepStrictEqual([history.calls, chat.calls], [[], []]);
  history.failure = new Error("disk failed");
  for (const body of [{ pk: PEER, all: true }, { pk: PEER, id: "x" }]) {
    const reply = await ask("POST", "/history/forget", body);
    deepStrictEqual([reply.status, reply.text], [500, "history delete failed: disk failed\n"]);
  }
  const dropped = [`forgetReplay ${PEER}`, `forgetReplay ${PEER} x`];
  deepStrictEqual(chat.calls, dropped, "the replay is dropped whatever the disk");
});

Deno.test("/history/forget without persistence answers 204 to anything and still clears the replay", async () => {
  const chat = new FakeChat();
  const { ask } = routeRig({ chat });
  const bodies = ["", "{", { pk: "zz", all: true }, { pk: "zz", id: "x" }, { pk: PEER }, "[1]"];
  for (const body of bodies) {
    deepStrictEqual((await ask("POST", "/history/forget", body)).status, 204);
  }
  deepStrictEqual(chat.calls, []);
  strictEqual((await ask("POST", "/history/forget", { pk: PEER, all: true })).status, 204);
  strictEqual((await ask("POST", "/history/forget", { pk: PEER, id: "x" })).status, 204);
  deepStrictEqual(chat.calls, [`forgetReplay ${PEER}`, `forgetReplay ${PEER} x`]);
  strictEqual((await ask("GET", "/history/forget")).status, 405);
});

Deno.test("/search asks for 100 hits, finds nothing for a blank query, and never fails", async () => {
  const { ask, history, lines } = rig([record("Früh am Morgen")]);
  const found = await ask("GET", `/search?q=${encodeURIComponent("üh am")}`);
  strictEqual(found.text, `[{"peer":"${PEER}","text":"Früh am Morgen"}]\n`);
  deepStrictEqual(history.calls, ["search üh am 100"]);
  for (const query of ["", "?q=", "?q=%20%09", "?x=1"]) {
    deepStrictEqual((await ask("GET", `/search${query}`)).text, "[]\n", query);
  }
  strictEqual(history.calls.length, 1);
  history.failure = new Error("disk failed");
  const failed = await ask("GET", "/search?q=a");
  deepStrictEqual([failed.status, failed.text], [200, "[]\n"]);
  match(lines.join(), /cannot be searched: disk failed/);
  strictEqual((await routeRig().ask("GET", "/search?q=a")).text, "[]\n");
});
