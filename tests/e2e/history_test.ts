/** History, durable events, the outbox and the password as a user of the program meets them. */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { systemRandom } from "#kit";
import { openEventStream } from "#support/event_stream.ts";
import { LoadSender } from "#support/load_sender.ts";
import { type App, run, startApp } from "#support/spawn.ts";

const SK = "0d".repeat(32);
const UNLIMITED = [
  ...["--persist-per-peer-cap", "0", "--persist-per-peer-rate", "0", "--persist-total-cap", "0"],
];

/** A folder of its own for one test's nodes. */
async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-history-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A node that keeps its messages in a folder, linkable by peers. */
function startKeeper(folder: string, flags: readonly string[] = []): Promise<App> {
  const store = ["--persist", "--persist-db", `${folder}/keep/history.db`];
  return startApp(["--tcp-listen", "127.0.0.1:0", "--sk", SK, ...store, ...flags], { cwd: folder });
}

async function json(app: App, path: string): Promise<unknown> {
  const reply = await fetch(`http://${app.addr}${path}`);
  assert.equal(reply.status, 200, path);
  return await reply.json();
}

function numbers(count: number): Iterator<string> {
  return Array.from({ length: count }, (_, index) => `message ${index}`)[Symbol.iterator]();
}

Deno.test("messages, names and events survive a restart; files are private", async () => {
  await withFolder(async (folder) => {
    let app = await startKeeper(folder);
    const sender = new LoadSender(SecretKey.generate(systemRandom));
    try {
      await sender.connect(app);
      const acked: string[] = [];
      const onAcked = ({ text }: { text: string }) => void acked.push(text);
      await sender.send(app.pk, numbers(12), { width: 1, onAcked });
      await fetch(`http://${app.addr}/contacts`, {
        method: "POST",
        body: JSON.stringify({ pk: sender.pk, name: "Alice" }),
      }).then((reply) => reply.text());
      const before = await json(app, "/history");
      assert.equal(await app.stop(), 0);

      app = await startKeeper(folder);
      assert.deepEqual(await json(app, "/history"), before);
      const texts = (before as { text: string }[]).map(({ text }) => text);
      assert.deepEqual(texts, acked);
      assert.deepEqual(await json(app, "/contacts"), { [sender.pk]: "Alice" });
      const stream = await openEventStream(`http://${app.addr}/events?since=10`);
      const seqs = (await stream.take(2)).map(({ seq }) => seq);
      await stream.close();
      assert.deepEqual(seqs, [11, 12]);
      for await (const entry of Deno.readDir(`${folder}/keep`)) {
        const { mode } = await Deno.stat(`${folder}/keep/${entry.name}`);
        assert.equal((mode ?? 0) & 0o777, 0o600, entry.name);
      }
      for (const path of [`${folder}/keep`, `${folder}/local`]) {
        assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o700, path);
      }
      const contacts = await Deno.stat(`${folder}/local/skychat-contacts.json`);
      assert.equal((contacts.mode ?? 0) & 0o777, 0o600);
    } finally {
      await sender.close();
      await app.kill();
    }
  });
});

Deno.test("a plain text has no id on disk, and is the same to the nanosecond on every stream", async () => {
  await withFolder(async (folder) => {
    const keeper = await startKeeper(folder);
    let peer: App | undefined;
    try {
      peer = await startApp(["--tcp-peer", `tcp://${keeper.pk}@${keeper.tcpAddr}`]);
      await peer.waitForLog("tcp-peer connected to");
      const texts = ["plain", "plain", "wrapped"];
      for (const message of texts) {
        const receipts = message === "wrapped";
        const body = JSON.stringify({ recipient: keeper.pk, message, receipts });
        const reply: Response = await fetch(`http://${peer.addr}/message`, {
          method: "POST",
          body,
        });
        assert.equal(reply.status, 200, await reply.text());
      }
      const [legacy, numbered] = [
        await liveEvents(keeper, "/sse"),
        await liveEvents(keeper, "/events"),
      ];
      const records = await json(keeper, "/history") as Record<string, unknown>[];
      assert.deepEqual(records.map(({ text }) => text), texts);
      const times = records.map(({ timestamp }) => timestamp);
      assert.deepEqual(legacy.map(({ ts }) => ts), times);
      assert.deepEqual(numbered.map(({ ts }) => ts), times);
      assert.equal(new Set(times).size, 3);
      assert.deepEqual(records.map(({ id }) => id), [undefined, undefined, legacy[2]?.["id"]]);
      assert.ok(legacy.every(({ id }) => typeof id === "string" && id !== ""));
    } finally {
      await peer?.kill();
      await keeper.kill();
    }
  });
});

/** Three messages of a stream, those left out that it begins with from disk. */
async function liveEvents(app: App, path: string): Promise<Record<string, unknown>[]> {
  const events: Record<string, unknown>[] = [];
  const stream = await openEventStream(`http://${app.addr}${path}`);
  while (events.length < 3) {
    events.push(...(await stream.take(1)).filter((event) => event["history"] === undefined));
  }
  await stream.close();
  return events;
}

Deno.test("a listener that was away for 10,000 messages and a restart gets each of them once", async () => {
  await withFolder(async (folder) => {
    let app = await startKeeper(folder, UNLIMITED);
    const sender = new LoadSender(SecretKey.generate(systemRandom));
    try {
      await sender.connect(app);
      const onAcked = () => {};
      await sender.send(app.pk, numbers(5), { width: 1, onAcked });
      const { events_seq: cursor } = await json(app, "/status") as { events_seq: number };
      assert.equal(cursor, 5);
      await sender.send(app.pk, numbers(10_000), { width: 64, onAcked });
      assert.equal(await app.stop(), 0);

      app = await startKeeper(folder, UNLIMITED);
      const seen = await eventsAfter(app, { lastEventId: cursor, count: 10_000 });
      assert.deepEqual(seen.map(({ seq }) => seq), Array.from({ length: 10_000 }, (_, i) => i + 6));
      assert.equal(new Set(seen.map(({ text }) => text)).size, 10_000);
    } finally {
      await sender.close();
      await app.kill();
    }
  });
});

/** Reads `/events` as a browser does when it comes back. */
async function eventsAfter(
  app: App,
  { lastEventId, count }: { lastEventId: number; count: number },
): Promise<{ seq: number; text: string }[]> {
  const abort = new AbortController();
  const reply = await fetch(`http://${app.addr}/events`, {
    headers: { "Last-Event-ID": String(lastEventId) },
    signal: abort.signal,
  });
  const events: { seq: number; text: string }[] = [];
  let rest = "";
  for await (const piece of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + piece).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, id, data] = /^id: (\d+)\ndata: (.*)$/.exec(block) ?? [];
      if (data === undefined) continue;
      const event = JSON.parse(data);
      assert.equal(String(event.seq), id);
      events.push(event);
    }
    if (events.length >= count) break;
  }
  abort.abort();
  return events;
}

Deno.test("a second node on the same store runs without history and disturbs nothing", async () => {
  await withFolder(async (folder) => {
    const first = await startKeeper(folder);
    let second: App | undefined;
    try {
      second = await startKeeper(folder);
      const line = await second.waitForLog("Failed to open history store: ");
      assert.match(line, /WARN .*timeout.* — continuing in ephemeral mode$/);
      const { persistence_enabled, ack_mode } = await json(second, "/status") as Record<
        string,
        unknown
      >;
      assert.deepEqual([persistence_enabled, ack_mode], [false, "received"]);
      const refused = await fetch(`http://${second.addr}/history`);
      assert.deepEqual([refused.status, await refused.text()], [503, "persistence not enabled\n"]);
      assert.deepEqual(await json(first, "/history"), []);
    } finally {
      await second?.kill();
      await first.kill();
    }
  });
});

Deno.test("a foreign file at --persist-db stays byte-identical and alone", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/keep`);
    await Deno.writeTextFile(`${folder}/keep/history.db`, "my thesis\n");
    const app = await startKeeper(folder);
    try {
      await app.waitForLog(/Failed to open history store: .* — continuing in ephemeral mode/);
      assert.equal(await app.stop(), 0);
      assert.equal(await Deno.readTextFile(`${folder}/keep/history.db`), "my thesis\n");
      const names: string[] = [];
      for await (const { name } of Deno.readDir(`${folder}/keep`)) names.push(name);
      assert.deepEqual(names, ["history.db"]);
    } finally {
      await app.kill();
    }
  });
});

Deno.test("send --queue delivers once its recipient appears, over a restart of the sender", async () => {
  await withFolder(async (folder) => {
    const peerSk = "0e".repeat(32);
    let keeper = await startKeeper(folder);
    let peer: App | undefined;
    try {
      const queued = await run([
        ...[
          "send",
          "--addr",
          keeper.addr,
          "-t",
          SecretKey.parse(peerSk).publicKey.hex,
          "-m",
          "when you are back",
        ],
        "--queue",
      ]);
      assert.equal(queued.code, 0, queued.stderr);
      assert.match(queued.stdout, /^Queued for [0-9a-f]{66} \(id=[0-9a-f]{16}\), expires /);
      const listed = await run(["outbox", "--addr", keeper.addr, "--json"]);
      assert.match(listed.stdout, /when you are back/);
      assert.equal(await keeper.stop(), 0);

      keeper = await startKeeper(folder);
      const secret = await secretFile(folder, peerSk);
      peer = await startApp(["--tcp-peer", `tcp://${keeper.pk}@${keeper.tcpAddr}`, "-c", secret]);
      const stream = await openEventStream(`http://${peer.addr}/sse`);
      const [event] = await stream.take(1);
      assert.deepEqual([event?.["dir"], event?.["message"]], ["in", "when you are back"]);
      await stream.close();
      await untilEmpty(keeper);
      const records = await json(keeper, "/history") as { text: string; outgoing: boolean }[];
      assert.deepEqual(records.map(({ text, outgoing }) => [text, outgoing]), [
        ["when you are back", true],
      ]);
    } finally {
      await peer?.kill();
      await keeper.kill();
    }
  });
});

async function secretFile(folder: string, sk: string): Promise<string> {
  const path = `${folder}/peer.json`;
  await Deno.writeTextFile(path, JSON.stringify({ sk }), { mode: 0o600 });
  return path;
}

/** Waits until nothing is queued. */
async function untilEmpty(app: App): Promise<void> {
  const deadline = AbortSignal.timeout(10_000);
  while ((await json(app, "/outbox") as unknown[]).length > 0) deadline.throwIfAborted();
}

for (const form of ["scrypt", "sha256"]) {
  Deno.test(`a ${form} password guards every route`, async () => {
    await withFolder(async (folder) => {
      const file = `${folder}/password`;
      const made = await run(["passwd", "--form", form, file], { stdin: "s3cret\n" });
      assert.equal(made.code, 0, made.stderr);
      assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
      const app = await startKeeper(folder, ["--password-file", file]);
      try {
        for (
          const path of ["/", "/sse", "/events", "/pair", "/status", "/metrics", "/healthz", "/x"]
        ) {
          const reply = await fetch(`http://${app.addr}${path}`);
          assert.equal(reply.status, 401, path);
          assert.equal(reply.headers.get("www-authenticate"), 'Basic realm="skychat"');
          assert.equal(await reply.text(), "skychat: authentication required\n");
        }
        const [wrong, right] = await Promise.all(
          ["x:no", "x:s3cret"].map((credentials) =>
            fetch(`http://${app.addr}/status`, {
              headers: { authorization: `Basic ${btoa(credentials)}` },
            })
          ),
        );
        assert.equal(await wrong?.text(), "skychat: invalid credentials\n");
        assert.equal(right?.status, 200);
        await right?.body?.cancel();
        const status = await run(["status", "--addr", `me:s3cret@${app.addr}`]);
        assert.equal(status.code, 0, status.stderr);
      } finally {
        await app.kill();
      }
    });
  });
}
