import assert from "node:assert/strict";
import { PublicKey } from "#crypto";
import { fromHex, toHex, utf8, utf8Text } from "#kit";
import { type ByteStream, MemoryStream } from "#net";
import { GobDecoder, GobFault, type GobReceived, gobTime, ProcKey } from "#visor";
import { encodeHello } from "../../lib/visor/hello.ts";
import { VisorCalls } from "../../lib/visor/visor_calls.ts";
import { VisorClient } from "../../lib/visor/visor_client.ts";
import { ManualClock } from "#support/manual_clock.ts";
import vectors from "../vectors/visor.json" with { type: "json" };
import { asJson } from "../visor/gob_vectors.ts";
import { DEADLINE_REQ } from "../visor/other_types.ts";

const VISOR = PublicKey.parse(vectors.keys.visor_pk);
/** The write deadline of the recording, seconds since 1970: its octets, which count from year 1. */
const RECORDED_SECONDS = 0x0f6a371a80n - 62_135_596_800n;

type Session = (typeof vectors.sessions)[number];

/** The app's side of the connection as values, read one by one. */
class AppValues {
  readonly #stream: ByteStream;
  readonly #decoder = new GobDecoder();
  readonly #values: GobReceived[] = [];

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  async exactly(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      at += await this.#stream.read(bytes.subarray(at)) ?? assert.fail("the app hung up");
    }
    return bytes;
  }

  async next(): Promise<GobReceived> {
    const buffer = new Uint8Array(4_096);
    for (;;) {
      const value = this.#values.shift();
      if (value !== undefined) return value;
      const count = await this.#stream.read(buffer) ?? assert.fail("the app hung up");
      for (const found of this.#decoder.push(buffer.subarray(0, count))) {
        if (found instanceof GobFault) throw found;
        this.#values.push(found);
      }
    }
  }
}

/** Plays the visor's side of a recording, and compares what the app sends with the recording. */
async function playVisor(stream: ByteStream, { frames }: Session): Promise<void> {
  const app = new AppValues(stream);
  for (const frame of frames) {
    const hex = fromHex(frame.hex) ?? assert.fail("not hex");
    if (frame.dir === "visor>app") await stream.write(hex);
    else if (frame.kind === "hello") {
      assert.equal(toHex(await app.exactly(hex.length)), frame.hex);
    } else if (frame.kind === "value") {
      assert.deepEqual(asJson(await app.next()), frame.value);
    }
  }
}

/** A client attached to a recording. */
function attach(name: string): { calls: VisorCalls; client: VisorClient; played: Promise<void> } {
  const session = vectors.sessions.find((one) => one.name === name) ?? assert.fail(name);
  const [ours, theirs] = MemoryStream.pair(["127.0.0.1:1", "127.0.0.1:2"], { cut: () => 3 });
  const hello = fromHex(session.frames[0]?.hex ?? "") ?? assert.fail("no hello");
  const key = ProcKey.parse(JSON.parse(utf8Text(hello.subarray(2))).proc_key);
  assert.ok(key);
  assert.deepEqual(encodeHello(key), hello);
  const client = new VisorClient(ours, key);
  return {
    client,
    calls: new VisorCalls(client, new ManualClock()),
    played: playVisor(theirs, session),
  };
}

/** Reads one frame as upstream does: the length, then the rest. */
async function readFrame(calls: VisorCalls, connId: number): Promise<string> {
  const { bytes } = await calls.read(connId, 4);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return utf8Text((await calls.read(connId, length)).bytes);
}

/** Writes one frame as upstream does: the length, then the rest. */
async function writeFrame(calls: VisorCalls, connId: number, text: string): Promise<void> {
  const payload = utf8(text);
  const header = new Uint8Array(4);
  new DataView(header.buffer).setUint32(0, payload.length);
  assert.deepEqual(await calls.write(connId, header), { count: 4, failure: undefined });
  assert.equal((await calls.write(connId, payload)).count, payload.length);
}

async function receiveAndAcknowledge(calls: VisorCalls, connId: number): Promise<string> {
  const message = JSON.parse(await readFrame(calls, connId));
  await writeFrame(calls, connId, JSON.stringify({ type: "chat-ack", id: message.id }));
  const { bytes, failure } = await calls.read(connId, 4);
  assert.deepEqual([bytes.length, failure], [0, { kind: "eof", text: "EOF" }]);
  await calls.closeConn(connId);
  return message.body;
}

Deno.test("recorded session of an acceptor: the same calls in the same order, the answers understood", async () => {
  const { calls, client, played } = attach("acceptor");
  await calls.setAppPort(1);
  const ids = [];
  for (const net of ["skynet", "dmsg"]) {
    ids.push(await calls.listen({ net, key: VISOR, port: 1 }));
  }
  assert.deepEqual(ids, [1, 2]);
  await calls.setDetailedStatus("Running");
  const [skynet, dmsg] = [calls.accept(1), calls.accept(2)];
  assert.deepEqual(await skynet, { connId: 1, peer: VISOR });
  const ended = [calls.accept(1)];
  assert.equal(await receiveAndAcknowledge(calls, 1), "hello over skynet");
  assert.deepEqual(await dmsg, { connId: 2, peer: VISOR });
  ended.push(calls.accept(2));
  assert.equal(await receiveAndAcknowledge(calls, 2), "hello over dmsg");
  await calls.setDetailedStatus("Stopped");
  for (const [index, accepting] of ended.entries()) {
    const failed = assert.rejects(accepting, { message: "listening on closed connection" });
    await calls.closeListener(index + 1);
    await failed;
  }
  await played;
  assert.ok(client.connected);
  client.close();
});

Deno.test("recorded session of a dialler: the same calls in the same order, the answers understood", async () => {
  const { calls, client, played } = attach("dialer");
  await calls.setDetailedStatus("Running");
  for (const [index, net] of ["skynet", "dmsg"].entries()) {
    const { connId } = await calls.dial({ net, key: VISOR, port: 1 });
    assert.equal(connId, index + 1);
    const Deadline = gobTime(RECORDED_SECONDS * 1_000_000_000n);
    await client.call("SetWriteDeadline", DEADLINE_REQ, { ConnID: connId, Deadline });
    await writeFrame(calls, connId, recordedMessage(net));
    await client.call("SetWriteDeadline", DEADLINE_REQ, { ConnID: connId });
    assert.equal(JSON.parse(await readFrame(calls, connId)).type, "chat-ack");
    await calls.closeConn(connId);
  }
  await played;
  client.close();
});

/** The message that the recording sends over a network. */
function recordedMessage(net: string): string {
  const body = `hello over ${net}`;
  return JSON.stringify({ type: "chat-msg", id: "00112233aabbccdd", body, ack: true });
}

Deno.test("a recording that was changed is noticed", async () => {
  const { calls, client, played } = attach("dialer");
  const noticed = assert.rejects(played);
  calls.setDetailedStatus("Walking").catch(() => {});
  await noticed;
  client.close();
});
