import assert from "node:assert/strict";
import fc from "fast-check";
import type { MessageEvent } from "#events";
import { utf8Text } from "#kit";
import type { HistoryRecord } from "#store";
import { FieldError, FieldReader, FieldWriter } from "../../lib/store/byte_fields.ts";
import {
  decodeBlock,
  decodeEvent,
  encodeBlock,
  encodeEvent,
  eventWall,
} from "../../lib/store/event_block.ts";
import {
  decodeGroupRecord,
  encodeGroupRecord,
  groupRecordSentAt,
  groupRecordTime,
} from "../../lib/store/group_codec.ts";
import { decodeRecord, encodeRecord } from "../../lib/store/record_codec.ts";
import { formatTimestamp, parseTimestamp } from "../../lib/store/timestamp.ts";
import { piecesOf } from "../../lib/store/whole_rows.ts";
import { messageWith, peerNumber } from "#support/stored_messages.ts";

const ANN = peerNumber(1);
const RUNS = { numRuns: 150 };
const text = fc.string({ unit: "grapheme", maxLength: 30 });
const name = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
  fc.stringMatching(/^([0-9a-f]{2}){1,10}$/),
);
const nanos = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n });
const shift = fc.bigInt({ min: 0n, max: 100_000n });

const record = fc.record({
  peer: fc.constant(ANN),
  from: fc.constantFrom(ANN, peerNumber(2)),
  outgoing: fc.boolean(),
  text,
  id: name,
  reply_to: name,
  file_id: name,
  file_size: fc.integer({ min: 1, max: 2 ** 40 }),
  file_url: name,
}, { requiredKeys: ["peer", "outgoing", "text"] });

Deno.test("record codec gives back every record, its time and its order of keys", () => {
  fc.assert(
    fc.property(record, nanos, shift, (fields, time, moved) => {
      const { peer, from, outgoing, text, ...rest } = fields;
      const full: HistoryRecord = {
        peer,
        ...(from === undefined ? {} : { from }),
        outgoing,
        text,
        timestamp: formatTimestamp(time),
        ...rest,
      };
      const key = time + moved;
      const bytes = encodeRecord(full, { peer, key, time });
      assert.deepEqual(decodeRecord(bytes, { peer, key }), full);
    }),
    RUNS,
  );
});

Deno.test("record codec takes 40 bytes for a short message, not the 230 of JSON", () => {
  const short: HistoryRecord = {
    peer: ANN,
    from: ANN,
    outgoing: false,
    text: "x".repeat(28),
    timestamp: formatTimestamp(5n),
    id: "8077ca12ee05c806",
  };
  assert.equal(encodeRecord(short, { peer: ANN, key: 5n, time: 5n }).length, 39);
});

Deno.test("record codec never throws on hostile bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const found = decodeRecord(bytes, { peer: ANN, key: 5n });
      assert.ok(found === undefined || found.peer === ANN);
      const group = decodeGroupRecord(bytes, { group: "g", at: 5n });
      assert.ok(group === undefined || group.group_id === "g");
      assert.ok(group === undefined || groupRecordTime(bytes, 5n) !== undefined);
      assert.ok(group === undefined || groupRecordSentAt(bytes, 5n) !== undefined);
    }),
    RUNS,
  );
  for (const extra of ["null", "7", "[]", "{"]) {
    const bytes = new FieldWriter().byte(4).text("a").text(undefined).text(extra).finish();
    const found = decodeRecord(bytes, { peer: ANN, key: 5n });
    assert.ok(extra === "[]" || found === undefined, extra);
  }
});

Deno.test("group codec gives back every record", () => {
  fc.assert(
    fc.property(fc.boolean(), text, nanos, shift, (outgoing, body, time, moved) => {
      const full = {
        group_id: "g",
        sender_pk: ANN,
        outgoing,
        text: body,
        timestamp: formatTimestamp(time),
      };
      const at = time + moved;
      const bytes = encodeGroupRecord(full, { at, time, sentAt: time });
      assert.deepEqual(decodeGroupRecord(bytes, { group: "g", at }), full);
      assert.deepEqual([groupRecordTime(bytes, at), groupRecordSentAt(bytes, at)], [time, time]);
      // The form that programs before authors' times wrote, and read.
      const old = new FieldWriter().byte(outgoing ? 1 : 0).number(Number(moved)).text(ANN).rest(
        body,
      );
      assert.deepEqual(bytes, old.finish());
    }),
    RUNS,
  );
});

Deno.test("group codec keeps the author's time where it is another one, and older programs read on", () => {
  fc.assert(
    fc.property(fc.boolean(), text, nanos, nanos, shift, (outgoing, body, time, sentAt, moved) => {
      fc.pre(time !== sentAt);
      const full = {
        group_id: "g",
        sender_pk: ANN,
        outgoing,
        text: body,
        timestamp: formatTimestamp(time),
      };
      const at = time + moved;
      const bytes = encodeGroupRecord(full, { at, time, sentAt });
      assert.deepEqual(decodeGroupRecord(bytes, { group: "g", at }), full);
      assert.deepEqual([groupRecordTime(bytes, at), groupRecordSentAt(bytes, at)], [time, sentAt]);
      const older = new FieldReader(bytes);
      assert.equal(older.byte() & 1, outgoing ? 1 : 0);
      assert.deepEqual([older.number(), older.text()], [Number(moved), ANN]);
      assert.equal(utf8Text(older.rest().slice(0, -8)), body);
    }),
    RUNS,
  );
  for (const bytes of [[2], [2, 0], [2, 0, 0], [2, 0, 0, 1, 2, 3, 4, 5, 6, 7]]) {
    assert.equal(decodeGroupRecord(new Uint8Array(bytes), { group: "g", at: 5n }), undefined);
  }
});

const event = fc.record({
  direction: fc.constantFrom("in" as const, "out" as const),
  id: name,
  network: fc.constantFrom("tcp-direct", "cxo"),
  sender: fc.constantFrom(ANN, peerNumber(2)),
  to: name,
  text,
  length: fc.nat(),
  replyTo: name,
  request: fc.constant(true),
  channel: fc.constantFrom("dm" as const, "group" as const, "pair" as const, "system" as const),
  groupId: name,
  wall: nanos,
  sentAt: nanos,
  listed: fc.constant(false as const),
}, {
  requiredKeys: ["direction", "id", "network", "sender", "text", "length", "channel", "wall"],
  noNullPrototype: true,
});

Deno.test("event codec gives back every event, alone and in blocks with gaps", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.integer({ min: 1, max: 500 })), { maxLength: 9 }), (
      events,
    ) => {
      let seq = 0;
      const entries = events.map(([one, step]) => ({
        seq: seq += step,
        bytes: encodeEvent(one as MessageEvent),
      }));
      const read = decodeBlock(encodeBlock(entries));
      assert.deepEqual(read.map((entry) => entry.seq), entries.map((entry) => entry.seq));
      assert.deepEqual(read.map(({ bytes }) => decodeEvent(bytes)), events.map(([one]) => one));
    }),
    RUNS,
  );
});

Deno.test("event codec throws its own error only on hostile bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const read of [decodeBlock, decodeEvent]) {
        try {
          read(bytes);
        } catch (error) {
          assert.ok(error instanceof FieldError);
        }
      }
    }),
    RUNS,
  );
});

Deno.test("FieldReader gives back what FieldWriter wrote", () => {
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(number, nanos, fc.uint8Array(), fc.option(text, { nil: undefined }), (
      count,
      long,
      bytes,
      body,
    ) => {
      const written = new FieldWriter().number(count).long(long).text(body).block(bytes)
        .raw(bytes).finish();
      // Nothing hangs on to a larger buffer: a database would store all of it.
      assert.equal(written.buffer.byteLength, written.length);
      const reader = new FieldReader(written);
      assert.deepEqual([reader.number(), reader.long(), reader.text()], [count, long, body]);
      assert.deepEqual([...reader.block()], [...bytes]);
      assert.deepEqual([...reader.rest()], [...bytes]);
      assert.ok(reader.done);
    }),
    RUNS,
  );
});

Deno.test("FieldWriter keeps values apart that are written at the same time, or are large", () => {
  const first = new FieldWriter().text("first");
  const large = "ü".repeat(50_000);
  const second = new FieldWriter().text(large).text("0a");
  first.text("still first");
  const [one, two] = [new FieldReader(first.finish()), new FieldReader(second.finish())];
  assert.deepEqual([one.text(), one.text(), one.done], ["first", "still first", true]);
  assert.deepEqual([two.text(), two.text(), two.done], [large, "0a", true]);
  assert.equal(new FieldWriter().finish().length, 0);
});

Deno.test("FieldWriter writes a last text without its length, and half a pair as U+FFFD", () => {
  const reader = new FieldReader(new FieldWriter().text("a\ud800").rest("é\udc00").finish());
  assert.equal(reader.text(), "a\ufffd");
  assert.equal(new TextDecoder().decode(reader.rest()), "é\ufffd");
});

Deno.test("eventWall reads the time that decodeEvent reads", () => {
  fc.assert(
    fc.property(nanos, (wall) => {
      assert.equal(eventWall(encodeEvent(messageWith(peerNumber(1), { wall }))), wall);
    }),
    RUNS,
  );
});

Deno.test("FieldReader refuses numbers beyond 2^53 and fields that end early", () => {
  assert.throws(() => new FieldReader(new Uint8Array(9).fill(255)).number(), FieldError);
  assert.throws(() => new FieldReader(Uint8Array.of(5, 1)).block(), FieldError);
  assert.throws(() => new FieldReader(new Uint8Array(7)).long(), FieldError);
});

Deno.test("piecesOf cuts into arrays of their own that make up the whole", () => {
  for (const length of [0, 1, 60_000, 60_001, 200_000]) {
    const whole = new Uint8Array(length).map((_, at) => at % 251);
    const pieces = piecesOf(whole);
    assert.deepEqual(pieces.flatMap((piece) => [...piece]), [...whole]);
    assert.equal(pieces.length, Math.max(1, Math.ceil(length / 60_000)));
    for (const piece of pieces) assert.equal(piece.buffer.byteLength, piece.length);
  }
});

Deno.test("parseTimestamp is the inverse of formatTimestamp, before 1970 too", () => {
  fc.assert(
    fc.property(nanos, (time) => assert.equal(parseTimestamp(formatTimestamp(time)), time)),
    RUNS,
  );
});

Deno.test("parseTimestamp reads zones, cuts further digits and refuses the rest", () => {
  const utc = parseTimestamp("2026-09-08T10:00:00.123456789Z");
  assert.equal(utc?.toString(16), "18d35025c3b20d15");
  for (
    const same of ["2026-09-08T12:30:00.1234567899+02:30", "2026-09-08t05:00:00.123456789-05:00"]
  ) assert.equal(parseTimestamp(same), utc, same);
  for (
    const wrong of [
      "",
      "2026-09-08",
      "2026-09-08T10:00:00",
      "2026-13-08T10:00:00Z",
      "2026-09-08T25:00:00Z",
      "2026-09-08T10:00:00.Z",
      "2026-09-08T10:00:00+24:00",
      "9999-01-01T00:00:00Z",
      "0001-01-01T00:00:00Z",
      " 2026-09-08T10:00:00Z",
    ]
  ) assert.equal(parseTimestamp(wrong), undefined, wrong);
});
