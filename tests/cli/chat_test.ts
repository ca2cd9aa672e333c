import assert from "node:assert/strict";
import { type CliRun, type CliSetting, runTest, startCli } from "#support/cli_run.ts";
import { FakeApp, type FakeReply, type FakeRequest } from "#support/fake_app.ts";
import { FakeTerminal } from "#support/fake_terminal.ts";
import { ScreenEmulator } from "#support/screen_emulator.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
const ALIASES = {
  env: { XDG_CONFIG_HOME: "/x", NO_COLOR: "1" },
  files: { "/x/skywire/skychat-aliases.json": JSON.stringify({ ann: A }) },
};

const hello = { dir: "in", id: "1", len: 5, message: "hello", network: "tcp-direct", sender: A };
const mine = {
  dir: "out",
  id: "2",
  len: 2,
  message: "me",
  network: "tcp-direct",
  sender: B,
  to: A,
};
const receipt = (id: string, status: string) => ({ channel: "dm-status", id, peer: A, status });

/** An app with streams that a test writes to, and history if it is given. */
class ChatApp {
  readonly app: FakeApp;
  readonly streams: FakeReply[] = [];
  readonly posts: { path: string; body: Record<string, unknown> }[] = [];
  history: readonly unknown[] | undefined;
  /** The stored messages are not sent before. */
  historyReady: Promise<void> = Promise.resolve();
  replay: readonly unknown[] = [];
  /** Whether it wants a password by now. */
  locked = false;
  /** Answers `/message`. */
  onMessage: (reply: FakeReply, body: Record<string, unknown>) => unknown = (reply) =>
    reply.answer(200, '{"id":"100","ok":true}');

  constructor() {
    this.app = new FakeApp((request, reply) => this.#answer(request, reply));
  }

  get reads(): unknown[] {
    return this.posts.filter(({ path }) => path === "/read-receipt").map(({ body }) => body["ids"]);
  }

  async #answer({ path, body }: FakeRequest, reply: FakeReply): Promise<unknown> {
    if (this.locked) return reply.answer(401, "skychat: authentication required\n");
    if (path === "/status") return reply.answer(200, "{}");
    if (path === "/sse") {
      await reply.events();
      for (const event of this.replay) await reply.event(event);
      return this.streams.push(reply);
    }
    if (path.startsWith("/history?")) {
      if (this.history === undefined) return reply.answer(503, "persistence not enabled\n");
      await this.historyReady;
      return reply.answer(200, JSON.stringify(this.history));
    }
    const request = JSON.parse(body);
    this.posts.push({ path, body: request });
    return path === "/message" ? this.onMessage(reply, request) : reply.answer(204, "");
  }
}

/** A chat that runs, and what is on its screen. */
class Chat {
  readonly terminal: FakeTerminal;
  readonly run: CliRun;
  readonly #screen: ScreenEmulator;
  #written = 0;

  constructor(app: ChatApp, setting: CliSetting & { args?: readonly string[] } = {}) {
    const { args = ["-t", A], ...rest } = setting;
    this.terminal = setting.terminal ?? new FakeTerminal();
    this.#screen = new ScreenEmulator(this.terminal.size());
    this.run = startCli(["chat", ...args], {
      network: app.app.network,
      stdoutTerminal: true,
      terminal: this.terminal,
      env: { NO_COLOR: "1" },
      ...rest,
    });
  }

  /** The rows once everything that can happen without time has happened. */
  async rows(): Promise<string[]> {
    // The first of all has to load the command.
    while (this.run.stdout.text === "") await this.run.clock.advance(0);
    for (let turn = 0; turn < 4; turn++) await this.run.clock.advance(0);
    this.#screen.write(this.run.stdout.text.slice(this.#written));
    this.#written = this.run.stdout.text.length;
    return this.#screen.rows;
  }

  /** The rows of the history that have something in them. */
  async history(): Promise<string[]> {
    return (await this.rows()).slice(1, -2).filter((row) => row !== "");
  }

  async type(text: string): Promise<string[]> {
    this.terminal.type(text);
    return await this.rows();
  }

  resize(columns: number, rows: number): void {
    this.#screen.resize(columns, rows);
    this.terminal.resize(columns, rows);
  }

  /** Leaves with Ctrl-C unless something else has ended it, and checks that nothing is left behind. */
  async leave(how: () => void = () => this.terminal.type("\x03")): Promise<number> {
    how();
    const code = await this.run.code;
    await this.rows();
    assert.deepEqual([...this.#screen.modes].sort(), ["25", "7"]);
    assert.equal(this.terminal.raw, false);
    assert.equal(this.terminal.listeners, 0);
    assert.equal(this.run.clock.pending, 0);
    return code;
  }
}

Deno.test("chat shows history, then what the stream brings, of this peer only", async () => {
  const app = new ChatApp();
  app.history = [
    { peer: A, from: A, outgoing: false, text: "old", timestamp: "2026-09-07T09:00:00Z", id: "0" },
    { peer: A, outgoing: true, text: "mine", timestamp: "2026-09-07T09:01:00.5Z", id: "9" },
    { peer: B, from: B, outgoing: false, text: "other", timestamp: "2026-09-07T09:02:00Z" },
    "no record",
  ];
  app.replay = [
    { ...hello, id: "0", message: "old" },
    { history: "true", message: "seed", peer: A, sender: A, ts: "2026-09-07T09:00:00Z" },
    receipt("9", "received"),
  ];
  const chat = new Chat(app, { args: ["--to", "ann"], ...ALIASES });
  assert.deepEqual(await chat.history(), ["09:00    ann: old", "09:01 ✓  me: mine"]);
  const [stream] = app.streams;
  await stream?.event(hello);
  await stream?.event({ ...hello, sender: B, id: "x", message: "not mine" });
  await stream?.event(mine);
  await stream?.event(receipt("9", "read"));
  await stream?.event({ ...receipt("2", "read"), peer: B });
  await stream?.chunk("data: no JSON\n\n");
  assert.deepEqual(await chat.history(), [
    "09:00    ann: old",
    "09:01 ✓✓ me: mine",
    "00:26    ann: hello",
    "00:26 ·  me: me",
  ]);
  assert.equal((await chat.rows())[0], " skychat · ann (0279be66…)");
  assert.ok(app.app.requests.some(({ path }) => path === `/history?peer=${A}&limit=200`));
  assert.equal(await chat.leave(), 0);
  assert.equal(chat.run.stderr.text, "");
});

Deno.test("chat knows a plain text again by its time, and reports no id that the peer does not know", async () => {
  const app = new ChatApp();
  const timestamp = "2026-09-07T09:00:00.000001Z";
  const plain = { ...hello, id: "minted", message: "plain", ts: timestamp };
  app.history = [{ peer: A, from: A, outgoing: false, text: "plain", timestamp }];
  app.replay = [plain, { ...hello, ts: "2026-09-07T09:01:00.5Z" }];
  const chat = new Chat(app);
  const expected = ["09:00    0279be66…: plain", "09:01    0279be66…: hello"];
  assert.deepEqual(await chat.history(), expected);
  await app.streams[0]?.event(plain);
  await app.streams[0]?.event({ ...plain, id: "other", ts: "2026-09-07T09:02:00.000001Z" });
  assert.deepEqual(await chat.history(), [...expected, "09:02    0279be66…: plain"]);
  assert.deepEqual(app.reads.flat().slice(0, 1), ["1"]);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat shows the replay when the app keeps no history", async () => {
  const app = new ChatApp();
  app.replay = [hello, mine];
  const chat = new Chat(app);
  assert.deepEqual(await chat.history(), ["         0279be66…: hello", "      ·  me: me"]);
  assert.match((await chat.rows()).at(-2) ?? "", /^Enter sends/);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat sends what was typed and shows how far it got", async () => {
  const app = new ChatApp();
  const answers: FakeReply[] = [];
  app.onMessage = (reply) => answers.push(reply);
  const chat = new Chat(app, { args: ["-t", A, "-n", "dmsg"] });
  await chat.rows();
  assert.equal((await chat.type("héllo 日")).at(-1), "> héllo 日");
  assert.equal((await chat.type("\r")).at(-1), ">");
  assert.deepEqual(await chat.history(), ["00:26 …  me: héllo 日"]);
  const { path, body } = app.posts[0] ?? {};
  assert.equal(path, "/message");
  assert.deepEqual(body, { recipient: A, message: "héllo 日", network: "dmsg", receipts: true });
  await answers[0]?.answer(200, '{"id":"7","ok":true}');
  assert.deepEqual(await chat.history(), ["00:26 ·  me: héllo 日"]);
  const [stream] = app.streams;
  await stream?.event({ ...mine, id: "7", message: "héllo 日" });
  for (const [status, mark] of [["received", "✓ "], ["read", "✓✓"]] as const) {
    await stream?.event(receipt("7", status));
    assert.deepEqual(await chat.history(), [`00:26 ${mark} me: héllo 日`]);
  }
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat sends one message after the other, and none that is empty", async () => {
  const app = new ChatApp();
  const answers: FakeReply[] = [];
  app.onMessage = (reply) => answers.push(reply);
  const chat = new Chat(app);
  await chat.rows();
  await chat.type("  \rone\rtwo\r");
  assert.equal(answers.length, 1);
  await answers[0]?.answer(200, "");
  await chat.rows();
  assert.deepEqual(app.posts.map(({ body }) => body["message"]), ["  one", "two"]);
  await answers[1]?.answer(200, '{"id":"5","ok":true}');
  assert.deepEqual(await chat.history(), ["00:26 ·  me:   one", "00:26 ·  me: two"]);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat marks a message that was refused and says why", async () => {
  const app = new ChatApp();
  app.onMessage = (reply) => reply.answer(400, "dial 0279be66 over skynet: no\n");
  const chat = new Chat(app);
  await chat.rows();
  const rows = await chat.type("hi\r");
  assert.equal(rows.at(-3), "00:26 !  me: hi");
  assert.equal(rows.at(-2), "not sent: server error 400: dial 0279be66 over skynet: no");
  app.onMessage = (reply) => reply.answer(200, '{"id":"5","ok":true}');
  assert.match((await chat.type("again\r")).at(-2) ?? "", /^Enter sends/);
  assert.equal(await chat.leave(), 0);
  assert.equal(
    chat.run.stderr.text,
    "skychat chat: 1 message(s) not sent, or not known to be sent\n",
  );
});

Deno.test("chat takes a paste as one message, line feeds included", async () => {
  const app = new ChatApp();
  const chat = new Chat(app);
  await chat.rows();
  assert.equal((await chat.type("\x1b[200~one\r\ntwo\x1b[201~")).at(-1), "> one↵two");
  await chat.type("\r");
  assert.equal(app.posts[0]?.body["message"], "one\ntwo");
  assert.deepEqual(await chat.history(), ["00:26 ·  me: one", "             two"]);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat reports what was seen as read, once", async () => {
  const app = new ChatApp();
  app.replay = Array.from({ length: 12 }, (_, index) => ({ ...hello, id: `m${index}` }));
  const chat = new Chat(app);
  await chat.rows();
  // Twelve rows less title, status line and input: nine messages can be seen.
  assert.deepEqual(app.reads, [Array.from({ length: 9 }, (_, index) => `m${11 - index}`)]);
  await app.streams[0]?.event({ ...hello, id: "new", message: "x" });
  await app.streams[0]?.event({ ...hello, id: "", message: "y" });
  await chat.rows();
  assert.deepEqual(app.reads.slice(1), [["new"]]);
  assert.deepEqual(app.posts.at(-1)?.body["pk"], A);
  await chat.type("\x1b[5~");
  assert.deepEqual(app.reads.slice(2).flat().sort(), ["m0", "m1", "m2"]);
  await chat.leave();
});

Deno.test("chat says that the app is lost, and catches up when it is back", async () => {
  const app = new ChatApp();
  app.replay = [hello];
  const chat = new Chat(app);
  await chat.rows();
  app.streams[0]?.cut();
  assert.equal((await chat.rows()).at(-2), "app lost: unexpected EOF (reconnecting in 1s)");
  app.history = [
    {
      peer: A,
      from: A,
      outgoing: false,
      text: "hello",
      timestamp: "2026-09-07T09:00:00Z",
      id: "1",
    },
    {
      peer: A,
      from: A,
      outgoing: false,
      text: "missed",
      timestamp: "2026-09-07T09:01:00Z",
      id: "3",
    },
  ];
  app.replay = [hello, { ...hello, id: "4", message: "missed too" }];
  await chat.run.clock.advance(1_000);
  assert.deepEqual(await chat.history(), [
    "09:00    0279be66…: hello",
    "09:01    0279be66…: missed",
    "         0279be66…: missed too",
  ]);
  assert.match((await chat.rows()).at(-2) ?? "", /^Enter sends/);
  assert.deepEqual(app.reads, [["1"], ["4", "3"]]);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat does not begin without an app, or with a wrong password", async () => {
  const terminal = new FakeTerminal();
  const args = ["chat", "-t", A, "--exit-codes", "detailed"];
  const alone = await runTest(args, { terminal, stdoutTerminal: true });
  assert.equal(alone.stdout, "");
  assert.match(
    alone.stderr,
    /^skychat: chat app unreachable at 127\.0\.0\.1:8001: connect: connection refused\n {2}is /,
  );
  assert.equal(alone.code, 6);
  const { network } = FakeApp.answering(401, "skychat: authentication required\n");
  const locked = await runTest(args, { terminal, stdoutTerminal: true, network });
  assert.equal(locked.stdout, "");
  assert.match(locked.stderr, /^skychat: server error 401: .*\n {2}give it in front/);
  assert.equal(locked.code, 1);
});

Deno.test("chat ends when the app comes back with another password", async () => {
  const app = new ChatApp();
  const chat = new Chat(app);
  await chat.rows();
  app.locked = true;
  app.streams[0]?.cut();
  await chat.rows();
  await chat.run.clock.advance(1_000);
  assert.equal(await chat.leave(() => {}), 1);
  assert.match(chat.run.stderr.text, /^skychat: server error 401: skychat: auth/);
});

Deno.test("chat scrolls, and keeps its place when messages come in", async () => {
  const app = new ChatApp();
  app.replay = Array.from(
    { length: 20 },
    (_, index) => ({ ...hello, id: `${index}`, message: `m${index}` }),
  );
  const chat = new Chat(app);
  await chat.rows();
  const first = async () => (await chat.history())[0]?.split(": ")[1];
  assert.equal(await first(), "m11");
  await chat.type("\x1b[5~");
  assert.equal(await first(), "m3");
  await app.streams[0]?.event({ ...hello, id: "x", message: "1\n2" });
  assert.equal(await first(), "m3");
  assert.match((await chat.rows()).at(-2) ?? "", /^↓ 1 new/);
  await chat.type("\x1b[A");
  assert.equal(await first(), "m2");
  await chat.type("\x1b[6~\x1b[6~\x1b[B");
  assert.equal((await chat.history()).at(-1), "                    2");
  assert.match((await chat.rows()).at(-2) ?? "", /^Enter/);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat lays itself out anew when the terminal changes its size", async () => {
  const app = new ChatApp();
  app.replay = [{ ...hello, message: "a message of some length" }];
  const chat = new Chat(app);
  await chat.rows();
  for (const [columns, rows] of [[30, 8], [12, 4], [5, 2], [1, 1], [80, 24]] as const) {
    chat.resize(columns, rows);
    assert.equal((await chat.rows()).length, rows);
  }
  assert.deepEqual(await chat.history(), ["         0279be66…: a message of some length"]);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat draws and takes keys in the middle of a stream that never pauses", async () => {
  const app = new ChatApp();
  const chat = new Chat(app);
  await chat.rows();
  const before = chat.run.stdout.text.length;
  const event = (index: number) =>
    `data: ${JSON.stringify({ ...hello, id: `i${index}`, message: `m${index}` })}\n\n`;
  await app.streams[0]?.chunk(Array.from({ length: 400 }, (_, index) => event(index)).join(""));
  while (!chat.run.stdout.text.includes(": m399")) await chat.run.clock.advance(0);
  const shown = chat.run.stdout.text.slice(before).matchAll(/: m(\d+)/g);
  const numbers = [0, ...Array.from(shown, ([, digits]) => Number(digits))];
  const newest = numbers.map((_, index) => Math.max(...numbers.slice(0, index + 1)));
  const steps = newest.map((number, index) => number - (newest[index - 1] ?? 0));
  assert.ok(Math.max(...steps) <= 64, `${steps}`);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat can be left in the middle of a stream that never pauses", async () => {
  const app = new ChatApp();
  const chat = new Chat(app);
  await chat.rows();
  let sent = 0;
  const flood = async () => {
    const [stream] = app.streams;
    for (;; sent++) await stream?.event({ ...hello, id: `i${sent}`, message: "x".repeat(2_000) });
  };
  const over = assert.rejects(flood);
  assert.equal(await chat.leave(), 0);
  await over;
  assert.ok(sent < 10_000, `${sent}`);
});

Deno.test("chat keeps no more of a message than one can have, and no id that is none", async () => {
  const app = new ChatApp();
  const long = "x".repeat(1_000_000);
  app.history = [
    { peer: A, from: A, outgoing: false, text: long, timestamp: "2026-09-07T09:00:00Z", id: long },
  ];
  const chat = new Chat(app);
  // 60 columns less those of the head.
  const rows = Math.ceil(65_536 / (60 - "09:00    0279be66…: ".length));
  assert.equal((await chat.history()).at(-1)?.trim(), `(${rows - 499} more rows)`);
  assert.deepEqual(app.reads, []);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat keeps the newest events only while the stored messages are on their way", async () => {
  for (const [events, mark] of [[3, "✓✓"], [5, "· "]] as const) {
    const app = new ChatApp();
    const gate = Promise.withResolvers<void>();
    app.historyReady = gate.promise;
    app.history = [
      { peer: A, outgoing: true, text: "mine", timestamp: "2026-09-07T09:01:00Z", id: "9" },
    ];
    const foreign = { ...hello, sender: B, message: "x".repeat(1_000_000) };
    app.replay = [receipt("9", "read"), ...Array.from({ length: events }, () => foreign)];
    const chat = new Chat(app);
    while (app.streams.length === 0) await chat.rows();
    gate.resolve();
    assert.deepEqual(await chat.history(), [`09:01 ${mark} me: mine`]);
    assert.equal(await chat.leave(), 0);
  }
});

Deno.test("chat lets nobody write to the terminal", async () => {
  const app = new ChatApp();
  app.replay = [{ ...hello, message: "\x1b[2J\u009b31m\u202ex\x07\r\x1b]0;me\x07" }];
  const chat = new Chat(app);
  // The emulator throws for any sequence that is not one of the program's own.
  assert.deepEqual(await chat.history(), [
    "         0279be66…: \\x1b[2J\\x9b31m\\u202ex\\x07",
    "                    \\x1b]0;me\\x07",
  ]);
  assert.equal(await chat.leave(), 0);
});

Deno.test("chat uses colours unless NO_COLOR is set", async () => {
  for (const [env, coloured] of [[{}, true], [{ NO_COLOR: "1" }, false]] as const) {
    const app = new ChatApp();
    app.replay = [hello];
    const chat = new Chat(app, { env });
    await chat.rows();
    // deno-lint-ignore no-control-regex -- colours are escape sequences
    assert.equal(/\x1b\[[1-9][0-9]*m/.test(chat.run.stdout.text), coloured);
    assert.equal(await chat.leave(), 0);
  }
});

Deno.test("chat gives the terminal back however it ends", async () => {
  const ways: readonly [how: string, end: (chat: Chat) => unknown, code: number][] = [
    ["Ctrl-C", (chat) => chat.terminal.type("\x03"), 0],
    ["a signal", (chat) => chat.run.interrupt.abort(), 0],
    ["the end of the keyboard", (chat) => chat.terminal.type(undefined), 0],
    ["a failing keyboard", (chat) => chat.terminal.fail(new Error("keyboard gone")), 1],
  ];
  for (const [how, end, code] of ways) {
    const chat = new Chat(new ChatApp());
    await chat.rows();
    assert.equal(chat.terminal.raw, true, how);
    assert.equal(await chat.leave(() => end(chat)), code, how);
  }
});

Deno.test("chat gives the terminal back at once when the signal comes, and before a crash", async () => {
  for (const end of ["signal", "crash"] as const) {
    const chat = new Chat(new ChatApp());
    await chat.rows();
    if (end === "signal") chat.run.interrupt.abort();
    else chat.terminal.crash();
    assert.equal(chat.terminal.raw, false);
    assert.ok(chat.run.stdout.text.endsWith("\x1b[?1049l"));
    chat.terminal.type("\x03");
    await chat.run.code;
  }
});

Deno.test("chat leaves on Esc once nothing follows it, and not on an arrow that is cut", async () => {
  const chat = new Chat(new ChatApp());
  await chat.rows();
  await chat.type("ab\x1b");
  await chat.run.clock.advance(49);
  assert.equal((await chat.type("[D")).at(-1), "> ab");
  assert.equal((await chat.type("x")).at(-1), "> axb");
  await chat.type("\x1b");
  await chat.run.clock.advance(50);
  assert.equal(await chat.leave(() => {}), 0);
});

Deno.test("chat ends quietly when nobody looks at its output any more", async () => {
  const chat = new Chat(new ChatApp());
  await chat.rows();
  chat.run.stdout.closed = true;
  chat.terminal.type("x");
  await chat.run.clock.advance(0);
  assert.equal(await chat.run.code, 0);
  assert.equal(chat.terminal.raw, false);
});

Deno.test("chat waits a little for what is on its way when it is left", async () => {
  const app = new ChatApp();
  const answers: FakeReply[] = [];
  app.onMessage = (reply) => answers.push(reply);
  const chat = new Chat(app);
  await chat.rows();
  await chat.type("last words\r");
  await chat.type("\x03");
  assert.equal(chat.terminal.raw, false);
  await answers[0]?.answer(200, '{"id":"5","ok":true}');
  assert.equal(await chat.leave(() => {}), 0);
  assert.equal(chat.run.stderr.text, "");
});

Deno.test("chat refuses what cannot work", async () => {
  const refusal = async (args: readonly string[], setting: CliSetting = {}) => {
    const { code, stdout, stderr } = await runTest(["chat", ...args], setting);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    return stderr.split("\n")[0];
  };
  assert.equal(await refusal([]), 'skychat: required flag(s) "to" not set');
  assert.match(await refusal(["-t", "bob"]) ?? "", /^skychat: "bob" is neither a valid PK nor/);
  assert.match(await refusal(["-t", A, "-n", "x"]) ?? "", /^skychat: invalid network type "x"/);
  const terminal = new FakeTerminal();
  assert.equal(await refusal(["-t", A], { terminal }), "skychat: chat needs a terminal");
  assert.equal(
    await refusal(["-t", A], { stdoutTerminal: true }),
    "skychat: chat needs a terminal",
  );
});
