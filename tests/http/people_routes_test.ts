import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { CodedError } from "#kit";
import { FakeContacts, FakePrivacy } from "#support/fake_control_ports.ts";
import { PEER, routeRig } from "./control_harness.ts";

function rig() {
  const [contacts, privacy] = [new FakeContacts(), new FakePrivacy()];
  return { contacts, privacy, ...routeRig({ contacts, privacy }) };
}

Deno.test("/contacts lists, stores and answers with the name as stored and the key as sent", async () => {
  const { ask, contacts } = rig();
  strictEqual((await ask("GET", "/contacts")).text, "{}\n");
  const reply = await ask("POST", "/contacts", { pk: PEER.toUpperCase(), name: "Ann" });
  deepStrictEqual(
    [reply.status, reply.text],
    [200, `{"name":"Ann","pk":"${PEER.toUpperCase()}"}\n`],
  );
  strictEqual((await ask("GET", "/contacts")).text, `{"${PEER}":"Ann"}\n`);
  strictEqual((await ask("POST", "/contacts", { pk: PEER })).text, `{"name":"","pk":"${PEER}"}\n`);
  deepStrictEqual(contacts.names, { [PEER]: "" });
});

Deno.test("/contacts passes on what its port refuses, each code with its status", async () => {
  const { ask, lines } = rig();
  const rows: [string, number][] = [
    ["contacts-invalid-key", 400],
    ["contacts-full", 400],
    ["contacts-unavailable", 503],
  ];
  for (const [code, status] of rows) {
    const reply = await ask("POST", "/contacts", { pk: PEER, name: `fail-${code}` });
    deepStrictEqual([reply.status, reply.text], [status, `text of ${code}\n`]);
  }
  const other = await ask("POST", "/contacts", { pk: PEER, name: "fail-other" });
  deepStrictEqual([other.status, other.text], [500, "internal error\n"]);
  deepStrictEqual(lines, ["POST /contacts failed: text of other"]);
});

Deno.test("/contacts/import hands over the names and answers how many were added", async () => {
  const { ask, contacts } = rig();
  const body = `{"names":{"${PEER}":"Ann","__proto__":"x","constructor":5}}`;
  const reply = await ask("POST", "/contacts/import", body);
  deepStrictEqual([reply.status, reply.text], [200, '{"added":3}\n']);
  deepStrictEqual(Object.keys(contacts.merged[0] ?? {}), [PEER, "__proto__", "constructor"]);
  for (const empty of [{}, { names: null }, { names: {} }]) {
    strictEqual((await ask("POST", "/contacts/import", empty)).text, '{"added":0}\n');
  }
  for (const names of [[], "x", 5, true]) {
    const refused = await ask("POST", "/contacts/import", { names });
    deepStrictEqual([refused.status, refused.text], [
      400,
      "invalid body: names must be an object\n",
    ]);
  }
  contacts.failure = new CodedError("contacts-full", "skychat contacts: address book is full");
  const full = await ask("POST", "/contacts/import", body);
  deepStrictEqual([full.status, full.text], [400, "skychat contacts: address book is full\n"]);
});

Deno.test("/privacy answers every change with the state it leads to", async () => {
  const { ask, privacy } = rig();
  const off = '{"approval":false,"blocked":[],"requests":[]}\n';
  strictEqual((await ask("GET", "/privacy")).text, off);
  const rows: [string, unknown][] = [
    ["/privacy", { approval: true }],
    ["/privacy/block", { pk: PEER, blocked: true }],
    ["/privacy/block", { pk: PEER, blocked: false }],
    ["/privacy/accept", { pk: PEER }],
  ];
  for (const [path, body] of rows) {
    const reply = await ask("POST", path, body);
    deepStrictEqual([reply.status, reply.text], [200, off.replace("false", "true")], path);
  }
  deepStrictEqual(privacy.calls, [
    "approval true",
    `block ${PEER} true`,
    `block ${PEER} false`,
    `accept ${PEER}`,
  ]);
});

Deno.test("/privacy refuses bodies and keys with the texts of http-api.md 4.12", async () => {
  const { ask, privacy } = rig();
  const rows: [string, unknown, string][] = [
    ["/privacy", "", "invalid body: EOF"],
    ["/privacy", {}, "invalid body: approval is missing"],
    ["/privacy", { approval: 1 }, "invalid body: approval must be true or false"],
    ["/privacy/block", { pk: PEER }, "invalid body: blocked is missing"],
    ["/privacy/block", { pk: [], blocked: true }, "invalid body: pk must be a string"],
    ["/privacy/accept", "[", "invalid body: unexpected EOF"],
  ];
  for (const [path, body, text] of rows) {
    const reply = await ask("POST", path, body);
    deepStrictEqual([reply.status, reply.text], [400, `${text}\n`]);
  }
  deepStrictEqual(privacy.calls, []);
  const noKey = 'skychat privacy: "bad" is not a public key\n';
  for (const [path, body] of [["/privacy/block", { blocked: true }], ["/privacy/accept", {}]]) {
    const reply = await ask("POST", String(path), { pk: "bad", ...Object(body) });
    deepStrictEqual([reply.status, reply.text], [400, noKey]);
  }
});

Deno.test("contacts and privacy without their ports: {} for the list, 503 for all else", async () => {
  const { ask } = routeRig();
  strictEqual((await ask("GET", "/contacts")).text, "{}\n");
  for (const path of ["/contacts", "/contacts/import"]) {
    const reply = await ask("POST", path, {});
    deepStrictEqual([reply.status, reply.text], [503, "address book unavailable\n"]);
  }
  const rows = [["GET", "/privacy"], ["POST", "/privacy"], ["POST", "/privacy/block"]] as const;
  for (const [method, path] of [...rows, ["POST", "/privacy/accept"] as const]) {
    const reply = await ask(method, path);
    deepStrictEqual([reply.status, reply.text], [503, "privacy settings unavailable\n"]);
  }
});
