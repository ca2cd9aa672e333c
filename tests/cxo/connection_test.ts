import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, toHex } from "#kit";
import { type CxoMessage, decodeMessage, encodeCxoFrame } from "#cxo";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { CxoConnection, CxoConnectionError, HELLO_LIMIT_MS } from "../../lib/cxo/connection.ts";
import { QUEUE_FULL_LIMIT_MS } from "../../lib/cxo/outgoing.ts";
import { REQUEST_LIMIT_MS } from "../../lib/cxo/pending_requests.ts";
import { MAX_UNANSWERED } from "../../lib/cxo/wire.ts";
import {
  Bench,
  FakeLink,
  frame,
  LinkPair,
  OK,
  ROOT,
  RQ_OBJECT,
  spoken,
  SUB,
  THEM,
  US,
} from "./connection_fixture.ts";
import { bytes, sound, vectors } from "./vectors.ts";

/** Everything that one side says in the transcript. */
function transcript(dir: "sub>pub" | "pub>sub"): string {
  return vectors.transcript.filter((line) => line.dir === dir).map(({ hex }) => hex).join("");
}

/** A publisher that says what the transcript has it say. */
function scriptedPublisher(pair: LinkPair): CxoConnection {
  const lines = vectors.transcript.filter(({ dir }) => dir === "pub>sub").slice(1);
  const messages = lines.map(({ hex }) => spoken(bytes(hex))[0]?.message ?? assert.fail());
  const next = () => messages.shift() ?? assert.fail("asked for too much");
  return new CxoConnection(pair.publisher, {
    role: "acceptor",
    nodeId: THEM,
    clock: pair.clock,
    onMessage(message, seq, connection) {
      connection.answer(seq, next());
      if (message.type === "Sub" || messages.length === 1) connection.notify(next());
    },
  });
}

Deno.test("two connections over an XX link speak the transcript, byte for byte", async () => {
  const pair = new LinkPair();
  const publisher = scriptedPublisher(pair);
  const heard: string[] = [];
  const both = Promise.withResolvers<void>();
  const subscriber = new CxoConnection(pair.subscriber, {
    role: "dialer",
    nodeId: US,
    clock: pair.clock,
    onMessage({ type }) {
      if (heard.push(type) === 2) both.resolve();
    },
  });
  const running = [publisher.run(), subscriber.run()];
  assert.equal(await subscriber.ready, THEM);
  assert.equal(await publisher.ready, US);
  for (const { dir, hex } of vectors.transcript.slice(2)) {
    const [{ message, rseq } = assert.fail()] = spoken(bytes(hex));
    if (dir === "sub>pub" && rseq === 0) {
      const answer = await subscriber.request(message);
      assert.ok(typeof answer !== "string" && ["Ok", "Object"].includes(answer.type));
    }
  }
  await both.promise;
  assert.deepEqual(heard, ["Root", "Root"]);
  subscriber.close("done");
  await Promise.all(running);
  for (const dir of ["sub>pub", "pub>sub"] as const) {
    assert.equal(toHex(concat(...pair.said[dir])), transcript(dir));
  }
  assert.ok(publisher.isClosed);
  assert.equal(pair.clock.pending, 0, "timers were left behind");
});

Deno.test("a connection says who the peer is and where", async () => {
  const bench = await Bench.ready();
  const { peer, remoteAddress, openedAt, isClosed } = bench.connection;
  assert.deepEqual([peer, remoteAddress, openedAt, isClosed], [THEM, "192.0.2.1:8802", 0, false]);
  assert.deepEqual(await bench.close(), { code: "closed", message: "test is over" });
});

Deno.test("a dialer begins with Syn, an acceptor answers it with Ack and says nothing before", async () => {
  const dialer = new Bench();
  const acceptor = new Bench({ role: "acceptor" });
  await settle();
  const syn = { seq: 1, rseq: 0, message: { type: "Syn", protocol: 3, nodeId: US } };
  assert.deepEqual(dialer.link.said, [syn]);
  assert.deepEqual(acceptor.link.said, []);
  await acceptor.link.deliver(frame({ type: "Syn", protocol: 3, nodeId: THEM }, 5));
  await settle();
  const ack = { seq: 1, rseq: 5, message: { type: "Ack", nodeId: US } };
  assert.deepEqual(acceptor.link.said, [ack]);
  await dialer.close();
  await acceptor.close();
});

Deno.test("a peer that calls itself by another key than the proven one is closed, unanswered", async () => {
  for (const role of ["dialer", "acceptor"] as const) {
    const bench = new Bench({ role });
    await settle();
    bench.link.writes.length = 0;
    const hello = role === "dialer"
      ? frame({ type: "Ack", nodeId: US }, 1, 1)
      : frame({ type: "Syn", protocol: 3, nodeId: US }, 1);
    await bench.link.deliver(hello, frame(SUB, 2));
    const error = await bench.refusal();
    assert.ok(error instanceof CxoConnectionError);
    assert.equal(error.code, "wrong-node-id");
    assert.equal((await bench.running).message, error.message);
    await settle();
    assert.deepEqual([bench.link.said, bench.heard], [[], []]);
    assert.equal(bench.clock.pending, 0);
  }
});

Deno.test("a peer that never says Syn is closed after 59 s, without side effects", async () => {
  for (const role of ["dialer", "acceptor"] as const) {
    const bench = new Bench({ role });
    await bench.clock.advance(HELLO_LIMIT_MS - 1);
    assert.ok(!bench.connection.isClosed);
    await bench.clock.advance(1);
    assert.equal((await bench.refusal())?.code, "timeout");
    await bench.running;
    const said = bench.link.said.map(({ message }) => message.type);
    assert.deepEqual(said, role === "dialer" ? ["Syn"] : []);
    assert.deepEqual(bench.heard, []);
    assert.equal(bench.clock.pending, 0);
  }
});

Deno.test("the limit of the handshake ends with it", async () => {
  const bench = await Bench.ready({ role: "acceptor" });
  for (let count = 0; count < 4; count++) {
    await bench.clock.advance(HELLO_LIMIT_MS / 2);
    await bench.link.deliver(frame(ROOT, 2));
  }
  assert.ok(!bench.connection.isClosed);
  await bench.close();
});

Deno.test("an Err to Syn closes the connection with the peer's text", async () => {
  const bench = new Bench();
  await settle();
  await bench.link.deliver(frame({ type: "Err", text: "go\naway" }, 1, 1));
  const error = await bench.refusal();
  assert.deepEqual([error?.code, error?.message], ["refused", "go\\u000aaway"]);
  await bench.running;
  assert.equal(bench.clock.pending, 0);
});

Deno.test("a peer of another version is told so before the end, within a limit", async () => {
  for (const slow of [false, true]) {
    const bench = new Bench({ role: "acceptor" });
    if (slow) bench.link.hold = new Promise(() => {});
    const delivered = bench.link.deliver(frame({ type: "Syn", protocol: 2, nodeId: THEM }, 1));
    const error = await bench.refusal();
    const text = "incompatible protocol version: 2, want 3";
    assert.deepEqual([error?.code, error?.message], ["protocol", text]);
    await settle();
    if (slow) {
      assert.ok(!bench.connection.isClosed);
      await bench.clock.advance(QUEUE_FULL_LIMIT_MS);
    }
    assert.equal((await bench.running).message, text);
    await delivered;
    assert.deepEqual(bench.link.said, [{ seq: 1, rseq: 1, message: { type: "Err", text } }]);
    assert.equal(bench.clock.pending, 0);
  }
});

Deno.test("a breach of the protocol closes the connection, in the handshake and after", async () => {
  const early = new Bench();
  await early.link.deliver(frame(SUB, 1));
  assert.equal((await early.refusal())?.code, "protocol");
  const late = await Bench.ready();
  const asked = late.connection.request(RQ_OBJECT);
  await late.link.deliver(
    frame(SUB, 2),
    frame({ type: "Ack", nodeId: THEM }, 3),
    frame(SUB, 4),
  );
  assert.deepEqual(late.heard, ["Sub"]);
  assert.equal(await asked, "closed");
  assert.match((await late.running).message, /^cxo: Ack after the handshake$/);
  assert.equal(late.clock.pending, 0);
});

Deno.test("the end of the link ends everything", async () => {
  const early = new Bench();
  early.link.break();
  assert.deepEqual(await early.running, { code: "eof", message: "EOF" });
  assert.deepEqual(await early.refusal(), new CxoConnectionError("closed", "EOF"));
  const bench = await Bench.ready();
  const asked = bench.connection.request(RQ_OBJECT);
  bench.link.break();
  assert.equal(await asked, "closed");
  await bench.running;
  assert.ok(bench.connection.isClosed);
  assert.equal(await bench.connection.request(RQ_OBJECT), "closed");
  bench.connection.notify(ROOT);
  await bench.connection.drain(1_000);
  await settle();
  assert.deepEqual(bench.link.said.map(({ message }) => message.type), ["RqObject"]);
  assert.equal(bench.clock.pending, 0);
});

Deno.test("a connection whose link ended before anybody ran it", async () => {
  const link = new FakeLink();
  const clock = new ManualClock();
  const connection = new CxoConnection(link, {
    role: "acceptor",
    nodeId: US,
    clock,
    onMessage: () => assert.fail("nothing was said"),
  });
  link.break();
  await settle();
  assert.equal((await connection.run()).code, "eof");
  await assert.rejects(connection.ready, { code: "closed" });
  assert.equal(clock.pending, 0);
});

Deno.test("a link that fails to be served is closed", async () => {
  const link = new FakeLink();
  link.serve = () => Promise.reject(new TypeError("not twice"));
  const bench = new Bench({}, link);
  await assert.rejects(bench.running, TypeError);
  assert.ok(bench.connection.isClosed);
  await link.closed;
  assert.equal(bench.clock.pending, 0);
});

Deno.test("requests resolve with their own answers, in whatever order these come", async () => {
  const bench = await Bench.ready();
  const asked = [1, 2, 3].map(() => bench.connection.request(RQ_OBJECT));
  await settle();
  assert.deepEqual(bench.link.said.map(({ seq }) => seq), [2, 3, 4]);
  const object = (value: number): CxoMessage => ({ type: "Object", value: Uint8Array.of(value) });
  const err: CxoMessage = { type: "Err", text: "" };
  await bench.link.deliver(frame(object(4), 9, 4), frame(err, 10, 2), frame(object(3), 11, 3));
  assert.deepEqual(await Promise.all(asked), [err, object(3), object(4)]);
  await bench.close();
});

Deno.test("ten requests of one turn are one write, and one timer for all", async () => {
  const bench = await Bench.ready();
  const before = bench.clock.pending;
  const asked = Array.from({ length: 10 }, () => bench.connection.request(RQ_OBJECT));
  await settle();
  assert.equal(bench.link.writes.length, 1);
  assert.equal(bench.link.said.length, 10);
  assert.deepEqual([before, bench.clock.pending], [1, 1]);
  await bench.close();
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(["closed"]));
});

Deno.test("trap 19: a request times out, and its late answer is ignored", async () => {
  const bench = await Bench.ready();
  const patient = bench.connection.request(SUB);
  const hasty = bench.connection.request(RQ_OBJECT, { timeoutMs: 20_000 });
  await bench.clock.advance(19_999);
  const outcomes: unknown[] = [];
  void hasty.then((outcome) => outcomes.push(outcome));
  await settle();
  assert.deepEqual(outcomes, []);
  await bench.clock.advance(1);
  assert.deepEqual(outcomes, ["timeout"]);
  await bench.link.deliver(frame({ type: "Object", value: Uint8Array.of(1) }, 2, 3));
  await bench.clock.advance(REQUEST_LIMIT_MS - 20_001);
  await bench.link.deliver(frame(OK, 3, 2));
  assert.deepEqual(await patient, OK);
  const other = bench.connection.request(RQ_OBJECT);
  await bench.link.deliver(frame(ROOT, 4, 3));
  await bench.clock.advance(REQUEST_LIMIT_MS);
  assert.equal(await other, "timeout");
  assert.deepEqual(bench.heard, ["Root"]);
  assert.ok(!bench.connection.isClosed);
  await bench.close();
});

Deno.test("trap 19: a late Root is handed on as a push, and lost answers leave no request behind", async () => {
  const bench = await Bench.ready();
  for (let count = 0; count < 2 * MAX_UNANSWERED; count++) {
    const asked = bench.connection.request({ type: "RqPreview", feed: THEM }, { timeoutMs: 100 });
    await bench.clock.advance(100);
    assert.equal(await asked, "timeout");
  }
  await bench.link.deliver(frame(ROOT, 2, 2), frame(OK, 3, 3));
  assert.deepEqual([bench.heard, bench.connection.isClosed], [["Root"], false]);
  await bench.close();
});

Deno.test("every request has its own time", async () => {
  const bench = await Bench.ready();
  const ended: string[] = [];
  for (const timeoutMs of [3_000, 1_000, 2_000]) {
    void bench.connection.request(RQ_OBJECT, { timeoutMs })
      .then((outcome) => ended.push(`${outcome} ${timeoutMs} at ${bench.clock.now()}`));
  }
  await bench.clock.advance(3_000);
  assert.deepEqual(ended, [
    "timeout 1000 at 1000",
    "timeout 2000 at 2000",
    "timeout 3000 at 3000",
  ]);
  await bench.close();
});

Deno.test("who gives up ends the wait of a request, and one not written yet is left out", async () => {
  const bench = await Bench.ready();
  const giveUps = new Set<() => void>();
  const answered = bench.connection.request(RQ_OBJECT, { giveUps });
  await settle();
  await bench.link.deliver(frame(OK, 2, 2));
  assert.deepEqual(await answered, OK);
  assert.equal(giveUps.size, 0);
  bench.link.writes.length = 0;
  const written = bench.connection.request(RQ_OBJECT, { giveUps });
  await settle();
  const queued = bench.connection.request(RQ_OBJECT, { giveUps });
  for (const giveUp of giveUps) giveUp();
  assert.deepEqual(await Promise.all([written, queued]), ["timeout", "timeout"]);
  assert.equal(giveUps.size, 0);
  void bench.connection.request(SUB);
  await settle();
  const said = bench.link.said.map(({ seq, message }) => [seq, message.type]);
  assert.deepEqual(said, [[3, "RqObject"], [4, "Sub"]]);
  await bench.close();
});

Deno.test("more requests than the limit are a mistake of the caller, answered ones do not count", async () => {
  const bench = await Bench.ready();
  const ask = () => bench.connection.request(RQ_OBJECT);
  const asked = Array.from({ length: MAX_UNANSWERED }, ask);
  assert.throws(ask, RangeError);
  await settle();
  await bench.link.deliver(frame(OK, 2, 2));
  assert.deepEqual(await asked[0], OK);
  asked.push(ask());
  assert.throws(ask, RangeError);
  await bench.close();
});

Deno.test("nothing is sent before the handshake is done", async () => {
  const bench = new Bench();
  assert.throws(() => bench.connection.notify(ROOT), TypeError);
  assert.throws(() => bench.connection.answer(1, OK), TypeError);
  assert.throws(() => bench.connection.request(SUB), TypeError);
  await bench.close();
});

Deno.test("trap 4: Ping, Pong, RqPeers, Ack and a second Syn are never sent", async () => {
  const bench = await Bench.ready();
  for (const message of vectors.messages.map(({ body_hex }) => decodeMessage(bytes(body_hex)))) {
    const { type } = sound(message);
    if (!["Ping", "Pong", "RqPeers", "Ack", "Syn"].includes(type)) continue;
    assert.throws(() => bench.connection.notify(sound(message)), TypeError);
    assert.throws(() => bench.connection.request(sound(message)), TypeError);
    assert.throws(() => bench.connection.answer(1, sound(message)), TypeError);
  }
  await bench.connection.drain(0);
  await settle();
  assert.deepEqual(bench.link.said, []);
  await assert.rejects(bench.connection.run(), TypeError);
  await bench.close();
});

Deno.test("trap 6: a Root in the same read as Ok is handed on before the code that awaits Ok runs", async () => {
  const order: string[] = [];
  const bench = await Bench.ready({ onMessage: ({ type }) => void order.push(type) });
  const asked = bench.connection.request(SUB).then(() => order.push("Ok"));
  await settle();
  await bench.link.deliver(frame(OK, 2, 2), frame(ROOT, 3));
  await asked;
  assert.deepEqual(order, ["Root", "Ok"]);
  await bench.close();
});

Deno.test("nothing more is read while a handler is busy, but answers before the next message pass", async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const bench = await Bench.ready({
    onMessage() {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    },
  });
  const asked = bench.connection.request(RQ_OBJECT);
  await settle();
  let read = false;
  const reading = bench.link.deliver(frame(ROOT, 2), frame(OK, 3, 2), frame(ROOT, 4))
    .then(() => read = true);
  assert.deepEqual(await asked, OK);
  await settle();
  assert.deepEqual([gates.length, read], [1, false]);
  gates[0]?.resolve();
  await settle();
  assert.deepEqual([gates.length, read], [2, false]);
  gates[1]?.resolve();
  await reading;
  await bench.close();
});

Deno.test("what a handler throws closes the connection and comes out of run", async () => {
  for (const fail of [() => assert.fail("mine"), () => Promise.reject(new Error("mine"))]) {
    const pair = new LinkPair();
    const publisher = new CxoConnection(pair.publisher, {
      role: "acceptor",
      nodeId: THEM,
      clock: pair.clock,
      onMessage: fail,
    });
    const subscriber = new CxoConnection(pair.subscriber, {
      role: "dialer",
      nodeId: US,
      clock: pair.clock,
      onMessage() {},
    });
    const running = publisher.run();
    const other = subscriber.run();
    await subscriber.ready;
    const asked = subscriber.request(SUB);
    await assert.rejects(running, /mine/);
    assert.equal(await asked, "closed");
    await other;
    assert.equal(pair.clock.pending, 0, "timers were left behind");
  }
});

Deno.test("hostile bytes end the connection at worst, and leave nothing behind", async () => {
  const framed = fc.uint8Array({ minLength: 1, maxLength: 80 })
    .map((body) => encodeCxoFrame({ seq: 3, rseq: 2, body }));
  const sane = fc.constantFrom(...vectors.messages.map(({ body_hex }) => bytes(body_hex)))
    .chain((body) =>
      fc.integer({ min: 0, max: 5 }).map((rseq) => encodeCxoFrame({ seq: 9, rseq, body }))
    );
  const piece = fc.oneof(fc.uint8Array({ maxLength: 200 }), framed, sane);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<"dialer" | "acceptor">("dialer", "acceptor"),
      fc.boolean(),
      fc.array(piece, { maxLength: 6 }),
      async (role, shaken, pieces) => {
        const bench = shaken ? await Bench.ready({ role }) : new Bench({ role });
        const asked = shaken ? bench.connection.request(RQ_OBJECT) : undefined;
        for (const one of pieces) await bench.link.deliver(one);
        await bench.close();
        assert.ok(asked === undefined || (await asked) !== "timeout");
      },
    ),
    { numRuns: 100 },
  );
});
