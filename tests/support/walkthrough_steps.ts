import assert from "node:assert/strict";
import { type App, run, startApp } from "./spawn.ts";
import { hasCurl, openEventStream, type StreamEvent, type StreamReader } from "./event_stream.ts";

/** What the steps leave behind for each other. */
export interface Walk {
  keysA: KeyPairText;
  keysB: KeyPairText;
  stranger: KeyPairText;
  a: App;
  b: App;
  streamA: StreamReader;
  streamB: StreamReader;
}

interface KeyPairText {
  pk: string;
  sk: string;
}

/** One line of the walkthrough: what it shows, and how. A throw means that it did not. */
export interface Step {
  readonly name: string;
  run(walk: Walk): Promise<string>;
}

const KEY = /^0[23][0-9a-f]{64}$/;

async function keygen(): Promise<KeyPairText> {
  const { code, stdout } = await run(["keygen"]);
  const [pk = "", sk = "", rest] = stdout.split("\n");
  assert.equal(code, 0);
  assert.match(pk, KEY);
  assert.match(sk, /^[0-9a-f]{64}$/);
  assert.equal(rest, "", "keygen prints two lines and nothing else");
  return { pk, sk };
}

async function post(app: App, body: unknown): Promise<{ status: number; body: string }> {
  const answer = await fetch(`http://${app.addr}/message`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.text() };
}

async function status(app: App): Promise<Record<string, unknown>> {
  return await (await fetch(`http://${app.addr}/status`)).json();
}

async function sendAcked(from: App, to: App, message: string): Promise<string> {
  const answer = await post(from, { recipient: to.pk, message, wait_ms: 3_000 });
  assert.equal(answer.status, 200, answer.body);
  const { acked, id, ms } = JSON.parse(answer.body);
  assert.equal(acked, true);
  assert.match(id, /^[0-9a-f]{16}$/);
  return `acked in ${ms} ms`;
}

/** Checks one node's stream: one message in, and one out with its receipt. */
async function threeEvents(
  stream: StreamReader,
  texts: { in: string; out: string },
): Promise<void> {
  const events = await stream.take(3);
  const incoming = events.filter((event) => event.dir === "in");
  assert.equal(incoming.length, 1);
  assert.equal(incoming[0]?.message, texts.in);
  assert.equal(incoming[0]?.network, "tcp-direct");
  assertReceipted(events.filter((event) => event.dir !== "in"), texts.out);
}

/** Checks that a message out and its receipt come next. */
async function sentAndReceived(stream: StreamReader, text: string): Promise<void> {
  assertReceipted(await stream.take(2), text);
}

/** The receipt may overtake the report that the message is out. */
function assertReceipted(events: readonly StreamEvent[], text: string): void {
  const outgoing = events.find((event) => event.dir === "out");
  const receipt = events.find((event) => event !== outgoing);
  assert.equal(outgoing?.message, text);
  assert.equal(receipt?.channel, "dm-status");
  assert.equal(receipt?.status, "received");
  assert.equal(receipt?.id, outgoing?.id);
}

/** A stop must be over after 2 s (http-api.md 7); as much again is for a busy machine. */
const STOP_LIMIT_MS = 4_000;

/** Stops a node, which must end in order and in time; returns how long that took, ms. */
async function stopTime(app: App, name: "SIGINT" | "SIGTERM"): Promise<number> {
  const before = performance.now();
  assert.equal(await app.stop(name), 0, name);
  const took = Math.round(performance.now() - before);
  assert.ok(took <= STOP_LIMIT_MS, `the end after ${name} took ${took} ms`);
  return took;
}

/** The walkthrough of cli.md 14, in order. Ports are chosen by the system. */
export const walkthroughSteps: readonly Step[] = [
  {
    name: "three identities are made with keygen",
    async run(walk) {
      walk.keysA = await keygen();
      walk.keysB = await keygen();
      walk.stranger = await keygen();
      return `A is ${walk.keysA.pk.slice(0, 8)}…, B is ${walk.keysB.pk.slice(0, 8)}…`;
    },
  },
  {
    name: "node A starts, listens, and lets only B in",
    async run(walk) {
      walk.a = await startApp([
        "--sk",
        walk.keysA.sk,
        "--tcp-listen",
        "127.0.0.1:0",
        "--tcp-whitelist",
        walk.keysB.pk,
      ]);
      assert.equal(walk.a.pk, walk.keysA.pk);
      return `page at http://${walk.a.addr}/, links at ${walk.a.tcpAddr}`;
    },
  },
  {
    name: "node B starts and links to A",
    async run(walk) {
      walk.b = await startApp([
        "--sk",
        walk.keysB.sk,
        "--tcp-peer",
        `tcp://${walk.keysA.pk}@${walk.a.tcpAddr}`,
      ]);
      await walk.a.waitForLog(`tcp-direct conn accepted from ${walk.keysB.pk}`);
      await walk.b.waitForLog(`tcp-peer connected to ${walk.keysA.pk}@${walk.a.tcpAddr}`);
      return "accepted by A, connected at B";
    },
  },
  {
    name: "both nodes report one active link",
    async run(walk) {
      assert.equal((await status(walk.a)).active_peer_conns, 1);
      assert.equal((await status(walk.b)).active_peer_conns, 1);
      assert.deepEqual((await status(walk.a)).peers, [walk.keysB.pk]);
      return "active_peer_conns 1 on both";
    },
  },
  {
    name: "an event stream is opened on each node",
    async run(walk) {
      walk.streamA = await openEventStream(`http://${walk.a.addr}/sse`);
      walk.streamB = await openEventStream(`http://${walk.b.addr}/sse`);
      assert.equal(walk.streamA.client, await hasCurl() ? "curl -N" : "fetch");
      return `read by ${walk.streamA.client}`;
    },
  },
  {
    name: "A sends to B and gets the receipt",
    run: (walk) => sendAcked(walk.a, walk.b, "hello from A over tcp-direct"),
  },
  {
    name: "B sends to A and gets the receipt",
    run: (walk) => sendAcked(walk.b, walk.a, "hello from B over tcp-direct"),
  },
  {
    name: "each stream shows one message in, one out and one receipt",
    async run(walk) {
      const [fromA, fromB] = ["hello from A over tcp-direct", "hello from B over tcp-direct"];
      await threeEvents(walk.streamA, { in: fromB, out: fromA });
      await threeEvents(walk.streamB, { in: fromA, out: fromB });
      return "three events on each";
    },
  },
  {
    name: "the counters agree",
    async run(walk) {
      for (const app of [walk.a, walk.b]) {
        const counters = await status(app);
        assert.equal(counters.inbound_msg_count, 1);
        assert.equal(counters.outbound_msg_count, 1);
        assert.equal(counters.outbound_fail_count, 0);
      }
      return "1 in, 1 out, 0 failed on both";
    },
  },
  {
    name: "send --via reaches A without an app of its own",
    async run(walk) {
      const { code, stdout, stderr } = await run([
        "cli",
        "send",
        "--via",
        `tcp://${walk.keysA.pk}@${walk.a.tcpAddr}`,
        "--sk",
        walk.keysB.sk,
        "-w",
        "8s",
        "-m",
        "ping",
      ]);
      assert.equal(code, 0, stderr);
      assert.match(
        stdout,
        new RegExp(`^Acked by ${walk.keysA.pk} in \\d+ms \\(id=[0-9a-f]{16}, via tcp\\)\n$`),
      );
      return stdout.trim();
    },
  },
  {
    name: "A can still answer B on the long-lived link afterwards",
    run: (walk) => sendAcked(walk.a, walk.b, "still there?"),
  },
  {
    name: "the streams go on with these messages and nothing else",
    async run(walk) {
      // Were there a fourth event before, it would come first here.
      const [ping] = await walk.streamA.take(1);
      assert.equal(ping?.dir, "in");
      assert.equal(ping?.message, "ping");
      await sentAndReceived(walk.streamA, "still there?");
      const [still] = await walk.streamB.take(1);
      assert.equal(still?.dir, "in");
      assert.equal(still?.message, "still there?");
      return "three events at A, one at B";
    },
  },
  {
    name: "a key that is not on the whitelist is refused",
    async run(walk) {
      const { code, stdout, stderr } = await run([
        "send",
        "--via",
        `tcp://${walk.keysA.pk}@${walk.a.tcpAddr}`,
        "--sk",
        walk.stranger.sk,
        "-w",
        "8s",
        "-m",
        "let me in",
      ]);
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /^skychat: /);
      await walk.a.waitForLog(`tcp-direct rejecting ${walk.stranger.pk}: not on whitelist`);
      return stderr.trim();
    },
  },
  {
    name: "both nodes stop cleanly while their streams are read",
    async run(walk) {
      const took = [await stopTime(walk.b, "SIGINT"), await stopTime(walk.a, "SIGTERM")];
      assert.deepEqual(await walk.streamB.untilEnd(), []);
      assert.deepEqual(await walk.streamA.untilEnd(), []);
      return `exit code 0 after ${took.join(" and ")} ms`;
    },
  },
];

/** Runs every step in order; stops what is still running whatever happens. */
export async function runWalkthrough(
  report: (
    step: Step,
    result: { ok: true; detail: string } | { ok: false; error: unknown },
  ) => void,
): Promise<boolean> {
  // Each step fills in what the later ones read; a step that fails ends the walk.
  const walk = {} as Walk;
  try {
    for (const step of walkthroughSteps) {
      try {
        report(step, { ok: true, detail: await step.run(walk) });
      } catch (error) {
        report(step, { ok: false, error });
        return false;
      }
    }
    return true;
  } finally {
    await walk.streamA?.close();
    await walk.streamB?.close();
    await walk.b?.kill();
    await walk.a?.kill();
  }
}
