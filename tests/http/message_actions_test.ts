import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { MAX_RECEIPT_IDS } from "#http";
import { FakeChat } from "#support/fake_control_ports.ts";
import { PEER, routeRig } from "./control_harness.ts";

function rig() {
  const chat = new FakeChat();
  return { chat, ...routeRig({ chat }) };
}

Deno.test("/delete retracts one message and answers 204 whatever the peer does", async () => {
  const { ask, chat } = rig();
  const reply = await ask("POST", "/delete", { pk: PEER.toUpperCase(), id: "a b" });
  deepStrictEqual([reply.status, reply.text], [204, ""]);
  deepStrictEqual(chat.calls, [`delete ${PEER} a b`]);
});

Deno.test("/read-receipt sends ids and id, without the blank ones", async () => {
  const { ask, chat } = rig();
  const bodies = [
    { pk: PEER, ids: ["1", "", "2", " \t"], id: "3" },
    { pk: PEER, id: "4" },
    { pk: PEER, ids: ["5"] },
    { pk: PEER, ids: null, id: null },
    { pk: PEER, ids: [null, ""] },
    { pk: PEER },
  ];
  for (const body of bodies) {
    strictEqual((await ask("POST", "/read-receipt", body)).status, 204, JSON.stringify(body));
  }
  deepStrictEqual(chat.calls, [`read ${PEER} 1,2,3`, `read ${PEER} 4`, `read ${PEER} 5`]);
});

Deno.test("/read-receipt takes 256 ids and refuses more", async () => {
  const { ask, chat } = rig();
  const ids = Array.from({ length: MAX_RECEIPT_IDS }, (_, index) => `${index}`);
  strictEqual((await ask("POST", "/read-receipt", { pk: PEER, ids, id: "" })).status, 204);
  const more = await ask("POST", "/read-receipt", { pk: PEER, ids, id: "one more" });
  deepStrictEqual([more.status, more.text], [400, "too many ids: at most 256 in one request\n"]);
  strictEqual(chat.calls.length, 1);
});

Deno.test("/delete and /read-receipt refuse what they cannot read, and answer 503 without chat", async () => {
  const { ask, chat } = rig();
  const rows: [string, unknown, string][] = [
    ["/delete", "", "invalid body: EOF"],
    ["/delete", "5", "invalid body: body must be a JSON object"],
    ["/delete", { id: "x" }, "invalid pk: empty public key"],
    ["/delete", { pk: "x", id: "x" }, "invalid pk: Invalid public key"],
    ["/delete", { pk: PEER }, "missing id"],
    ["/delete", { pk: PEER, id: 7 }, "invalid body: id must be a string"],
    ["/read-receipt", "{", "invalid body: unexpected EOF"],
    ["/read-receipt", { pk: PEER, ids: "x" }, "invalid body: ids must be a list"],
    ["/read-receipt", { pk: PEER, ids: [5] }, "invalid body: ids must be a string"],
    ["/read-receipt", { ids: ["x"] }, "invalid pk: empty public key"],
  ];
  for (const [path, body, text] of rows) {
    const reply = await ask("POST", path, body);
    deepStrictEqual([reply.status, reply.text], [400, `${text}\n`], path + JSON.stringify(body));
  }
  deepStrictEqual(chat.calls, []);
  for (const path of ["/delete", "/read-receipt"]) {
    const reply = await routeRig().ask("POST", path, { pk: PEER, id: "x" });
    deepStrictEqual([reply.status, reply.text], [503, "chat controller not ready\n"]);
  }
});
