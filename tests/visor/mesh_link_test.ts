import assert from "node:assert/strict";
import { concat, utf8, utf8Text } from "#kit";
import {
  BACKLOG_LIMIT_BYTES,
  HIGH_WATER_BYTES,
  LinkError,
  LOW_WATER_BYTES,
  WRITE_LIMIT_MS,
} from "#net";
import { MAX_EMPTY_READS, MESH_READ_BYTES, MeshLink, VisorError } from "#visor";
import type { IoFailure } from "../../lib/visor/io_failure.ts";
import type { ReadAnswer, WriteAnswer } from "../../lib/visor/visor_calls.ts";
import { MAX_SHORT_WRITES, MESH_WRITE_BYTES } from "../../lib/visor/mesh_writer.ts";
import { BOB } from "#support/fake_chat_link.ts";
import { ManualClock, settle } from "#support/manual_clock.ts";

const NONE = new Uint8Array();

/** A link whose visor is the test: every call waits until it is answered by hand. */
class HandVisor {
  readonly clock = new ManualClock();
  readonly writes: { bytes: Uint8Array; answer: PromiseWithResolvers<WriteAnswer> }[] = [];
  readonly reads: { length: number; answer: PromiseWithResolvers<ReadAnswer> }[] = [];
  readonly closes: number[] = [];
  /** Those of reads and writes, which take back what was not sent. */
  readonly signals: (AbortSignal | undefined)[] = [];
  readonly link: MeshLink;

  constructor() {
    const calls = {
      write: (_id: number, bytes: Uint8Array, signal?: AbortSignal) => {
        this.signals.push(signal);
        const answer = Promise.withResolvers<WriteAnswer>();
        this.writes.push({ bytes: bytes.slice(), answer });
        return answer.promise;
      },
      read: (_id: number, length: number, signal?: AbortSignal) => {
        this.signals.push(signal);
        const answer = Promise.withResolvers<ReadAnswer>();
        this.reads.push({ length, answer });
        return answer.promise;
      },
      closeConn: (id: number) => {
        this.closes.push(id);
        return Promise.resolve();
      },
    };
    this.link = new MeshLink({
      calls,
      clock: this.clock,
      connId: 9,
      network: "dmsg",
      peer: BOB,
      direction: "out",
    });
  }

  /** Answers the newest write; by default the visor took all of it. */
  async wrote({ count, failure }: { count?: number; failure?: IoFailure } = {}): Promise<void> {
    await settle();
    const last = this.writes.at(-1) ?? assert.fail("nothing was written");
    last.answer.resolve({ count: count ?? last.bytes.length, failure });
    await settle();
  }

  /** Answers the newest read. */
  async gave(text: string, failure?: IoFailure): Promise<void> {
    await settle();
    const last = this.reads.at(-1) ?? assert.fail("nothing was read");
    last.answer.resolve({ bytes: text === "" ? NONE : utf8(text), failure });
    await settle();
  }
}

/** Checks that a link has ended, told the visor once, and left nothing behind. */
async function ended(visor: HandVisor, code: string): Promise<void> {
  await settle();
  const end = await visor.link.closed;
  assert.equal(end.code, code);
  assert.deepEqual(visor.closes, [9]);
  assert.equal(visor.clock.pending, 0, "timers were left behind");
  await assert.rejects(visor.link.write(utf8("x")), (error) => {
    assert.ok(error instanceof LinkError);
    return error.code === code && error.message === end.message;
  });
}

Deno.test("MeshLink has one Write under way, and the next after its answer", async () => {
  const visor = new HandVisor();
  const first = visor.link.write(utf8("a"));
  await settle();
  const more = ["b", "c"].map((text) => visor.link.write(utf8(text)));
  await settle();
  assert.equal(visor.writes.length, 1);
  await visor.wrote();
  await first;
  assert.deepEqual(visor.writes.map(({ bytes }) => utf8Text(bytes)), ["a", "bc"]);
  await visor.wrote();
  await Promise.all(more);
  assert.equal(visor.link.backlog, 0);
  visor.link.close();
  await ended(visor, "closed");
});

Deno.test("MeshLink splits what is longer than a call may be, in order", async () => {
  const visor = new HandVisor();
  const bytes = Uint8Array.from({ length: 2 * MESH_WRITE_BYTES + 10 }, (_, index) => index % 251);
  const writing = visor.link.write(bytes);
  for (let call = 0; call < 3; call++) await visor.wrote();
  await writing;
  assert.deepEqual(
    visor.writes.map(({ bytes }) => bytes.length),
    [MESH_WRITE_BYTES, MESH_WRITE_BYTES, 10],
  );
  assert.deepEqual(concat(...visor.writes.map(({ bytes }) => bytes)), bytes);
  visor.link.close();
});

Deno.test("MeshLink writes the rest when the visor took a part without an error", async () => {
  const visor = new HandVisor();
  const writing = visor.link.write(utf8("hello"));
  await visor.wrote({ count: 2 });
  assert.equal(utf8Text(visor.writes.at(-1)?.bytes ?? NONE), "llo");
  await visor.wrote();
  await writing;
  visor.link.close();
});

Deno.test("MeshLink does not ask again a visor that takes nothing and says nothing", async () => {
  const visor = new HandVisor();
  const writing = visor.link.write(utf8("hello"));
  writing.catch(() => {});
  await visor.wrote({ count: 0 });
  await assert.rejects(writing, LinkError);
  assert.equal(visor.writes.length, 1);
  await ended(visor, "write-failed");
});

Deno.test("MeshLink does not go on with a visor that takes byte after byte", async () => {
  const visor = new HandVisor();
  const writing = visor.link.write(new Uint8Array(1_000));
  writing.catch(() => {});
  for (let part = 0; part < MAX_SHORT_WRITES; part++) await visor.wrote({ count: 1 });
  assert.equal(visor.writes.length, MAX_SHORT_WRITES + 1);
  await visor.wrote({ count: 1 });
  await assert.rejects(writing, { code: "write-failed", message: /takes only parts/ });
  assert.equal(visor.writes.length, MAX_SHORT_WRITES + 1);
  await ended(visor, "write-failed");
});

Deno.test("MeshLink fails with the text when a part was taken and then an error came", async () => {
  const visor = new HandVisor();
  const writing = visor.link.write(utf8("hello"));
  writing.catch(() => {});
  await visor.wrote({ count: 2, failure: { kind: "lost", text: "write: broken pipe" } });
  await assert.rejects(writing, { code: "write-failed", message: "write: broken pipe" });
  await ended(visor, "write-failed");
});

Deno.test("MeshLink closes a connection on which one Write takes longer than 5 s", async () => {
  const visor = new HandVisor();
  const writing = visor.link.write(utf8("hello"));
  const waiting = visor.link.write(utf8("more"));
  for (const write of [writing, waiting]) write.catch(() => {});
  await visor.clock.advance(WRITE_LIMIT_MS - 1);
  assert.deepEqual(visor.closes, []);
  await visor.clock.advance(1);
  for (const write of [writing, waiting]) {
    await assert.rejects(write, { code: "write-timeout", message: "write: i/o timeout" });
  }
  await ended(visor, "write-timeout");
  await visor.wrote();
  assert.equal(visor.writes.length, 1);
});

Deno.test("MeshLink gives every Write its own 5 s", async () => {
  const visor = new HandVisor();
  const writes = [visor.link.write(utf8("a"))];
  await settle();
  writes.push(visor.link.write(utf8("b")));
  await visor.clock.advance(WRITE_LIMIT_MS - 1);
  await visor.wrote();
  await visor.clock.advance(WRITE_LIMIT_MS - 1);
  await visor.wrote();
  await Promise.all(writes);
  assert.equal(visor.clock.pending, 0);
  visor.link.close();
});

Deno.test("MeshLink refuses what its backlog has no room for, and lives on", async () => {
  const visor = new HandVisor();
  const first = visor.link.write(new Uint8Array(MESH_WRITE_BYTES));
  const rest = visor.link.write(new Uint8Array(BACKLOG_LIMIT_BYTES - MESH_WRITE_BYTES));
  await assert.rejects(visor.link.write(Uint8Array.of(1)), { code: "backlog-full" });
  assert.equal(visor.link.backlog, BACKLOG_LIMIT_BYTES);
  await visor.wrote();
  await first;
  const fits = visor.link.write(Uint8Array.of(1));
  visor.link.close();
  await assert.rejects(rest, { code: "closed" });
  await assert.rejects(fits, { code: "closed" });
  assert.deepEqual(visor.closes, [9]);
});

Deno.test("MeshLink rejects pending writes at once when it is closed, that under way too", async () => {
  const visor = new HandVisor();
  const writes = [visor.link.write(utf8("a"))];
  await settle();
  writes.push(visor.link.write(utf8("b")));
  visor.link.close("enough");
  visor.link.close("again");
  for (const write of writes) {
    await assert.rejects(write, { code: "closed", message: "enough" });
  }
  await ended(visor, "closed");
});

Deno.test("MeshLink takes back what was not sent yet when it ends", async () => {
  const visor = new HandVisor();
  const serving = visor.link.serve(() => {});
  visor.link.write(utf8("a")).catch(() => {});
  await settle();
  assert.deepEqual(visor.signals.map((signal) => signal?.aborted), [false, false]);
  visor.link.close();
  assert.deepEqual(visor.signals.map((signal) => signal?.aborted), [true, true]);
  await serving;
});

Deno.test("MeshLink reads with one constant length, one Read under way", async () => {
  const visor = new HandVisor();
  const got: string[] = [];
  const { promise: handled, resolve: handle } = Promise.withResolvers<void>();
  const serving = visor.link.serve((bytes) => {
    got.push(utf8Text(bytes));
    return got.length === 1 ? handled : undefined;
  });
  await visor.gave("one");
  assert.equal(visor.reads.length, 1, "reads on while the handler is busy");
  handle();
  await visor.gave("two");
  await settle();
  assert.deepEqual(visor.reads.map(({ length }) => length), [65_540, 65_540, 65_540]);
  assert.equal(MESH_READ_BYTES, 65_540);
  await visor.gave("three", { kind: "eof", text: "EOF" });
  assert.deepEqual(got, ["one", "two", "three"]);
  assert.deepEqual(await serving, { code: "eof", message: "EOF" });
  await ended(visor, "eof");
});

Deno.test("MeshLink does not read while its backlog is above the high water mark", async () => {
  const visor = new HandVisor();
  const writes = [];
  for (let bytes = 0; bytes <= HIGH_WATER_BYTES; bytes += LOW_WATER_BYTES) {
    writes.push(visor.link.write(new Uint8Array(LOW_WATER_BYTES)));
  }
  const serving = visor.link.serve(() => {});
  await settle();
  assert.equal(visor.reads.length, 0);
  for (const _ of writes.slice(1)) await visor.wrote();
  assert.equal(visor.reads.length, 1);
  await visor.wrote();
  await Promise.all(writes);
  visor.link.close();
  await serving;
});

const READ_FAILURES: readonly (readonly [IoFailure, string, string])[] = [
  [{ kind: "eof", text: "EOF" }, "eof", "EOF"],
  [{ kind: "lost", text: "unexpected EOF" }, "read-failed", "unexpected EOF"],
  [{ kind: "timeout", text: "read: i/o timeout" }, "read-failed", "read: i/o timeout"],
];
for (const [failure, code, message] of READ_FAILURES) {
  Deno.test(`MeshLink ends with ${code} when a read answers "${failure.text}"`, async () => {
    const visor = new HandVisor();
    const serving = visor.link.serve(() => assert.fail("nothing came"));
    await visor.gave("", failure);
    assert.deepEqual(await serving, { code, message });
    await ended(visor, code);
  });
}

Deno.test("MeshLink ends after so many reads that give nothing", async () => {
  const visor = new HandVisor();
  const got: string[] = [];
  const serving = visor.link.serve((bytes) => void got.push(utf8Text(bytes)));
  for (let read = 0; read < MAX_EMPTY_READS - 1; read++) await visor.gave("");
  await visor.gave("something");
  for (let read = 0; read < MAX_EMPTY_READS; read++) await visor.gave("");
  assert.equal((await serving).code, "read-failed");
  assert.deepEqual(got, ["something"]);
  assert.equal(visor.reads.length, 2 * MAX_EMPTY_READS);
});

Deno.test("MeshLink ends with the visor, and asks nothing of it any more", async () => {
  const visor = new HandVisor();
  const serving = visor.link.serve(() => {});
  const writing = visor.link.write(utf8("x"));
  await settle();
  visor.link.visorLost("the visor is gone");
  await assert.rejects(writing, { code: "visor-lost", message: "the visor is gone" });
  assert.deepEqual(await visor.link.closed, { code: "visor-lost", message: "the visor is gone" });
  const error = new VisorError("lost", "later");
  visor.reads.at(-1)?.answer.reject(error);
  visor.writes.at(-1)?.answer.reject(error);
  assert.equal((await serving).code, "visor-lost");
  assert.deepEqual(visor.closes, []);
  assert.equal(visor.clock.pending, 0);
});

Deno.test("MeshLink is closed by a handler that throws, which serve passes on", async () => {
  const visor = new HandVisor();
  const serving = visor.link.serve(() => {
    throw new Error("broken handler");
  });
  serving.catch(() => {});
  await visor.gave("x");
  await assert.rejects(serving, /broken handler/);
  await assert.rejects(visor.link.serve(() => {}), TypeError);
  await ended(visor, "closed");
});

Deno.test("MeshLink ends with its end when a handler waits for a write that fails with it", async () => {
  const visor = new HandVisor();
  const serving = visor.link.serve(() => visor.link.write(utf8("reply")));
  await visor.gave("x");
  await visor.wrote({ count: 0, failure: { kind: "lost", text: "gone" } });
  assert.deepEqual(await serving, { code: "write-failed", message: "gone" });
});
