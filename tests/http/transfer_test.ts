import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { CodedError } from "#kit";
import { FakeContacts, FakeHistory, type FakeRecord } from "#support/fake_control_ports.ts";
import { eventually, PEER, RawClient, routeRig, withServer } from "./control_harness.ts";

function record(index: number, text = `text ${index}`): FakeRecord {
  return {
    peer: PEER,
    from: PEER,
    outgoing: false,
    text,
    timestamp: `2026-09-08T10:00:00.${String(index).padStart(9, "0")}Z`,
    id: `id${index}`,
  };
}

function rig(count = 0) {
  const [history, contacts] = [new FakeHistory(), new FakeContacts()];
  for (let index = 0; index < count; index++) history.records.push(record(index));
  return { history, contacts, ...routeRig({ history, contacts }) };
}

const AT = "2026-09-10T00:26:40Z";

Deno.test("/export is the document of http-api.md 4.17, key by key", async () => {
  const { ask, ports, history, contacts } = rig(3);
  ports.status = () => ({ visor_pk: PEER });
  contacts.names = { [PEER]: "Ann" };
  history.groupRecords = [
    { group_id: "g", sender_pk: PEER, outgoing: false, text: "x", timestamp: AT },
  ];
  for (const path of ["/export", "/export/any-name.json"]) {
    const reply = await ask("GET", path);
    strictEqual(reply.status, 200);
    const document = {
      format: "skychat-archive",
      version: 1,
      exported_at: AT,
      visor: PEER,
      contacts: contacts.names,
      messages: history.records,
      group_messages: history.groupRecords,
    };
    strictEqual(reply.text, `${JSON.stringify(document)}\n`);
    strictEqual(
      reply.headers.get("content-disposition"),
      'attachment; filename="skychat-2026-09-10.json"',
    );
    strictEqual(reply.headers.get("cache-control"), "no-store");
    strictEqual(reply.headers.get("content-type"), "application/json");
  }
  strictEqual((await ask("GET", "/export/a/b")).status, 404);
});

Deno.test("/export leaves out what there is none of", async () => {
  const bare = `{"format":"skychat-archive","version":1,"exported_at":"${AT}"}\n`;
  strictEqual((await rig().ask("GET", "/export")).text, bare);
  strictEqual((await routeRig().ask("GET", "/export")).text, bare);
});

Deno.test("/export answers 500 while the store cannot be read at all", async () => {
  const { ask, history } = rig(1);
  history.failAfterPages = 0;
  const reply = await ask("GET", "/export");
  deepStrictEqual([reply.status, reply.text], [500, "export failed: disk failed\n"]);
});

const GET = "GET /export HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** Far more than the buffers between two sockets hold: 64 MB in pages of 128 KiB. */
function largeHistory(): FakeHistory {
  const history = new FakeHistory();
  const text = "x".repeat(65_536);
  for (let index = 0; index < 1_000; index++) history.records.push(record(index, text));
  return history;
}

Deno.test("/export reads from the store only what the client takes, and stops when it leaves", async () => {
  const history = largeHistory();
  await withServer(async ({ address, ports }) => {
    ports.history = history;
    const slow = await RawClient.connect(address);
    await slow.send(GET);
    await slow.until('"messages":[');
    // Another client is served while the first one reads nothing.
    using other = await RawClient.connect(address);
    for (let round = 0; round < 50; round++) {
      await other.send("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await other.until("sse_subscribers");
    }
    ok(history.pagesRead < 200, `${history.pagesRead} pages of 500 read`);
    strictEqual(history.pagesEnded, false);
    slow[Symbol.dispose]();
    await eventually(() => history.pagesEnded);
    ok(history.pagesRead < 200);
  });
});

Deno.test("/export reaches a client whole that has finished sending", async () => {
  await withServer(async ({ address, ports }) => {
    ports.history = rig(500).history;
    using client = await RawClient.connect(address);
    await client.send(GET);
    await client.closeWrite();
    const text = await client.rest();
    match(text, /Connection: close\r\n/);
    match(text, /"id":"id499"\}\]\r\n2\r\n\}\n\r\n0\r\n\r\n$/);
  });
});

Deno.test("/export that breaks off ends without its last chunk, so that nobody takes it for whole", async () => {
  const { history } = rig(10);
  history.records = history.records.map((_, index) => record(index, "x".repeat(70_000)));
  history.failAfterPages = 3;
  await withServer(async ({ address, ports }) => {
    ports.history = history;
    using client = await RawClient.connect(address);
    await client.send(GET);
    const text = await client.rest();
    match(text, /^HTTP\/1\.1 200 /);
    strictEqual(text.endsWith("0\r\n\r\n"), false);
    history.pagesRead = 0;
    const failed = await fetch(`http://${address}/export`).then((reply) => reply.text()).then(
      () => "whole",
      () => "broken",
    );
    strictEqual(failed, "broken");
  });
});

function archive(extra: Record<string, unknown> = {}): Record<string, unknown> {
  return { format: "skychat-archive", version: 1, ...extra };
}

Deno.test("/import merges contacts and messages and reports the counts of history.md 7.1", async () => {
  const { ask, history, contacts } = rig();
  const messages = [record(1), record(2)];
  const body = archive({ contacts: { [PEER]: "Ann" }, messages, group_messages: [] });
  const reply = await ask("POST", "/import", body);
  strictEqual(reply.status, 200);
  strictEqual(
    reply.text,
    '{"contacts":1,"messages":2,"group_messages":0,"duplicates":1,"rejected":2,"expiring":3,' +
      '"evicted":4,"persistence":true}\n',
  );
  deepStrictEqual(history.imports, [{ messages, groupMessages: [] }]);
  deepStrictEqual(contacts.merged, [{ [PEER]: "Ann" }]);
});

Deno.test("/import takes back what /export gave", async () => {
  const { ask, history } = rig(7);
  const exported = await ask("GET", "/export");
  strictEqual((await ask("POST", "/import", exported.text)).status, 200);
  deepStrictEqual(history.imports[0]?.messages, history.records);
});

Deno.test("/import without persistence takes the contacts alone and says so", async () => {
  const contacts = new FakeContacts();
  const { ask } = routeRig({ contacts });
  const body = archive({ contacts: { [PEER]: "Ann" }, messages: [record(1)] });
  strictEqual(
    (await ask("POST", "/import", body)).text,
    '{"contacts":1,"messages":0,"group_messages":0,"duplicates":0,"rejected":0,"expiring":0,' +
      '"evicted":0,"persistence":false}\n',
  );
});

Deno.test("/import answers 507 with the report when something filled up", async () => {
  const { ask, history, contacts } = rig();
  history.full = true;
  const body = archive({ contacts: { [PEER]: "Ann" }, messages: [record(1)] });
  const full = await ask("POST", "/import", body);
  strictEqual(full.status, 507);
  strictEqual(full.headers.get("content-type"), "application/json");
  match(full.text, /"messages":1,.*"persistence":true,"error":"total storage cap reached"\}\n$/);
  history.full = false;
  contacts.failure = new CodedError("contacts-full", "skychat contacts: address book is full");
  const book = await ask("POST", "/import", body);
  deepStrictEqual([book.status, JSON.parse(book.text).messages], [507, 1]);
  match(book.text, /"error":"skychat contacts: address book is full"/);
});

Deno.test("/import refuses what is no archive, stores nothing of it, and can be used again", async () => {
  const { ask, history } = rig();
  const rows: [string, string][] = [
    ["", "not a readable archive: EOF"],
    ['{"format":"other"}', "not a SkyChat archive"],
    [
      JSON.stringify(archive({ version: 3 })),
      "archive is version 3; this SkyChat reads up to 1 — update it first",
    ],
    [
      JSON.stringify(archive({ messages: [record(1), 5] })),
      "not a readable archive: messages[1] is not an object",
    ],
  ];
  for (const [body, text] of rows) {
    const reply = await ask("POST", "/import", body);
    deepStrictEqual([reply.status, reply.text], [400, `${text}\n`]);
  }
  deepStrictEqual(history.imports, []);
  strictEqual((await ask("POST", "/import", archive())).status, 200);
});

Deno.test("/import runs once at a time, from its first byte on", async () => {
  const { ask, history } = rig();
  const gate = Promise.withResolvers<void>();
  history.importGate = gate.promise;
  const first = ask("POST", "/import", archive());
  const second = await ask("POST", "/import", archive());
  deepStrictEqual([second.status, second.text], [503, "another import is running\n"]);
  gate.resolve();
  strictEqual((await first).status, 200);
  strictEqual((await ask("POST", "/import", archive())).status, 200);
  strictEqual(history.imports.length, 2);
});

/** Answers of a server to one import sent byte for byte. */
async function importOver(
  address: string,
  headers: string,
  pieces: readonly string[],
): Promise<string> {
  using client = await RawClient.connect(address);
  await client.send(
    `POST /import HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n\r\n`,
  );
  for (const piece of pieces) await client.send(piece).catch(() => {});
  return await client.rest();
}

Deno.test("/import takes more than other routes and at most 64 MiB, said or not", async () => {
  await withServer(async ({ address, ports }) => {
    const history = new FakeHistory();
    ports.history = history;
    const messages = Array.from({ length: 40 }, (_, index) => record(index, "x".repeat(65_000)));
    const body = JSON.stringify(archive({ messages }));
    ok(body.length > 2_000_000);
    match(await importOver(address, `Content-Length: ${body.length}`, [body]), /^HTTP\/1.1 200 /);
    strictEqual(history.imports[0]?.messages.length, 40);
    const said = await importOver(address, "Content-Length: 67108865", []);
    match(said, /^HTTP\/1.1 413 .*\r\n\r\nrequest body too large\n$/s);
    const tooMuch = [`100000\r\n${" ".repeat(1_048_576)}\r\n`, "3f00001\r\n"];
    const unsaid = await importOver(address, "Transfer-Encoding: chunked", tooMuch);
    match(unsaid, /^HTTP\/1.1 413 /);
    match(await importOver(address, "Content-Length: 0", []), /^HTTP\/1.1 400 /);
  });
});

Deno.test("/import gives its place up when the client leaves in the middle", async () => {
  await withServer(async ({ address, ports }) => {
    ports.history = new FakeHistory();
    const client = await RawClient.connect(address);
    await client.send(
      'POST /import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"mess',
    );
    const ask = () => importOver(address, "Content-Length: 2", ["{}"]);
    await eventuallyAnswers(ask, /another import is running/);
    client[Symbol.dispose]();
    await eventuallyAnswers(ask, /not a SkyChat archive/);
  });
});

async function eventuallyAnswers(ask: () => Promise<string>, expected: RegExp): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if (expected.test(await ask())) return;
  }
  throw new Error(`Never answered ${expected}`);
}
