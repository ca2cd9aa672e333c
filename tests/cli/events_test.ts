import assert from "node:assert/strict";
import { FakeApp } from "#support/fake_app.ts";
import { runTest, startCli } from "#support/cli_run.ts";

const A = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const B = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

const incoming = {
  seq: 7,
  id: "8077ca12ee05c806",
  ts: "2026-09-08T10:00:01.123456789Z",
  channel: "dm",
  transport: "tcp-direct",
  dir: "in",
  from: A,
  text: "two\nlines",
  len: 9,
};
const outgoing = { ...incoming, seq: 8, id: "2", dir: "out", from: B, to: A };
const group = { ...incoming, seq: 9, id: "3", channel: "group", group_id: "g1" };

/** Runs `events` against an app that sends these on every connection, until `count` lines. */
async function eventsOf(
  connections: readonly (readonly unknown[])[],
  { args = [], count, end = false }: { args?: readonly string[]; count: number; end?: boolean },
): Promise<{ lines: readonly string[]; stderr: string; paths: readonly string[] }> {
  const app = new FakeApp(async (_request, reply, index) => {
    await reply.events();
    for (const event of connections[index] ?? []) await reply.event(event);
    if (end && index + 1 < connections.length) await reply.end();
  });
  const run = startCli(["events", ...args], { network: app.network });
  for (let connection = 1; connection < connections.length; connection++) {
    await run.stderr.untilLines(connection);
    await run.clock.advance(1_000);
  }
  await run.stdout.untilLines(count);
  await run.clock.advance(0);
  run.interrupt.abort();
  assert.equal(await run.code, 0);
  assert.equal(run.stdout.lines.length, count, run.stdout.text);
  const paths = app.requests.map(({ path }) => path);
  return { lines: run.stdout.lines, stderr: run.stderr.text, paths };
}

Deno.test("events prints the lines of cli.md 6 with keys cut to 12 characters", async () => {
  const { lines, paths } = await eventsOf([[incoming, outgoing, group]], { count: 3 });
  assert.deepEqual(lines, [
    "[10:00:01] #7 dm in 0279be667ef9…  two\\nlines",
    "[10:00:01] #8 dm out 02c6047f9441…→0279be667ef9…  two\\nlines",
    "[10:00:01] #9 group:g1 in 0279be667ef9…  two\\nlines",
  ]);
  assert.deepEqual(paths, ["/events?channel=dm%2Cgroup%2Cpair&since=0"]);
});

Deno.test("events --json prints each object as it came", async () => {
  const { lines } = await eventsOf([[incoming, group]], { args: ["--json"], count: 2 });
  assert.deepEqual(lines, [JSON.stringify(incoming), JSON.stringify(group)]);
});

Deno.test("events asks for the given channels from the given number", async () => {
  const { paths } = await eventsOf([[incoming]], {
    args: ["--channel", "all,system", "--since", "5"],
    count: 1,
  });
  assert.deepEqual(paths, ["/events?channel=all%2Csystem&since=5"]);
});

Deno.test("events goes on after the last number, skips what it printed, and follows a restart", async () => {
  const restarted = { ...incoming, seq: 1, id: "9" };
  const { lines, stderr, paths } = await eventsOf(
    [[incoming, outgoing], [outgoing, group], [restarted, group], []],
    { args: ["--json"], count: 4, end: true },
  );
  assert.deepEqual(lines.map((line) => JSON.parse(line).id), [incoming.id, "2", "3", "9"]);
  assert.deepEqual(paths.map((path) => path.replace(/.*since=/, "")), ["0", "8", "9", "9"]);
  assert.equal(stderr, "skychat events: stream ended (reconnecting in 1s)\n".repeat(3));
});

Deno.test("events refuses a channel that does not exist, which the app would ignore", async () => {
  const app = new FakeApp((_request, reply) => reply.events());
  for (const channel of ["foo", "dm,System", "dm group"]) {
    const { code, stderr } = await runTest(["events", "--channel", channel], {
      network: app.network,
    });
    const word = channel.split(",").at(-1);
    assert.equal(
      stderr,
      `skychat: unknown channel "${word}"\n  use some of: dm, group, pair, system, all\n`,
    );
    assert.equal(code, 1);
  }
  assert.equal(app.requests.length, 0);
});

Deno.test("events says when --since is ahead of the app, and that everything comes", async () => {
  const ahead = await eventsOf([[incoming, outgoing]], { args: ["--since", "8"], count: 2 });
  assert.equal(
    ahead.stderr,
    "skychat events: the app has no event #8 yet: everything kept is shown\n",
  );
  const after = await eventsOf([[outgoing], [{ ...incoming, id: "9", seq: 1 }]], {
    args: ["--since", "7", "--channel", " dm, "],
    count: 2,
    end: true,
  });
  assert.doesNotMatch(after.stderr, /everything kept/);
});

Deno.test("events prints a message to oneself twice: it went out and came in", async () => {
  const self = { ...outgoing, to: B };
  const { lines } = await eventsOf([[self, { ...self, seq: 9, dir: "in" }]], { count: 2 });
  assert.equal(lines.length, 2);
});

Deno.test("events bears with objects that lack everything, and with what is no JSON", async () => {
  const app = new FakeApp(async (_request, reply) => {
    await reply.events();
    await reply.chunk("data: {\n\ndata: {}\n\n");
  });
  const run = startCli(["events"], { network: app.network });
  const [line] = await run.stdout.untilLines(1);
  assert.equal(line, "[--:--:--] #0     ");
  assert.equal(run.stderr.text, "skychat events: not JSON: {\n");
  run.interrupt.abort();
  assert.equal(await run.code, 0);
});

Deno.test("events tells of a gap on stderr, as an object with --json, and goes on after it", async () => {
  const gap = {
    ...incoming,
    seq: 15,
    id: "gap-3",
    channel: "system",
    text: "12 events are no longer kept",
    gap: { after: 3, next: 16 },
  };
  const next = { ...incoming, seq: 16, id: "16" };
  const text = await eventsOf([[gap, next], []], { args: ["--since", "3"], count: 1, end: true });
  assert.equal(
    text.stderr,
    "skychat events: 12 events are no longer kept: #4 to #15\n" +
      "skychat events: stream ended (reconnecting in 1s)\n",
  );
  assert.equal(text.paths[1]?.replace(/.*since=/, ""), "16");
  const json = await eventsOf([[gap, next]], { args: ["--json"], count: 2 });
  assert.deepEqual(json.lines, [JSON.stringify(gap), JSON.stringify(next)]);
});

Deno.test("events keeps every part of an event on its line", async () => {
  const hostile = { ...incoming, channel: "d\nm", dir: "i\nn", from: "a\nb", to: "c\nd" };
  const { lines } = await eventsOf([[hostile]], { count: 1 });
  assert.deepEqual(lines, ["[10:00:01] #7 d\\nm i\\nn a\\nb→c\\nd  two\\nlines"]);
});

Deno.test("events does not come back with the number of an event that the app has not kept", async () => {
  const passing = { ...outgoing, kept: false };
  const gap = { ...incoming, seq: 9, id: "gap-8", gap: { after: 8, next: 10 }, kept: false };
  const { paths } = await eventsOf([[incoming, passing, gap], [group]], { count: 3, end: true });
  assert.deepEqual(paths.map((path) => path.replace(/.*since=/, "")), ["0", "7"]);
});
