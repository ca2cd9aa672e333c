import assert from "node:assert/strict";
import { runTest, startCli } from "#support/cli_run.ts";
import { FakeApp, type FakeHandler, type FakeReply, withStatus } from "#support/fake_app.ts";

const OWN = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const OTHER = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const ARCHIVE = '{"format":"skychat-archive","version":1,"messages":[{"text":"ü"}]}\n';
const REPORT = {
  contacts: 1,
  messages: 10,
  group_messages: 2,
  duplicates: 3,
  rejected: 4,
  expiring: 5,
  evicted: 6,
  persistence: true,
};
const COUNTS = "imported 10 messages, 2 group messages, 1 contacts " +
  "(duplicates: 3, rejected: 4, expiring: 5, evicted: 6)\n";

/** An app that keeps messages. */
function storingApp(handler: FakeHandler): FakeApp {
  return new FakeApp(withStatus({ persistence_enabled: true, visor_pk: OWN }, handler));
}

/** The bodies of the chunks of a chunked request body in ASCII. */
function unchunk(body: string): string {
  let text = "";
  for (let rest = body; rest !== "";) {
    const end = rest.indexOf("\r\n");
    const size = Number.parseInt(rest.slice(0, end), 16);
    assert.ok(size >= 0, rest.slice(0, 20));
    text += rest.slice(end + 2, end + 2 + size);
    rest = rest.slice(end + 2 + size + 2);
  }
  return text;
}

Deno.test("export writes the archive to stdout, byte for byte and nothing else", async () => {
  const app = FakeApp.answering(200, ARCHIVE);
  for (const args of [["export"], ["export", "-"], ["export", "--json"]]) {
    const result = await runTest(args, { network: app.network });
    assert.deepEqual(result, { code: 0, stdout: ARCHIVE, stderr: "" });
  }
  assert.equal(app.requests[1]?.path, "/export");
});

Deno.test("export writes a file and says how large it is", async () => {
  const files: Record<string, string> = {};
  const { network } = FakeApp.answering(200, ARCHIVE);
  const result = await runTest(["export", "/a.json"], { network, files });
  assert.deepEqual(result, { code: 0, stdout: "exported to /a.json (68 bytes)\n", stderr: "" });
  assert.equal(files["/a.json"], ARCHIVE);
  const quiet = await runTest(["export", "/b.json", "--json"], { network, files });
  assert.equal(quiet.stdout, "");
});

Deno.test("export leaves no file behind when the archive is cut off, refused or interrupted", async () => {
  const ends: readonly [name: string, stderr: RegExp, end: (reply: FakeReply) => unknown][] = [
    ["cut off", /^skychat: unexpected EOF\n$/, async (reply) => {
      await reply.events('{"format"');
      reply.cut();
    }],
    ["refused", /^skychat: server error 500: no\n$/, (reply) => reply.answer(500, "no\n")],
  ];
  for (const [name, text, end] of ends) {
    const files = { "/a.json": "good" };
    const app = storingApp((_request, reply) => end(reply));
    const { code, stderr } = await runTest(["export", "/a.json"], { network: app.network, files });
    assert.match(stderr, text, name);
    assert.equal(code, 1);
    assert.deepEqual(files, { "/a.json": "good" });
  }
  const files = {};
  const app = storingApp((_request, reply) => reply.events('{"format"'));
  const run = startCli(["export", "/a.json"], { network: app.network, files });
  await run.clock.advance(0);
  run.interrupt.abort();
  assert.equal(await run.code, 1);
  assert.equal(run.stderr.text, "skychat: export: interrupted\n");
  assert.equal(run.clock.pending, 0);
  assert.deepEqual(files, {});
});

const HEAD = '{"format":"skychat-archive"';
const FOREIGN: readonly [name: string, body: string, reason: RegExp][] = [
  ["a login page", "<html>login</html>", /not a JSON object/],
  ["broken JSON", "{not json", /no "format"/],
  ["null", "null", /not a JSON object/],
  ["a list", `[${HEAD}}]`, /not a JSON object/],
  ["nothing", "", /no "format"/],
  ["another document", '{"ok":true}', /no "format"/],
  ["the format inside", `{"a":${HEAD}}}`, /no "format"/],
  ["another format", '{"format":"skychat-archive2","version":1}', /no "format"/],
  ["a text that lies", '{"a":"\\"format\\":\\"skychat-archive\\""}', /no "format"/],
  ["a late format", `{"a":"${"x".repeat(4_096)}","format":"skychat-archive"}`, /no "format"/],
  ["half of one", `${HEAD},"messages":[{"text":"a"}`, /cut off/],
  ["half a text", `${HEAD},"messages":"}`, /cut off/],
  ["wrong brackets", `${HEAD},"messages":[}}`, /do not match/],
  ["more behind it", `${HEAD}}{}`, /more behind/],
  ["a deep one", `${HEAD},"a":${"[".repeat(64)}`, /nested too deeply/],
];

for (const [name, body, reason] of FOREIGN) {
  Deno.test(`export keeps the old file when the answer is ${name}`, async () => {
    const files = { "/a.json": "good" };
    // Without a length, as the end of the connection is all that ends it.
    const app = storingApp(async (_request, reply) => {
      await reply.write(`HTTP/1.1 200 OK\r\n\r\n${body}`);
      reply.cut();
    });
    const { code, stdout, stderr } = await runTest(["export", "/a.json"], {
      network: app.network,
      files,
    });
    assert.match(stderr, /^skychat: export: the answer is not a whole SkyChat archive: /);
    assert.match(stderr, reason);
    assert.equal(stdout, "");
    assert.equal(code, 1);
    assert.deepEqual(files, { "/a.json": "good" });
  });
}

Deno.test("export stops reading junk at once", async () => {
  let sent = 0;
  const app = storingApp(async (_request, reply) => {
    await reply.write('HTTP/1.1 200 OK\r\n\r\n{"x":"');
    for (;; sent++) await reply.write("x".repeat(4_096));
  });
  const { code, stderr } = await runTest(["export", "/a"], { network: app.network, files: {} });
  assert.match(stderr, /no "format":"skychat-archive" at its beginning/);
  assert.equal(code, 1);
  assert.ok(sent < 100, `${sent}`);
});

Deno.test("export and import want a path that is not empty", async () => {
  for (const name of ["export", "import"]) {
    const { code, stderr } = await runTest([name, ""]);
    assert.equal(stderr, `skychat: ${name}: the path is empty\n`);
    assert.equal(code, 1);
  }
});

Deno.test("export makes no archive of an app without a store, which could only look like a backup", async () => {
  for (const args of [["export"], ["export", "/a.json"]]) {
    const files = {};
    const app = new FakeApp(
      withStatus({ persistence_enabled: false }, (_request, reply) => reply.answer(200, ARCHIVE)),
    );
    const result = await runTest(args, { network: app.network, files });
    assert.deepEqual(result, {
      code: 1,
      stdout: "",
      stderr: "skychat: persistence not enabled (start the app with --persist)\n" +
        "  nothing was written: an archive of this app would have no messages\n",
    });
    assert.deepEqual(files, {});
  }
});

Deno.test("export gives up on an app that falls silent", async () => {
  const app = storingApp((_request, reply) => reply.events('{"format"'));
  const { code, stderr } = await runTest(["export"], { network: app.network, stepMs: 10_000 });
  assert.equal(stderr, "skychat: export: no sign of life for 60s\n");
  assert.equal(code, 1);
});

Deno.test("export shows its progress on a terminal only, ten times a second at most, and removes it", async () => {
  for (const stderrTerminal of [true, false]) {
    let reply: FakeReply | undefined;
    const app = storingApp(async (_request, stream) => {
      await stream.events(`{"format":"skychat-archive","x":"${"x".repeat(967)}`);
      reply = stream;
    });
    const run = startCli(["export", "/a"], { network: app.network, stderrTerminal, files: {} });
    await run.clock.advance(0);
    for (let step = 0; step < 20; step++) {
      await reply?.chunk("x".repeat(1_000));
      await run.clock.advance(20);
    }
    await reply?.chunk('"}');
    await reply?.end();
    assert.equal(await run.code, 0);
    const updates = run.stderr.text.split("\r\x1b[K");
    if (!stderrTerminal) assert.equal(run.stderr.text, "");
    else {
      assert.ok(updates.length >= 4 && updates.length <= 8, JSON.stringify(updates));
      assert.equal(updates[1], "exporting: 1000 bytes");
      assert.equal(updates.at(-1), "");
    }
  }
});

Deno.test("import sends the file in pieces and prints what became of it", async () => {
  const archive = JSON.stringify({ text: "u".repeat(5_000) });
  for (
    const [file, setting] of [["/a", { files: { "/a": archive } }], ["-", {
      stdin: archive,
    }]] as const
  ) {
    const { app, result } = await importInto(200, { args: [file], setting });
    assert.deepEqual(result, { code: 0, stdout: COUNTS, stderr: "" });
    const [request] = app.requests;
    assert.equal(`${request?.method} ${request?.path}`, "POST /import");
    assert.equal(app.uploaded, archive);
  }
});

Deno.test("import tells when the archive is of another node, wherever it says so, and imports it", async () => {
  const decoy = { visor: OTHER, text: `"visor":"${OTHER}"` };
  const archives: readonly [archive: object, told: boolean][] = [
    [{ format: "skychat-archive", visor: OTHER, messages: [{ text: "u".repeat(3_000) }] }, true],
    [{ messages: [{ text: '\\"{[' }], version: 1, visor: OTHER }, true],
    [{ visor: OWN.toUpperCase(), messages: [decoy] }, false],
    [{ contacts: { visor: decoy }, messages: [decoy], note: "visor", other: OTHER }, false],
    [{ visor: null, messages: [] }, false],
    [{ visor: { pk: OTHER }, list: ["visor", OTHER] }, false],
  ];
  for (const [archive, told] of archives) {
    const app = storingApp((_request, reply) => reply.answer(200, JSON.stringify(REPORT)));
    const stdin = JSON.stringify(archive, null, 1);
    const { code, stdout, stderr } = await runTest(["import", "-"], {
      network: app.network,
      stdin,
    });
    const note = `skychat: the archive is of another node, ${OTHER}; this app is ${OWN}\n`;
    assert.equal(stderr, told ? note : "", stdin);
    assert.equal(stdout, COUNTS);
    assert.equal(code, 0);
    assert.equal(unchunk(app.requests[0]?.body ?? ""), stdin);
  }
});

Deno.test("import --json prints the report as it came", async () => {
  const { result } = await importInto(200, {
    args: ["-", "--json"],
    setting: { stdin: "{}" },
  });
  assert.deepEqual(result, { code: 0, stdout: `${JSON.stringify(REPORT)}\n`, stderr: "" });
});

Deno.test("import into a full store prints the counts and fails", async () => {
  const { result } = await importInto(507, {
    args: ["-"],
    setting: { stdin: "{}" },
    report: { ...REPORT, error: "total storage cap reached" },
  });
  assert.equal(result.stdout, COUNTS);
  assert.match(result.stderr, /^skychat: import stopped: total storage cap reached\n/);
  assert.equal(result.code, 1);
});

Deno.test("import says when the app stores no messages", async () => {
  const { result } = await importInto(200, {
    args: ["-"],
    setting: { stdin: "{}" },
    report: { ...REPORT, persistence: false },
  });
  assert.equal(result.stderr, "skychat: the app stores no messages (start it with --persist)\n");
  assert.equal(result.code, 0);
});

Deno.test("import reports a refusal that comes before the file is through", async () => {
  const app = new FakeApp(() => {});
  app.onHead = (reply) => reply.answer(400, "not a SkyChat archive\n");
  const { code, stderr } = await runTest(["import", "-"], {
    network: app.network,
    stdin: "x".repeat(300_000),
  });
  assert.equal(stderr, "skychat: server error 400: not a SkyChat archive\n");
  assert.equal(code, 1);
});

Deno.test("import wants one file, and names one that is not there", async () => {
  const none = await runTest(["import"]);
  assert.equal(none.stderr, "skychat: import: which file? (- is standard input)\n");
  const two = await runTest(["import", "a", "b"]);
  assert.equal(two.stderr, 'skychat: import: unexpected argument "b"\n');
  const missing = await runTest(["import", "/no"]);
  assert.equal(missing.stderr, "skychat: /no: no such file or directory\n");
});

/** Imports into an app that reads everything and answers with a report. */
async function importInto(
  status: number,
  { args, setting, report = REPORT }: {
    readonly args: readonly string[];
    readonly setting: Parameters<typeof runTest>[1];
    readonly report?: object;
  },
) {
  const app = new FakeApp((_request, reply) => reply.answer(status, `${JSON.stringify(report)}\n`));
  const result = await runTest(["import", ...args], { network: app.network, ...setting });
  return { result, app: Object.assign(app, { uploaded: unchunk(app.requests[0]?.body ?? "") }) };
}
