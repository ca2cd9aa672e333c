import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8 } from "#kit";
import { FlightWindow } from "./flight_window.ts";
import { ackedMessage, ackedNumber, ReceiptBook } from "./messages.ts";
import { parseOptions } from "./options.ts";
import { figure, reported, type Row, table } from "./report.ts";
import { interleaved } from "./rounds.ts";
import { median, quantile, spread } from "./statistics.ts";
import { atLeastTimes, atMost, atMostAbove, atMostTimes } from "./targets.ts";

const samples = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 });

Deno.test("median is the middle sample, or the mean of the two middle ones", () => {
  assert.equal(median([3]), 3);
  assert.equal(median([10, 1, 2]), 2);
  assert.equal(median([10, 1, 2, 4]), 3);
  assert.throws(() => median([]), RangeError);
});

Deno.test("median has as many samples on either side and leaves their order alone", () => {
  fc.assert(
    fc.property(samples, (list) => {
      const before = [...list];
      const middle = median(list);
      assert.deepEqual(list, before);
      assert.ok(list.filter((sample) => sample < middle).length <= list.length / 2);
      assert.ok(list.filter((sample) => sample > middle).length <= list.length / 2);
    }),
    { numRuns: 100 },
  );
});

Deno.test("quantile is the smallest sample that enough of the others do not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(quantile(hundred, 0.99), 99);
  assert.equal(quantile(hundred, 1), 100);
  assert.equal(quantile(hundred, 0.001), 1);
  assert.equal(quantile([7], 0.99), 7);
  for (const share of [0, -1, 1.01, NaN]) assert.throws(() => quantile([1], share), RangeError);
});

Deno.test("spread is the distance of the extremes in medians", () => {
  assert.equal(spread([10, 10, 10]), 0);
  assert.equal(spread([8, 10, 13]), 0.5);
});

Deno.test("targets compare with the floor of the same run", () => {
  assert.deepEqual([atMostTimes(1.25).met(125, 100), atMostTimes(1.25).met(126, 100)], [
    true,
    false,
  ]);
  assert.deepEqual([atLeastTimes(0.5).met(50, 100), atLeastTimes(0.5).met(49, 100)], [true, false]);
  assert.deepEqual([atMostAbove(1.5).met(4.5, 3), atMostAbove(1.5).met(4.6, 3)], [true, false]);
  assert.deepEqual([atMost(0).met(0, NaN), atMost(0).met(1, NaN)], [true, false]);
});

Deno.test("reported works out ratio and verdict, and says null for what there is not", () => {
  const row: Row = {
    name: "a",
    value: 30,
    unit: "us",
    floor: { name: "bare", value: 20 },
    target: atMostTimes(1.25),
    spread: 0.1,
  };
  const full = reported("part", row);
  assert.deepEqual([full.ratio, full.target, full.met], [1.5, "<= 1.25 x", false]);
  const bare = reported("part", { name: "b", value: 1, unit: "" });
  assert.deepEqual([bare.ratio, bare.floor, bare.target, bare.met, bare.spread, bare.note], [
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
  assert.equal(reported("part", { ...row, value: NaN }).met, false);
});

Deno.test("table aligns its columns and says what is not met", () => {
  const lines = table([
    reported("one", {
      name: "short",
      value: 41_100,
      unit: "/s",
      floor: { name: "bare", value: 348_000 },
      target: atLeastTimes(0.2),
    }),
    reported("one", { name: "much longer", value: 0.53, unit: "ms", note: "why" }),
  ]).split("\n");
  assert.equal(lines.length, 3);
  const [heading = "", first = "", second = ""] = lines;
  assert.match(first, /41,100 +\/s +348,000 +0\.12 +>= 0\.2 x +NOT MET +floor: bare$/);
  assert.match(second, /0\.53 +ms +why$/);
  const end = first.indexOf("41,100") + "41,100".length;
  assert.equal(heading.indexOf("value") + "value".length, end);
  assert.equal(second.indexOf("0.53") + "0.53".length, end);
});

Deno.test("figure keeps three digits that say something", () => {
  const shown = [0, 0.534, 7.33, 45.84, 157.4, 1_982, 6_714_321, NaN, Infinity].map(figure);
  assert.deepEqual(shown, [
    "0",
    "0.53",
    "7.33",
    "45.8",
    "157",
    "1,980",
    "6,710,000",
    "-",
    "-",
  ]);
});

Deno.test("interleaved gives every measurement its turn in every round", async () => {
  const order: string[] = [];
  const samples = await interleaved(2, {
    floor: () => order.push("floor"),
    product: () => Promise.resolve(order.push("product")),
  });
  assert.deepEqual(order, ["floor", "product", "floor", "product"]);
  assert.deepEqual(samples, { floor: [1, 3], product: [2, 4] });
});

Deno.test("FlightWindow makes the sender wait until half of it is free", async () => {
  const window = new FlightWindow(10);
  assert.equal(await window.room(), 10);
  window.sent(10);
  let room = 0;
  const waiting = window.room().then((free) => room = free);
  window.landed(4);
  await Promise.resolve();
  assert.equal(room, 0);
  window.landed(1);
  await waiting;
  assert.equal(room, 5);
});

Deno.test("ReceiptBook counts what is lost, doubled or not asked for", () => {
  const book = new ReceiptBook(5, 3);
  const ack = (id: string) => utf8(`{"type":"chat-ack","id":"${id.padStart(16, "0")}"}`);
  book.take(ack("5"));
  book.take(ack("6"));
  assert.deepEqual([book.received, book.faults], [2, 1]);
  book.take(ack("7"));
  assert.equal(book.faults, 0);
  book.take(ack("7"));
  book.take(ack("4"));
  book.take(utf8("hello"));
  assert.deepEqual([book.received, book.faults], [3, 3]);
});

Deno.test("ackedMessage and ackedNumber speak of the same id", () => {
  const message = JSON.parse(new TextDecoder().decode(ackedMessage(255, "hi")));
  assert.deepEqual(message, { type: "chat-msg", id: "00000000000000ff", body: "hi", ack: true });
  assert.equal(ackedNumber(utf8('{"type":"chat-ack","id":"00000000000000ff"}')), 255);
  assert.equal(ackedNumber(utf8("text")), undefined);
});

Deno.test("parseOptions takes every flag and refuses what it does not know", () => {
  const parts = ["rtt", "sse"];
  assert.deepEqual(parseOptions(["--json", "--out=f", "--only", "rtt,sse"], parts), {
    json: true,
    quick: false,
    out: "f",
    only: new Set(["rtt", "sse"]),
  });
  assert.equal(parseOptions(["--only", "cxo"], parts), 'Cannot run "cxo": the parts are rtt, sse');
  const asked = parseOptions(["--records", "1000000"], parts);
  assert.ok(typeof asked === "object" && asked.records === 1_000_000);
  assert.match(String(parseOptions(["--records=1e6"], parts)), /^Cannot fill the store/);
  assert.equal(parseOptions(["--fast"], parts), 'Cannot use option "--fast"');
  assert.equal(parseOptions(["--help"], parts), "");
  assert.equal(
    parseOptions(["--out"], parts),
    "Cannot write the report: --out needs a file name",
  );
});
