import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { ControlSendOutcome } from "#http";
import { postMessage } from "../../lib/http/message_route.ts";
import { FakePorts, PEER, routeRig } from "./control_harness.ts";

const ID = "00112233aabbccdd";
const DONE: ControlSendOutcome = { kind: "published", id: ID, kept: true };

/** Ports of a node that runs a group: what went to the group, and what to the link. */
function node(outcome: ControlSendOutcome = DONE) {
  const ports = new FakePorts();
  const sent: unknown[] = [];
  ports.groupMessage = (text, to) => {
    sent.push(to === undefined ? [text] : [text, to]);
    return Promise.resolve(outcome);
  };
  return { ports, sent };
}

async function post(fields: Record<string, unknown>, outcome?: ControlSendOutcome) {
  const { ports, sent } = node(outcome);
  const reply = await postMessage(JSON.stringify({ message: "hello group", ...fields }), ports);
  const type = reply.headers.get("content-type");
  return { status: reply.status, type, text: await reply.text(), sent, linked: ports.requests };
}

Deno.test("POST /message goes to the group, with or without a recipient (groups.md 6.2)", async () => {
  const rows: [Record<string, unknown>, unknown[]][] = [
    [{ recipient: "" }, ["hello group"]],
    [{}, ["hello group"]],
    [{ recipient: null }, ["hello group"]],
    [{ recipient: "0".repeat(66) }, ["hello group"]],
    [{ recipient: PEER.toUpperCase() }, ["hello group", PEER]],
    [{ network: "auto" }, ["hello group"]],
    [{ network: "skynet" }, ["hello group"]],
    [{ network: "dmsg" }, ["hello group"]],
    [{ network: "cxo" }, ["hello group"]],
    [{ wait_ms: 100, reply_to: "x", queue: true, expires_in_ms: -1 }, ["hello group"]],
  ];
  for (const [fields, call] of rows) {
    const reply = await post(fields);
    deepStrictEqual(
      [reply.status, reply.type, reply.text, reply.sent, reply.linked],
      [200, "application/json", '{"network":"cxo","ok":true}\n', [call], []],
      JSON.stringify(fields),
    );
  }
});

Deno.test("POST /message answers what came of a group message", async () => {
  const refused = "group: posting not permitted: muted";
  const rows: [Record<string, unknown>, ControlSendOutcome, number, string][] = [
    [{ receipts: true }, DONE, 200, `{"id":"${ID}","network":"cxo","ok":true}\n`],
    [{ receipts: true, wait_ms: 5 }, DONE, 200, '{"network":"cxo","ok":true}\n'],
    [{}, { ...DONE, kept: false }, 200, '{"network":"cxo","ok":true,"stored":false}\n'],
    [{}, { kind: "unpublished", message: refused }, 503, `cxo publish: ${refused}\n`],
    [
      {},
      { kind: "unpublished", message: "cxo publisher not ready" },
      503,
      "cxo publish: cxo publisher not ready\n",
    ],
    [{}, { kind: "failed", code: "too-large", message: "too large" }, 400, "too large\n"],
  ];
  for (const [fields, outcome, status, text] of rows) {
    const reply = await post(fields, outcome);
    deepStrictEqual([reply.status, reply.text], [status, text]);
  }
});

Deno.test("POST /message refuses what no group message can be, and sends nothing", async () => {
  const network = "invalid network type: use 'auto', 'skynet' or 'dmsg'";
  const rows: [Record<string, unknown>, string][] = [
    [{ recipient: "zz" }, "Invalid public key"],
    [{ recipient: "02ab" }, "Invalid public key length"],
    [{ recipient: 7 }, "recipient must be a string"],
    [{ network: "ipx" }, network],
    [{ network: "__proto__" }, network],
    [{ message: "" }, "skychat/dm: empty message"],
    [{ message: null }, "skychat/dm: empty message"],
    [{ network: "tcp-direct" }, "empty public key"],
  ];
  for (const [fields, text] of rows) {
    const reply = await post(fields);
    deepStrictEqual(
      [reply.status, reply.text, reply.sent, reply.linked],
      [400, `${text}\n`, [], []],
      JSON.stringify(fields),
    );
  }
});

Deno.test("POST /message takes the link when it is asked for by name, and when no group runs", async () => {
  const named = await post({ recipient: PEER, network: "tcp-direct" });
  deepStrictEqual([named.status, named.sent, named.linked.length], [200, [], 1]);
  const { ask, ports } = routeRig();
  const ask200 = async () =>
    (await ask("POST", "/message", { recipient: PEER, message: "hi" })).text;
  strictEqual(await ask200(), '{"id":"8077ca12ee05c806","network":"tcp-direct","ok":true}\n');
  ports.groupMessage = node().ports.groupMessage;
  strictEqual(await ask200(), '{"network":"cxo","ok":true}\n');
  ports.groupMessage = undefined;
  strictEqual((await ask("POST", "/message", { message: "hi" })).text, "empty public key\n");
});

Deno.test("POST /message with a recipient is for that person in a group that began later", async () => {
  const { ports, sent } = node();
  ports.groupTakesAddressed = false;
  const ask = (fields: object) => postMessage(JSON.stringify({ message: "hi", ...fields }), ports);
  await (await ask({ recipient: PEER })).body?.cancel();
  deepStrictEqual([sent, ports.requests.length], [[], 1]);
  await (await ask({ recipient: "" })).body?.cancel();
  deepStrictEqual([sent, ports.requests.length], [[["hi"]], 1]);
});

Deno.test("POST /message to a group lets a mistake of ours through to the error handler", async () => {
  const { ports } = node();
  ports.groupMessage = () => Promise.reject(new TypeError("ours"));
  await rejects(postMessage('{"message":"hi"}', ports), TypeError);
});
