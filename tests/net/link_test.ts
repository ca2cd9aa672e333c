import assert from "node:assert/strict";
import { utf8, utf8Text } from "#kit";
import {
  BACKLOG_LIMIT_BYTES,
  HIGH_WATER_BYTES,
  IDLE_RECORD_MS,
  type Link,
  LinkError,
  WRITE_LIMIT_MS,
} from "#net";
import { encodeFrame, FrameDecoder } from "#session";
import { settle } from "#support/manual_clock.ts";
import { NetFixture, type RawPeer, until } from "./net_fixture.ts";

/** Bytes on the wire of a record without plaintext. */
const EMPTY_RECORD = 26;

async function closeAll(fixture: NetFixture, link: Link): Promise<void> {
  link.close();
  await link.closed;
  assert.equal(fixture.clock.pending, 0, "timers were left behind");
}

async function readInto(peer: RawPeer): Promise<void> {
  while (await peer.readOnce());
}

Deno.test("Link carries bytes both ways and says who the peer is", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  assert.ok(link.peer.equals(fixture.server.publicKey));
  assert.deepEqual(
    [link.direction, link.remoteAddress, link.postQuantum, link.downgraded],
    ["out", "192.0.2.1:8801", true, false],
  );
  await link.write(utf8("ping"));
  await peer.readOnce();
  assert.equal(utf8Text(Uint8Array.from(peer.received)), "ping");
  let got = "";
  const serving = link.serve((bytes) => void (got += utf8Text(bytes)));
  await peer.send("pong");
  await until(() => got === "pong");
  peer.stream.close();
  assert.deepEqual(await serving, { code: "eof", message: "EOF" });
  assert.deepEqual(await link.closed, { code: "eof", message: "EOF" });
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("Link ends with the session's text when the peer sends a bad record", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  const serving = link.serve(() => assert.fail("nothing was sent"));
  const record = peer.session.seal(utf8("x"));
  record[record.length - 1] = (record[record.length - 1] ?? 0) ^ 1;
  await peer.stream.write(record);
  const end = await serving;
  assert.equal(end.message, "chacha20poly1305: message authentication failed");
  await closeAll(fixture, link);
});

Deno.test("Link ends with read-failed when the connection is reset", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  const serving = link.serve(() => {});
  peer.stream.reset();
  assert.deepEqual(await serving, {
    code: "read-failed",
    message: "read: connection reset by peer",
  });
  await closeAll(fixture, link);
});

Deno.test("Link close sends nothing more and rejects what waits; the first reason stays", async () => {
  const fixture = new NetFixture({ capacity: 1_000 });
  const { link, peer } = await fixture.linkToRawPeer();
  const writes = [link.write(new Uint8Array(5_000)), link.write(utf8("late"))];
  await settle();
  link.close("enough");
  link.close("again");
  for (const write of [...writes, link.write(utf8("later"))]) {
    await assert.rejects(write, { name: "LinkError", code: "closed", message: "enough" });
  }
  assert.deepEqual(await link.closed, { code: "closed", message: "enough" });
  assert.deepEqual(await link.serve(() => {}), { code: "closed", message: "enough" });
  await readInto(peer);
  assert.equal(peer.received.length, 0, "the one record that went out was cut");
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("Link write fails after 5 s when the peer takes no bytes", async () => {
  const fixture = new NetFixture({ capacity: 1_000 });
  const { link } = await fixture.linkToRawPeer();
  const failed = assert.rejects(link.write(new Uint8Array(5_000)), {
    name: "LinkError",
    code: "write-timeout",
    message: "write: i/o timeout",
  });
  const queued = assert.rejects(link.write(utf8("behind it")), { code: "write-timeout" });
  let over = false;
  void link.closed.then(() => over = true);
  await fixture.clock.advance(WRITE_LIMIT_MS - 1);
  assert.equal(over, false);
  await fixture.clock.advance(1);
  await Promise.all([failed, queued]);
  assert.equal((await link.closed).code, "write-timeout");
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("Link write has 5 s from the moment it gets the socket, not from the call", async () => {
  const fixture = new NetFixture({ capacity: 70_000 });
  const { link, peer } = await fixture.linkToRawPeer();
  const first = link.write(new Uint8Array(100_000));
  await settle();
  const second = link.write(new Uint8Array(100_000));
  await fixture.clock.advance(4_000);
  await peer.readOnce();
  await first;
  await fixture.clock.advance(4_000);
  await readUntilSettled(peer, second);
  await closeAll(fixture, link);
});

Deno.test("Link write fails with write-failed when the peer is gone", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  peer.stream.close();
  await assert.rejects(link.write(utf8("x")), {
    code: "write-failed",
    message: "write: broken pipe",
  });
  assert.equal((await link.closed).code, "write-failed");
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("Link never mixes the bytes of 1000 concurrent writes", async () => {
  const fixture = new NetFixture({ capacity: 3_000, cut: () => 1_337 });
  const { link, peer } = await fixture.linkToRawPeer();
  const payloads = Array.from({ length: 1_000 }, (_, n) => utf8(`${n}:${"x".repeat(n % 97)}`));
  const frames = new FrameDecoder();
  const writing = Promise.all(payloads.map(async (payload, n) => {
    if (n % 3 === 0) await Promise.resolve();
    if (n % 7 === 0) await settle();
    await link.write(encodeFrame(payload));
  })).then(() => link.close());
  await readInto(peer);
  await writing;
  const got = frames.push(Uint8Array.from(peer.received)).map((event) => {
    assert.ok(event.kind === "frame");
    return utf8Text(event.payload);
  });
  assert.deepEqual(got.toSorted(), payloads.map((payload) => utf8Text(payload)).toSorted());
});

Deno.test("Link joins writes that wait into few records, in the order of the calls", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  const writes = Array.from({ length: 100 }, (_, n) => link.write(Uint8Array.of(n)));
  assert.equal(link.backlog, 100);
  await Promise.all(writes);
  assert.equal(link.backlog, 0);
  await peer.readOnce();
  assert.deepEqual(peer.received, Array.from({ length: 100 }, (_, n) => n));
  assert.equal(peer.wireBytes, EMPTY_RECORD + 100, "one record");
  await closeAll(fixture, link);
});

Deno.test("Link write of no bytes sends nothing", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  await link.write(new Uint8Array(0));
  link.close();
  await readInto(peer);
  assert.equal(peer.wireBytes, 0);
});

Deno.test("Link refuses a write above the backlog limit and lives on", async () => {
  const fixture = new NetFixture({ capacity: 1_000 });
  const { link, peer } = await fixture.linkToRawPeer();
  const whole = link.write(new Uint8Array(BACKLOG_LIMIT_BYTES - 10));
  await link.write(new Uint8Array(11)).then(
    () => assert.fail("it was taken"),
    (error) => {
      assert.ok(error instanceof LinkError);
      assert.equal(error.code, "backlog-full");
    },
  );
  await readUntilSettled(peer, whole);
  assert.equal(peer.received.length, BACKLOG_LIMIT_BYTES - 10);
  await closeAll(fixture, link);
});

Deno.test("Link stops reading while its own backlog is high, and goes on when drained", async () => {
  const fixture = new NetFixture({ capacity: 20_000 });
  const { link, peer } = await fixture.linkToRawPeer();
  const got: string[] = [];
  void link.serve((bytes) => void got.push(utf8Text(bytes)));
  await settle();
  const writing = link.write(new Uint8Array(HIGH_WATER_BYTES + 50_000));
  await peer.send("a");
  await until(() => got.length === 1);
  await peer.send("b");
  await settle();
  assert.deepEqual(got, ["a"], "the read that was under way is the last one");
  await readUntilSettled(peer, writing);
  await until(() => got.length === 2);
  await closeAll(fixture, link);
});

Deno.test("Link reads on only when the handler's promise settles", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  const gate = Promise.withResolvers<void>();
  const got: string[] = [];
  void link.serve(async (bytes) => {
    got.push(utf8Text(bytes));
    await gate.promise;
  });
  await peer.send("a");
  await peer.send("b");
  await settle();
  assert.deepEqual(got, ["a"]);
  gate.resolve();
  await until(() => got.length === 2);
  await closeAll(fixture, link);
});

Deno.test("Link serve closes the link and throws what the handler throws", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  const serving = link.serve(() => {
    throw new RangeError("handler");
  });
  await peer.send("x");
  await assert.rejects(serving, { name: "RangeError" });
  assert.equal((await link.closed).message, "handler");
  await assert.rejects(link.serve(() => {}), { name: "TypeError" });
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("Link serve ends in order when the handler waits for a write that fails", async () => {
  const fixture = new NetFixture({ capacity: 1_000 });
  const { link, peer } = await fixture.linkToRawPeer();
  const serving = link.serve(() => link.write(new Uint8Array(5_000)));
  await peer.send("x");
  await settle();
  await fixture.clock.advance(WRITE_LIMIT_MS);
  assert.equal((await serving).code, "write-timeout");
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("Link sends an empty record after 15 s of its own silence, which peers skip", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  const reading = readInto(peer);
  await fixture.clock.advance(10_000);
  await link.write(utf8("x"));
  await until(() => peer.received.length === 1);
  const before = peer.wireBytes;
  await fixture.clock.advance(IDLE_RECORD_MS - 1);
  assert.equal(peer.wireBytes, before, "the write put it off");
  await fixture.clock.advance(1);
  assert.equal(peer.wireBytes, before + EMPTY_RECORD);
  await fixture.clock.advance(IDLE_RECORD_MS * 3);
  assert.equal(peer.wireBytes, before + EMPTY_RECORD * 4);
  assert.deepEqual(peer.received, [...utf8("x")], "no bytes for the layer above");
  await closeAll(fixture, link);
  await reading;
});

Deno.test("Link notices by its empty record that the peer is gone", async () => {
  const fixture = new NetFixture();
  const { link, peer } = await fixture.linkToRawPeer();
  peer.stream.close();
  await fixture.clock.advance(IDLE_RECORD_MS);
  assert.equal((await link.closed).code, "write-failed");
  assert.equal(fixture.clock.pending, 0);
});

Deno.test("Link moves bulk data through growing buffers unharmed", async () => {
  const fixture = new NetFixture({ capacity: 1 << 20 });
  const { link, peer } = await fixture.linkToRawPeer();
  const data = Uint8Array.from({ length: 900_000 }, (_, index) => (index * 7 + (index >> 9)) & 255);
  const got: Uint8Array[] = [];
  let length = 0;
  void link.serve((bytes) => {
    got.push(bytes.slice());
    length += bytes.length;
  });
  await peer.stream.write(peer.session.seal(data));
  await until(() => length === data.length);
  let at = 0;
  for (const bytes of got) {
    assert.deepEqual(bytes, data.subarray(at, at + bytes.length));
    at += bytes.length;
  }
  await closeAll(fixture, link);
});

async function readUntilSettled(peer: RawPeer, promise: Promise<void>): Promise<void> {
  let done = false;
  const settled = promise.finally(() => done = true);
  while (!done) {
    await peer.readOnce();
    await Promise.resolve();
    await Promise.resolve();
    if (!done) await settle();
  }
  await settled;
  // What the last write left in the stream.
  while (peer.session.pending > 0) await peer.readOnce();
}
