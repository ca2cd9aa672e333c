import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex, rfc3339 } from "#kit";
import { parseChannels } from "#events";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { ALICE, BOB, chatFixture, FakeChatLink } from "#support/fake_chat_link.ts";
import file from "../vectors/messages.json" with { type: "json" };

type Vector = (typeof file.vectors)[number];

/** Everything that can be observed after the bytes of an example arrived in these pieces. */
async function outcomeOf(vector: Vector, pieces: readonly Uint8Array[]) {
  const fixture = chatFixture({ clock: new ManualClock(BigInt(file.wall)) });
  const legacy = fixture.events.subscribeLegacy();
  const structured = fixture.events.subscribe({ channels: parseChannels("all"), since: 0 });
  const link = new FakeChatLink(vector.peer === "A" ? ALICE : BOB);
  const attached = fixture.chat.attach(link);
  for (const piece of pieces) await link.receive(piece);
  fixture.events.close();
  const fill = "fill" in vector && vector.fill ? "a".repeat(vector.fill.count) : undefined;
  const readable = (line: string) => {
    const minted = vector.sse.some((expected) => expected.includes("<minted>"));
    const hidden = minted ? line.replace(/"id":"[0-9a-f]{16}"/, '"id":"<minted>"') : line;
    return fill ? hidden.replace(fill, "<fill>") : hidden;
  };
  if (vector.ends === null) link.end();
  const { message: ends } = await attached;
  const { last_rx: _, ...counters } = fixture.chat.counters;
  return {
    written: link.payloads,
    sse: (await legacy.next()).map(readable),
    events: (await structured.next()).map(readable),
    log: fixture.lines.filter((line) => line.startsWith("INFO ")).map((line) => line.slice(5)),
    counters,
    ends,
  };
}

function expectedOf(vector: Vector) {
  const { written, events, log, ends } = vector;
  // The examples are from before messages of /sse had a time (http-api.md 5.3 allows it).
  const ts = rfc3339(BigInt(file.wall));
  const sse = vector.sse.map((line) =>
    line.startsWith('{"dir"') ? line.replace(/\}$/, `,"ts":"${ts}"}`) : line
  );
  const counters = {
    inbound_msg_count: events.length,
    outbound_msg_count: 0,
    inbound_drop_count: 1,
    outbound_fail_count: 0,
    outbound_retry_count: 0,
    outbound_fallback_count: 0,
    last_send: undefined,
  };
  return { written, sse, events, log, counters, ends: ends ?? "EOF" };
}

function wireOf(vector: Vector): Uint8Array {
  const wire = fromHex(vector.wire) ?? assert.fail("bad hex in the vector");
  const fill = "fill" in vector ? vector.fill : undefined;
  return fill ? concat(wire, new Uint8Array(fill.count).fill(0x61)) : wire;
}

/** Cuts where something may go wrong: everywhere, or near both ends of what is too long for that. */
function cutsOf(length: number): number[] {
  const all = Array.from({ length: length + 1 }, (_, index) => index);
  return length < 1_000 ? all : all.filter((cut) => cut < 12 || cut > length - 12);
}

for (const vector of file.vectors) {
  const wire = wireOf(vector);

  Deno.test(`example ${vector.name} (messages.md 12 check 1): ${vector.about}`, async () => {
    assert.deepEqual(await outcomeOf(vector, [wire]), expectedOf(vector));
  });

  Deno.test(`example ${vector.name} is the same however the bytes are cut (messages.md 12 check 1)`, async () => {
    const expected = expectedOf(vector);
    for (const cut of cutsOf(wire.length)) {
      const pieces = [wire.subarray(0, cut), wire.subarray(cut)];
      assert.deepEqual(await outcomeOf(vector, pieces), expected, `cut at ${cut}`);
    }
    const bytes = Array.from(wire, (byte) => Uint8Array.of(byte));
    assert.deepEqual(await outcomeOf(vector, bytes), expected, "byte by byte");
    const cuts = fc.uniqueArray(fc.nat(wire.length), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const sorted = [0, ...places.sort((a, b) => a - b), wire.length];
        const pieces = sorted.slice(1).map((end, index) => wire.subarray(sorted[index], end));
        assert.deepEqual(await outcomeOf(vector, pieces), expected);
      }),
      { numRuns: 20 },
    );
  });
}

Deno.test("examples E3 and E4 are the two halves of one exchange", async () => {
  const [message, ack] = ["E3", "E4"].map((name) => file.vectors.find((one) => one.name === name));
  assert.ok(message && ack);
  const ids = { bytes: () => fromHex("8077ca12ee05c806") ?? assert.fail() };
  const alice = chatFixture({ self: ALICE, random: ids });
  const link = alice.attach(BOB);
  const text = "hello from A over tcp-direct";
  const sending = alice.chat.send({ recipient: BOB, text, waitMs: 3_000 });
  await settle();
  assert.deepEqual(link.payloads.map((payload) => payload.length), [0x5c]);
  assert.equal(link.payloads[0], new TextDecoder().decode(wireOf(message).subarray(4)));
  await alice.clock.advance(2);
  await link.receive(wireOf(ack));
  assert.deepEqual(await sending, { kind: "acked", id: "8077ca12ee05c806", ms: 2 });
  assert.deepEqual((await alice.published()).map(({ dir, status }) => dir ?? status), [
    "out",
    "received",
  ]);
});
