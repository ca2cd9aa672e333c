import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "#kit";
import { GobEncoder, type GobType, gobUint, MAX_VISOR_TEXT_UNITS, ProcKey } from "#visor";
import { Rpc, type RpcEvent } from "../../lib/visor/rpc.ts";
import { ADDR, EMPTY, RESPONSE, STRING, UINT } from "../../lib/visor/visor_types.ts";

const KEY_TEXT = "000102030405060708090a0b0c0d0e0f";
const procKey = ProcKey.parse(KEY_TEXT);
assert.ok(procKey);

/** Calls that wait, and a visor that answers them by hand. */
function scene(calls: number): {
  rpc: Rpc;
  answer: (seq: number | bigint, result: number | { readonly error: string }) => Uint8Array;
} {
  const rpc = new Rpc(procKey ?? assert.fail());
  for (let index = 0; index < calls; index++) rpc.call("Accept", UINT, 1);
  const encoder = new GobEncoder({ firstId: 90 });
  return {
    rpc,
    answer: (seq, result) => {
      const failed = typeof result !== "number";
      const header = { ServiceMethod: "x", Seq: seq, Error: failed ? result.error : "" };
      const body = failed ? encoder.encode(EMPTY, {}) : encoder.encode(UINT, result);
      return concat(encoder.encode(RESPONSE, header), body);
    },
  };
}

/** Events as short texts. */
function told(events: readonly RpcEvent[]): string[] {
  return events.map((event) => {
    if (event.kind === "fault") return `fault: ${event.message}`;
    const { seq, outcome } = event;
    return `${seq}: ${outcome.ok ? gobUint(outcome.result) : outcome.error}`;
  });
}

Deno.test("Rpc numbers calls from 0 and describes types once", () => {
  const rpc = new Rpc(procKey);
  const first = rpc.call("Listen", ADDR, { Net: "skynet", Port: 1 });
  const second = rpc.call("Listen", ADDR, { Net: "skynet", Port: 1 });
  assert.deepEqual([first.seq, second.seq, rpc.waiting], [0, 1, 2]);
  assert.ok(concat(...second.halves).length < concat(...first.halves).length - 100);
});

Deno.test("Rpc matches answers that come out of order by their numbers", () => {
  const { rpc, answer } = scene(3);
  const bytes = concat(answer(2, 22), answer(0, 20), answer(1, 21));
  assert.deepEqual(told(rpc.push(bytes)), ["2: 22", "0: 20", "1: 21"]);
  assert.equal(rpc.waiting, 0);
});

Deno.test("Rpc reads over answers to calls that were never made or are answered already", () => {
  const { rpc, answer } = scene(1);
  const bytes = concat(
    answer(7, 1),
    answer(2n ** 64n - 1n, { error: "no" }),
    answer(0, 5),
    answer(0, 6),
  );
  assert.deepEqual(told(rpc.push(bytes)), ["0: 5"]);
});

Deno.test("Rpc gives the text of an error header, without the proc key and not too long", () => {
  const { rpc, answer } = scene(2);
  const first = answer(0, { error: `rpc: can't find method ${KEY_TEXT}.Notify` });
  assert.deepEqual(told(rpc.push(first)), ["0: rpc: can't find method <proc key>.Notify"]);
  const [event] = rpc.push(answer(1, { error: "x".repeat(100_000) }));
  assert.ok(event?.kind === "answer" && !event.outcome.ok);
  assert.equal(event.outcome.error.length, MAX_VISOR_TEXT_UNITS + 1);
});

Deno.test("Rpc cuts a text between characters", () => {
  const { rpc } = scene(0);
  const text = rpc.words(`x${"\u{1f600}".repeat(MAX_VISOR_TEXT_UNITS)}`);
  assert.ok(text.isWellFormed());
  assert.ok(text.length <= MAX_VISOR_TEXT_UNITS + 1);
});

Deno.test("Rpc keeps the proc key out of the text of a fault", () => {
  const { rpc } = scene(1);
  const named: GobType = {
    kind: "struct",
    name: KEY_TEXT.toUpperCase(),
    fields: [{ name: "A", type: UINT }],
  };
  const [event] = rpc.push(new GobEncoder().encode(named, { A: 1 }));
  assert.ok(event?.kind === "fault");
  assert.match(event.message, /<proc key>/);
  assert.ok(!event.message.toLowerCase().includes(KEY_TEXT), event.message);
});

Deno.test("Rpc ends at a header that is none, and says nothing after it", () => {
  const { rpc, answer } = scene(1);
  const [event, ...more] = rpc.push(new GobEncoder().encode(STRING, "not a header"));
  assert.equal(event?.kind, "fault");
  assert.equal(more.length, 0);
  assert.deepEqual(rpc.push(answer(0, 1)), []);
});

Deno.test("Rpc ends at a header of a struct without a field of a header", () => {
  const { rpc } = scene(1);
  assert.equal(rpc.push(new GobEncoder().encode(ADDR, { Net: "x" }))[0]?.kind, "fault");
});

Deno.test("Rpc gives the same events however the bytes are cut", () => {
  fc.assert(fc.property(fc.array(fc.nat({ max: 200 }), { maxLength: 20 }), (cuts) => {
    const { rpc, answer } = scene(4);
    const bytes = concat(answer(3, 1), answer(0, { error: "no" }), answer(2, 3), answer(1, 4));
    const events: RpcEvent[] = [];
    let at = 0;
    for (const cut of [...cuts, bytes.length]) {
      events.push(...rpc.push(bytes.slice(at, at + cut)));
      at = Math.min(bytes.length, at + cut);
    }
    assert.deepEqual(told(events), ["3: 1", "0: no", "2: 3", "1: 4"]);
  }));
});

Deno.test("Rpc never throws for hostile bytes, and gives one fault at most", () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.nat(200), fc.nat(255)).map(([at, byte]) => {
      const { answer } = scene(0);
      const bytes = concat(answer(0, 5), answer(1, { error: "no" }));
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(fc.property(fc.array(hostile, { maxLength: 5 }), (chunks) => {
    const { rpc } = scene(2);
    const events = chunks.flatMap((chunk) => rpc.push(chunk));
    assert.ok(events.filter(({ kind }) => kind === "fault").length <= 1);
    assert.ok(events.length <= 3);
  }));
});
