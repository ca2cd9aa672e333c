import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, toHex, utf8 } from "#kit";
import { SecretKey } from "#crypto";
import {
  type CxoMessage,
  decodeMessage,
  encodeCxoFrame,
  encodeMessage,
  FRAME_PIECE_BYTES,
} from "#cxo";
import { SecureSession } from "#session";
import { ScriptedRandom } from "#support/seeded_random.ts";
import { dataOf, wireOf } from "#support/session_pair.ts";
import {
  checkSendable,
  type CxoRole,
  CxoWire,
  type CxoWireEvent,
  freeSeq,
  MAX_FRAME_TAKEN,
  MAX_HELLO_FRAME,
  MAX_SMALL_FRAME,
  MAX_UNANSWERED,
} from "../../lib/cxo/wire.ts";
import text from "../vectors/cxo.json" with { type: "json" };
import { frame, ROOT, RQ_OBJECT, spoken, SUB, THEM, US } from "./connection_fixture.ts";
import { bytes, sound, vectors } from "./vectors.ts";

const EVERY_TYPE = vectors.messages.map(({ body_hex }) => sound(decodeMessage(bytes(body_hex))));

/** A machine after its handshake, whose own next number is 2. */
function readyWire(role: CxoRole = "dialer"): CxoWire {
  const wire = new CxoWire({ role, nodeId: US });
  wire.start();
  wire.push(
    role === "dialer"
      ? frame({ type: "Ack", nodeId: THEM }, 1, 1)
      : frame({ type: "Syn", protocol: 3, nodeId: THEM }, 1),
  );
  assert.ok(wire.ready);
  return wire;
}

function kinds(events: readonly CxoWireEvent[]): string[] {
  return events.map((event) => event.kind);
}

/** The only event, which ends the connection; nothing is read after it. */
function fatalOf(wire: CxoWire, ...frames: Uint8Array[]): string {
  const events = wire.push(concat(...frames));
  const last = events.at(-1);
  assert.ok(last?.kind === "fatal", JSON.stringify(events));
  assert.deepEqual(wire.push(frame(SUB, 9)), []);
  return last.code;
}

/** What one side of the transcript says, made by a machine of ours that hears the other side. */
function replay(role: CxoRole): void {
  const own = role === "dialer" ? "sub>pub" : "pub>sub";
  const wire = new CxoWire({ role, nodeId: role === "dialer" ? US : THEM });
  for (const [turn, line] of vectors.transcript.entries()) {
    if (line.dir !== own) {
      const heard = wire.push(bytes(line.hex));
      if (turn > 1) {
        const [event] = heard;
        const [{ message } = assert.fail()] = spoken(bytes(line.hex));
        const expected = line.rseq === 0
          ? { kind: "message", seq: line.seq, message }
          : { kind: "answer", seq: line.rseq, message };
        assert.deepEqual([event, heard.length], [expected, 1], line.note);
      } else if (role === "acceptor") {
        const [ack, ready] = heard;
        assert.ok(ack?.kind === "send" && ready?.kind === "ready");
        assert.equal(toHex(ack.bytes), vectors.transcript[1]?.hex);
        assert.equal(ready.nodeId, US);
      } else assert.deepEqual(heard, [{ kind: "ready", nodeId: THEM }]);
      continue;
    }
    if (turn === 1) continue;
    const [{ message } = assert.fail()] = spoken(bytes(line.hex));
    const isRequest = message.type === "Sub" || message.type === "RqObject";
    const made = turn === 0
      ? wire.start()
      : line.rseq !== 0
      ? wire.answer(line.rseq, message)
      : isRequest
      ? wire.request(message).bytes
      : wire.notice(message);
    assert.equal(toHex(made ?? bytes("")), line.hex, line.note);
  }
}

Deno.test("CxoWire speaks the subscriber's part of the transcript, byte for byte", () => {
  replay("dialer");
});

Deno.test("CxoWire speaks the publisher's part of the transcript, byte for byte", () => {
  replay("acceptor");
});

for (const { name, seq, rseq, hex } of vectors.frames) {
  Deno.test(`CxoWire makes the frame vector ${name}`, () => {
    const [{ message } = assert.fail()] = spoken(bytes(hex));
    const wire = new CxoWire({ role: "acceptor", nodeId: US, firstSeq: seq });
    const made = rseq === 0 ? wire.request(message).bytes : wire.answer(rseq, message);
    assert.equal(toHex(made), hex);
  });

  Deno.test(`CxoWire understands the frame vector ${name}`, () => {
    const wire = readyWire();
    while (rseq > 0 && wire.request(RQ_OBJECT).seq !== rseq);
    const [event] = wire.push(bytes(hex));
    const expected = { framed_sub: "message", framed_rqlist_probe: "reply" }[name] ?? "answer";
    assert.equal(event?.kind, expected);
    assert.ok("seq" in event && event.seq === (rseq === 0 ? seq : rseq));
  });
}

Deno.test("trap 1: lengths are big-endian, numbers little-endian, in both directions", () => {
  const wire = new CxoWire({ role: "acceptor", nodeId: US, firstSeq: 0x01020304 });
  const { seq, bytes: made } = wire.request({ type: "RqList" });
  assert.equal(toHex(made), "00000009" + "04030201" + "00000000" + "09");
  wire.push(frame({ type: "Syn", protocol: 3, nodeId: THEM }, 1));
  const [event] = wire.push(bytes("00000009" + "01000000" + "04030201" + "05"));
  assert.deepEqual(event, { kind: "answer", seq, message: { type: "Ok" } });
});

Deno.test("the noise vector: XX sessions around Syn and Ack of two machines", () => {
  const recorded = text.noise_xx;
  const side = (role: "initiator" | "responder") => {
    const keys = role === "initiator" ? recorded.initiator_static : recorded.responder_static;
    const ephemeral = recorded[`${role}_ephemeral`];
    const session = new SecureSession({
      role,
      pattern: "XX",
      local: SecretKey.parse(keys.secret),
      random: new ScriptedRandom(bytes(ephemeral.secret)),
      offerPostQuantum: false,
    });
    const dialer = role === "initiator";
    const wire = new CxoWire({ role: dialer ? "dialer" : "acceptor", nodeId: keys.public });
    return { session, wire };
  };
  const [near, far] = [side("initiator"), side("responder")];
  const wires = recorded.wire.map(({ hex }) => bytes(hex));
  const [first, second, third] = wires;
  assert.deepEqual(wireOf(near.session.start()), first);
  assert.deepEqual(wireOf(far.session.push(first ?? bytes(""))), second);
  assert.deepEqual(wireOf(near.session.push(second ?? bytes(""))), third);
  far.session.push(third ?? bytes(""));
  // A Go node writes header and body apart.
  const seal = (session: SecureSession, whole: Uint8Array) => [
    session.seal(whole.subarray(0, 12)),
    session.seal(whole.subarray(12)),
  ];
  const syn = near.wire.start() ?? assert.fail();
  assert.equal(toHex(syn), recorded.syn_frame);
  assert.deepEqual(seal(near.session, syn), wires.slice(3, 5));
  const [ack, ready] = far.wire.push(dataOf(far.session.push(concat(...wires.slice(3, 5)))));
  assert.ok(ack?.kind === "send");
  assert.equal(toHex(ack.bytes), recorded.ack_frame);
  assert.deepEqual(ready, { kind: "ready", nodeId: recorded.initiator_static.public });
  assert.deepEqual(seal(far.session, ack.bytes), wires.slice(5, 7));
  assert.deepEqual(near.wire.push(dataOf(near.session.push(concat(...wires.slice(5, 7))))), [
    { kind: "ready", nodeId: recorded.responder_static.public },
  ]);
});

Deno.test("an acceptor refuses other versions with the text that peers know", () => {
  for (const protocol of [0, 2, 4, 65_535]) {
    const wire = new CxoWire({ role: "acceptor", nodeId: US });
    const events = wire.push(frame({ type: "Syn", protocol, nodeId: THEM }, 7));
    assert.deepEqual(kinds(events), ["send", "fatal"]);
    const message = `incompatible protocol version: ${protocol}, want 3`;
    assert.deepEqual(events[1], { kind: "fatal", code: "incompatible-version", message });
    assert.ok(events[0]?.kind === "send");
    const said = { seq: 1, rseq: 7, message: { type: "Err", text: message } };
    assert.deepEqual(spoken(events[0].bytes), [said]);
  }
});

Deno.test("an acceptor takes nothing before Syn", () => {
  for (const message of EVERY_TYPE.filter(({ type }) => type !== "Syn")) {
    const wire = new CxoWire({ role: "acceptor", nodeId: US });
    assert.equal(fatalOf(wire, frame(message, 1)), "unexpected-message", message.type);
    assert.ok(!wire.ready);
  }
});

Deno.test("a dialer takes nothing but the answer to its Syn, and of those only Ack and Err", () => {
  for (const message of EVERY_TYPE) {
    for (const rseq of [0, 1, 2]) {
      const wire = new CxoWire({ role: "dialer", nodeId: US });
      assert.deepEqual(spoken(wire.start() ?? assert.fail())[0]?.seq, 1);
      const good = rseq === 1 && (message.type === "Ack" || message.type === "Err");
      if (good) assert.notEqual(wire.push(frame(message, 1, rseq))[0]?.kind, "fatal");
      else assert.equal(fatalOf(wire, frame(message, 1, rseq)), "unexpected-message");
    }
  }
});

Deno.test("an Err to our Syn is the end, and its text is made fit for a log line", () => {
  const wire = new CxoWire({ role: "dialer", nodeId: US });
  wire.start();
  const hostile = "no\n" + "x".repeat(50_000);
  const events = wire.push(
    concat(frame({ type: "Err", text: hostile }, 1, 1), frame(SUB, 2)),
  );
  assert.deepEqual(kinds(events), ["refused"]);
  assert.ok(events[0]?.kind === "refused" && events[0].text.startsWith("no\\u000axxx"));
  assert.ok(events[0].text.length < 250);
  assert.deepEqual(wire.push(frame(SUB, 3)), []);
});

Deno.test("a second Syn, or an Ack after the handshake, ends the connection", () => {
  for (const role of ["dialer", "acceptor"] as const) {
    for (const type of ["Syn", "Ack"] as const) {
      const message = EVERY_TYPE.find((one) => one.type === type) ?? assert.fail();
      assert.equal(fatalOf(readyWire(role), frame(message, 2)), "unexpected-message");
    }
  }
});

for (const { name, body_hex } of vectors.negative.messages.filter((one) => one.body_hex !== "")) {
  Deno.test(`a body that is refused ends the connection: ${name}`, () => {
    const stream = encodeCxoFrame({ seq: 2, rseq: 0, body: bytes(body_hex) });
    assert.equal(fatalOf(readyWire(), stream), "undecodable");
    assert.equal(fatalOf(new CxoWire({ role: "acceptor", nodeId: US }), stream), "undecodable");
  });
}

Deno.test("an answer that cannot be decoded ends the connection too", () => {
  const wire = readyWire();
  const { seq } = wire.request(RQ_OBJECT);
  assert.equal(
    fatalOf(wire, encodeCxoFrame({ seq: 2, rseq: seq, body: bytes("0500") })),
    "undecodable",
  );
});

Deno.test("what is not an answer is dispatched, answered or ignored (cxo.md 4.7)", () => {
  const expected: Record<string, string> = {
    Sub: "message",
    Unsub: "message",
    Root: "message",
    RqObject: "message",
    RqPreview: "message",
    RqList: "reply",
    RqPeers: "reply",
    Syn: "fatal",
    Ack: "fatal",
  };
  const seen = new Set<string>();
  for (const message of EVERY_TYPE) {
    seen.add(message.type);
    const events = readyWire().push(frame(message, 40, 41));
    const kind = expected[message.type];
    assert.deepEqual(kinds(events), kind === undefined ? [] : [kind], message.type);
    if (kind === "message") assert.deepEqual(events, [{ kind, seq: 40, message }]);
  }
  assert.equal(seen.size, 16);
});

Deno.test("RqList and RqPeers are answered with the texts that peers know, and nothing closes", () => {
  const wire = readyWire();
  const peersQuestion: CxoMessage = { type: "RqPeers", feed: THEM };
  const events = wire.push(concat(frame({ type: "RqList" }, 9), frame(peersQuestion, 10)));
  const err = (seq: number, text: string) => ({
    kind: "reply",
    seq,
    message: { type: "Err", text },
  });
  assert.deepEqual(events, [err(9, "not a public server"), err(10, "not in swarm")]);
  const [event] = events;
  assert.ok(event?.kind === "reply");
  assert.deepEqual(spoken(wire.answer(event.seq, event.message)), [
    { seq: 2, rseq: 9, message: event.message },
  ]);
});

Deno.test("an answer is what names an outstanding request, whatever its type, once", () => {
  for (const message of EVERY_TYPE) {
    const wire = readyWire();
    const { seq } = wire.request(RQ_OBJECT);
    const events = wire.push(frame(message, 5, seq));
    assert.deepEqual(events, [{ kind: "answer", seq, message }]);
    if (message.type === "Object") assert.deepEqual(wire.push(frame(message, 6, seq)), []);
  }
});

Deno.test("trap 4: Ping, Pong, RqPeers, Ack and a second Syn are never sent", () => {
  const refused = EVERY_TYPE.filter((message) => {
    const wire = readyWire();
    try {
      checkSendable(message);
    } catch (error) {
      assert.ok(error instanceof TypeError);
      assert.throws(() => wire.request(message), TypeError);
      assert.throws(() => wire.notice(message), TypeError);
      assert.throws(() => wire.answer(1, message), TypeError);
      return true;
    }
    return false;
  });
  const types = [...new Set(refused.map(({ type }) => type))].sort();
  assert.deepEqual(types, ["Ack", "Ping", "Pong", "RqPeers", "Syn"]);
  assert.throws(() => {
    const wire = new CxoWire({ role: "dialer", nodeId: US });
    wire.start();
    wire.start();
  }, TypeError);
});

Deno.test("trap 6: a Root in the same read as Ok comes after it", () => {
  const wire = readyWire();
  const { seq } = wire.request(SUB);
  const events = wire.push(concat(frame({ type: "Ok" }, 2, seq), frame(ROOT, 3)));
  assert.deepEqual(kinds(events), ["answer", "message"]);
});

Deno.test("trap 19: answers that come too late are ignored, but a Root looks like a push", () => {
  for (const message of EVERY_TYPE) {
    if (!["Object", "Err", "Ok", "List", "Peers", "Root"].includes(message.type)) continue;
    const wire = readyWire();
    const { seq } = wire.request({ type: "RqPreview", feed: THEM });
    wire.forget(seq);
    const events = wire.push(frame(message, 8, seq));
    if (message.type === "Root") assert.deepEqual(events, [{ kind: "message", seq: 8, message }]);
    else assert.deepEqual(events, []);
    assert.equal(wire.received, 2, "it is a sign of life nevertheless");
  }
});

Deno.test("trap 20: an announced length takes no memory before its bytes come", () => {
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, MAX_FRAME_TAKEN);
  const before = Deno.memoryUsage().external;
  const wires = Array.from({ length: 200 }, () => {
    const wire = readyWire();
    wire.request(RQ_OBJECT);
    assert.deepEqual(wire.push(header), []);
    return wire;
  });
  assert.ok(Deno.memoryUsage().external - before < wires.length * 3 * FRAME_PIECE_BYTES);
  const asked = readyWire();
  asked.request(RQ_OBJECT);
  new DataView(header.buffer).setUint32(0, MAX_FRAME_TAKEN + 1);
  assert.equal(fatalOf(asked, header), "frame-too-large");
  assert.equal(fatalOf(readyWire(), bytes("00000008")), "frame-too-short");
});

Deno.test("large frames are for who was asked for an object, and nobody before the handshake", () => {
  const header = new Uint8Array(12);
  const announce = (wire: CxoWire, length: number) => {
    new DataView(header.buffer).setUint32(0, length);
    return wire.push(header).at(-1)?.kind;
  };
  const stranger = () => new CxoWire({ role: "acceptor", nodeId: US });
  assert.equal(announce(stranger(), MAX_HELLO_FRAME), undefined);
  assert.equal(announce(stranger(), MAX_HELLO_FRAME + 1), "fatal");
  assert.equal(announce(readyWire(), MAX_SMALL_FRAME), undefined);
  assert.equal(announce(readyWire(), MAX_SMALL_FRAME + 1), "fatal");
});

Deno.test("numbers wrap at 32 bits, and pass over 0 and what is outstanding", () => {
  const wire = new CxoWire({ role: "acceptor", nodeId: US, firstSeq: 0xffff_fffd });
  wire.push(frame({ type: "Syn", protocol: 3, nodeId: THEM }, 1));
  const open = [wire.request(RQ_OBJECT).seq];
  wire.notice({ type: "RqList" });
  open.push(wire.request(RQ_OBJECT).seq, wire.request(RQ_OBJECT).seq);
  assert.deepEqual(open, [0xffff_fffe, 1, 2]);
  assert.equal(freeSeq(0xffff_ffff, new Set([0xffff_ffff, 1, 2])), 3);
});

Deno.test("a message that cannot be encoded is no outstanding request", () => {
  const wire = readyWire();
  assert.throws(() => wire.request({ type: "Sub", feed: "02" }), RangeError);
  assert.deepEqual(wire.push(frame({ type: "Ok" }, 4, 2)), []);
});

Deno.test("more unanswered requests than the limit are a mistake of the caller", () => {
  const wire = readyWire();
  const seqs = Array.from({ length: MAX_UNANSWERED }, () => wire.request(RQ_OBJECT).seq);
  assert.throws(() => wire.request(RQ_OBJECT), RangeError);
  wire.forget(seqs[3] ?? 0);
  wire.request(RQ_OBJECT);
  assert.throws(() => wire.request(RQ_OBJECT), RangeError);
  wire.push(frame({ type: "Ok" }, 4, seqs[9]));
  wire.request(RQ_OBJECT);
});

/** Any message, with any numbers; a few answer the requests 2 to 5. */
const anyFrame = fc.record({
  message: fc.constantFrom(...EVERY_TYPE),
  seq: fc.integer({ min: 0, max: 0xffff_ffff }),
  rseq: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 7 })),
}).map(({ message, seq, rseq }) => frame(message, seq, rseq));

/** A machine that waits for the answers to its requests 2 to 5, or for the handshake. */
function subject(state: CxoRole | "ready"): CxoWire {
  if (state !== "ready") {
    const wire = new CxoWire({ role: state, nodeId: US });
    wire.start();
    return wire;
  }
  const wire = readyWire();
  for (let count = 0; count < 4; count++) wire.request(RQ_OBJECT);
  return wire;
}
const anyState = fc.constantFrom<CxoRole | "ready">("dialer", "acceptor", "ready");

Deno.test("the same events come out however the bytes are cut", () => {
  const syn = frame({ type: "Syn", protocol: 3, nodeId: THEM }, 1);
  const ack = frame({ type: "Ack", nodeId: THEM }, 1, 1);
  const first = { dialer: ack, acceptor: syn, ready: new Uint8Array(0) };
  fc.assert(
    fc.property(
      anyState,
      fc.boolean(),
      fc.array(anyFrame, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
      (state, shaken, frames, sizes) => {
        const stream = concat(...(shaken ? [first[state]] : []), ...frames);
        const whole = subject(state).push(stream.slice());
        const wire = subject(state);
        const found: CxoWireEvent[] = [];
        let at = 0;
        for (let turn = 0; at < stream.length; turn++) {
          const chunk = stream.slice(at, at += sizes[turn % sizes.length] ?? 1);
          found.push(...wire.push(chunk));
          chunk.fill(0xee);
        }
        assert.deepEqual(found, whole);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("hostile bytes end the connection at worst: nothing is thrown, nothing follows", () => {
  const noise = fc.uint8Array({ maxLength: 300 });
  const bent = fc.tuple(anyFrame, fc.nat(), fc.integer({ min: 1, max: 255 }))
    .map(([whole, place, change]) => {
      const copy = whole.slice();
      const index = place % copy.length;
      copy[index] = (copy[index] ?? 0) ^ change;
      return copy;
    });
  const framed = fc.uint8Array({ minLength: 1, maxLength: 120 })
    .map((body) => encodeCxoFrame({ seq: 3, rseq: 2, body }));
  const piece = fc.oneof(noise, bent, framed, anyFrame);
  fc.assert(
    fc.property(anyState, fc.array(piece, { maxLength: 10 }), (state, chunks) => {
      const wire = subject(state);
      const events = chunks.flatMap((chunk) => wire.push(chunk));
      const ends = events.map(({ kind }) => kind === "fatal" || kind === "refused");
      assert.ok(ends.lastIndexOf(true) === -1 || ends.indexOf(true) === events.length - 1);
      for (const event of events) {
        if (event.kind !== "fatal") continue;
        assert.ok(event.message.length < 250);
        assert.match(event.message, /^[ -~…]*$/);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("texts of a peer stay within a log line", () => {
  const wire = readyWire();
  const body = encodeMessage({ type: "Err", text: "\u001b[31m" });
  const long = concat(body, utf8("\n".repeat(1_000)));
  const [event] = wire.push(encodeCxoFrame({ seq: 2, rseq: 0, body: long }));
  assert.ok(event?.kind === "fatal");
  assert.equal(event.message, "cxo: undecodable message: 1000 bytes after the last field");
});
