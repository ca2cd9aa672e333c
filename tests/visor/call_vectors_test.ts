import assert from "node:assert/strict";
import { concat, toHex } from "#kit";
import { GobEncoder, type GobGiven, type GobType, ProcKey, VisorError } from "#visor";
import { encodeHello } from "../../lib/visor/hello.ts";
import { Rpc, type RpcEvent } from "../../lib/visor/rpc.ts";
import { VisorCalls } from "../../lib/visor/visor_calls.ts";
import * as types from "../../lib/visor/visor_types.ts";
import { ManualClock } from "#support/manual_clock.ts";
import vectors from "../vectors/visor.json" with { type: "json" };
import { bytes } from "./gob_vectors.ts";
import { DEADLINE_REQ, NOTIFY_REQ } from "./other_types.ts";

type Call = (typeof vectors.calls)[number];

const TYPES: Readonly<Record<string, GobType>> = {
  Addr: types.ADDR,
  DeadlineReq: DEADLINE_REQ,
  NotifyReq: NOTIFY_REQ,
  ReadReq: types.READ_REQ,
  WriteReq: types.WRITE_REQ,
  int: types.INT,
  string: types.STRING,
  uint: types.UINT,
};

/** Calls of other apps, whose types we do not have. */
const FOREIGN = ["DialWithOptions", "NoteMuxEvent"];

const procKey = ProcKey.parse(vectors.keys.proc_key);
assert.ok(procKey);

/** A value of the vectors as one to encode. */
function given(value: unknown): GobGiven {
  if (typeof value === "number" || typeof value === "string") return value;
  assert.ok(typeof value === "object" && value !== null);
  if ("hex" in value && typeof value.hex === "string") return bytes(value.hex);
  if ("opaque" in value && typeof value.opaque === "string") return bytes(value.opaque);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, given(field)]));
}

/** What the app sent: the whole header, and the argument. */
function partsOf(call: Call): { service: string; type: string; argument: unknown } {
  const values = call.request.filter(({ kind }) => kind === "value");
  const [header, argument] = values;
  assert.ok(header && argument && values.length === 2);
  const service = Object(header.value).ServiceMethod;
  assert.ok(typeof service === "string");
  return { service, type: argument.type ?? "", argument: argument.value };
}

function rpcFor(call: Call): Rpc {
  const ids = call.request.flatMap(({ typedef }) => typedef?.id ?? []);
  return new Rpc(procKey ?? assert.fail(), new GobEncoder({ ids }));
}

for (const { hex, json } of vectors.hello.slice(0, 1)) {
  Deno.test("hello has the bytes of the vectors", () => {
    const key = ProcKey.parse(JSON.parse(json).proc_key);
    assert.ok(key);
    assert.equal(toHex(encodeHello(key)), hex);
  });
}

Deno.test("all requests of the vectors but those of other apps are made byte for byte", () => {
  let compared = 0;
  for (const call of vectors.calls) {
    const { service, type, argument } = partsOf(call);
    const method = service.replace(`${vectors.keys.proc_key}.`, "");
    if (FOREIGN.includes(method) || service === method) continue;
    const declared = TYPES[type] ?? assert.fail(`${call.id} has an argument of type ${type}`);
    const { halves, seq } = rpcFor(call).call(method, declared, given(argument));
    const expected = call.request.map(({ hex }) => hex).join("");
    assert.equal(toHex(concat(...halves)), expected, call.id);
    assert.equal(seq, 0);
    compared++;
  }
  // 70, without two of other apps, one of another service and one without a dot.
  assert.equal(compared, vectors.calls.length - 4);
});

/** Makes the call of a vector through the typed methods; undefined for one that we do not have. */
function typedCall(calls: VisorCalls, call: Call): Promise<unknown> | undefined {
  const { service } = partsOf(call);
  const args = Object(call.args);
  const key = undefined;
  const method = service.slice(service.indexOf(".") + 1);
  switch (method) {
    case "SetDetailedStatus":
      return calls.setDetailedStatus("x");
    case "SetError":
      return calls.setError("x");
    case "SetAppPort":
      return calls.setAppPort(1);
    case "Listen":
      return calls.listen({ net: args.Net, key, port: args.Port });
    case "Accept":
      return calls.accept(1);
    case "Dial":
      return calls.dial({ net: args.Net, key, port: args.Port });
    case "Read":
      return calls.read(args.ConnID, args.BufLen);
    case "Write":
      return calls.write(args.ConnID, bytes(args.B_hex));
    case "CloseConn":
      return calls.closeConn(1);
    case "CloseListener":
      return calls.closeListener(1);
    default:
      return undefined;
  }
}

/** A client whose visor gives one recorded answer. */
function answering(call: Call): VisorCalls {
  const rpc = new Rpc(procKey ?? assert.fail());
  const client = {
    words: (text: string) => rpc.words(text),
    call(method: string, type: GobType, argument: GobGiven) {
      rpc.call(method, type, argument);
      const events: RpcEvent[] = [];
      // Cut into single bytes (visor.md 12.2).
      for (const byte of concat(...call.reply.map(({ hex }) => bytes(hex)))) {
        events.push(...rpc.push(Uint8Array.of(byte)));
      }
      const [event] = events;
      assert.ok(event?.kind === "answer" && events.length === 1 && event.seq === 0);
      const { outcome } = event;
      if (outcome.ok) return Promise.resolve(outcome.result);
      return Promise.reject(new VisorError("call-failed", outcome.error));
    },
  };
  return new VisorCalls(client, new ManualClock());
}

for (const call of vectors.calls) {
  const pending = typedCall(
    new VisorCalls({ call: () => new Promise(() => {}), words: String }, new ManualClock()),
    call,
  );
  if (pending === undefined) continue;
  Deno.test(`answer of ${call.id} is understood`, async () => {
    const outcome = await typedCall(answering(call), call)?.then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
    assert.ok(outcome);
    if (call.error) {
      assert.ok("error" in outcome && outcome.error instanceof VisorError);
      const text = call.error.replaceAll(vectors.keys.proc_key, "<proc key>");
      assert.equal(outcome.error.message, text);
      return;
    }
    assert.ok("value" in outcome, String(Object(outcome).error));
    compareResult(call, outcome.value);
  });
}

/** Compares a typed answer with what the vectors say came. */
function compareResult(call: Call, value: unknown): void {
  const result = Object(call.result);
  const found = Object(value);
  switch (call.method) {
    case "Listen":
      return assert.equal(value, call.result);
    case "Dial":
      return assert.deepEqual(value, { connId: result.ConnID, localPort: result.LocalPort });
    case "Accept":
      assert.equal(found.connId, result.ConnID);
      return assert.equal(found.peer?.hex, result.Remote.PubKey);
    case "Read":
      assert.equal(toHex(found.bytes), result.B_hex ?? "");
      return compareFailure(call, found.failure);
    case "Write":
      assert.equal(found.count, result.N ?? 0);
      return compareFailure(call, found.failure);
    default:
  }
}

function compareFailure(call: Call, failure: unknown): void {
  if (!call.io_error) return assert.equal(failure, undefined);
  const { text, timeout } = call.io_error;
  const kind = timeout ? "timeout" : text === "EOF" ? "eof" : "lost";
  assert.deepEqual(failure, { kind, text });
}
