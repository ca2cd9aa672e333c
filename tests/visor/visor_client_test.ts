import assert from "node:assert/strict";
import { GobDecoder, GobFault, GobReader, ProcKey, VisorError } from "#visor";
import { encodeHello } from "../../lib/visor/hello.ts";
import { MAX_VISOR_BACKLOG_BYTES } from "../../lib/visor/outgoing_bytes.ts";
import { VisorCalls } from "../../lib/visor/visor_calls.ts";
import { VisorClient } from "../../lib/visor/visor_client.ts";
import { REQUEST } from "../../lib/visor/visor_types.ts";
import { HandStream } from "#support/hand_stream.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";

const procKey = ProcKey.parse("000102030405060708090a0b0c0d0e0f") ?? assert.fail();
const WRITE_BYTES = 65_000;
/** Writes that fill the backlog. */
const FILLING = Math.ceil(MAX_VISOR_BACKLOG_BYTES / WRITE_BYTES);

/** A client whose backlog is full: none of its calls is ever answered. */
function fullClient() {
  const stream = new HandStream();
  const client = new VisorClient(stream, procKey);
  const calls = new VisorCalls(client, new ManualClock());
  const ends: Promise<string>[] = [];
  /** Notes how a call ends. */
  const note = (call: Promise<unknown>) =>
    void ends.push(
      call.then(
        () => "answered",
        (error) => error instanceof VisorError ? error.code : String(error),
      ),
    );
  for (let conn = 0; conn < FILLING; conn++) note(calls.write(conn, new Uint8Array(WRITE_BYTES)));
  return { stream, client, calls, ends, note };
}

/** Methods that were called on a stream, in order. */
function methodsIn({ bytes }: HandStream): string[] {
  const values = new GobDecoder().push(bytes.subarray(encodeHello(procKey).length));
  return values.filter((_, index) => index % 2 === 0).map((value) => {
    if (value instanceof GobFault) throw value;
    return new GobReader(value, REQUEST).text("ServiceMethod").replace(/.*\./, "");
  });
}

/** Has the stream take everything. */
async function takeAll(stream: HandStream): Promise<void> {
  for (let writes = -1; writes !== stream.writes.length;) {
    writes = stream.writes.length;
    stream.take();
    await settle();
  }
}

Deno.test("VisorClient: a write that has to wait goes out once bytes were taken, without any answer", async () => {
  const { stream, client, calls, ends, note } = fullClient();
  note(calls.write(900, new Uint8Array(WRITE_BYTES)));
  note(calls.read(1, 10));
  note(calls.accept(1));
  await settle();
  await takeAll(stream);
  const methods = methodsIn(stream);
  assert.deepEqual(methods.filter((method) => method !== "Write"), ["Read", "Accept"]);
  assert.equal(methods.length, FILLING + 3);
  assert.equal(methods.at(-1), "Write", "it had not to wait");
  client.close();
  assert.deepEqual(new Set(await Promise.all(ends)), new Set(["closed"]));
});

Deno.test("VisorClient: a write that is taken back while it waits is never sent", async () => {
  const { stream, client, calls, ends, note } = fullClient();
  const stop = new AbortController();
  note(calls.write(900, new Uint8Array(WRITE_BYTES), stop.signal));
  await settle();
  stop.abort();
  assert.equal(await ends.at(-1), "aborted");
  await takeAll(stream);
  assert.equal(methodsIn(stream).length, FILLING);
  client.close();
  await Promise.all(ends);
});

Deno.test("VisorClient: calls that wait fail with the end of the connection, like those that were sent", async () => {
  const { client, calls, ends, note } = fullClient();
  note(calls.write(900, new Uint8Array(WRITE_BYTES)));
  client.close();
  note(calls.write(901, new Uint8Array(WRITE_BYTES)));
  assert.deepEqual(new Set(await Promise.all(ends)), new Set(["closed"]));
});
