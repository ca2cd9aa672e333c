import assert from "node:assert/strict";
import {
  type CallKind,
  CallRoom,
  MAX_VISOR_CALLS,
  MAX_VISOR_DIALS,
  RESERVED_VISOR_CALLS,
} from "../../lib/visor/call_room.ts";

/** A room whose calls are told by name. */
class NamedCalls {
  backlogFull = false;
  readonly started: string[] = [];
  readonly refused: string[] = [];
  readonly room = new CallRoom(() => this.backlogFull);

  /** Lets a call in. */
  enter(kind: CallKind, name?: string, signal?: AbortSignal): void {
    this.room.enter({
      kind,
      signal,
      start: () => void this.started.push(name ?? kind),
      refuse: (code) => void this.refused.push(`${name ?? kind} ${code}`),
    });
  }

  /** Calls that fill the room, and are not told of. */
  fill(kind: CallKind, count: number): void {
    for (let index = 0; index < count; index++) this.enter(kind);
    this.started.length = 0;
  }
}

const WRITES = MAX_VISOR_CALLS - RESERVED_VISOR_CALLS;

Deno.test("CallRoom: writes leave a reserve for calls that keep a node alive", () => {
  const calls = new NamedCalls();
  calls.fill("write", WRITES);
  calls.enter("write", "late write");
  for (let index = 0; index < RESERVED_VISOR_CALLS; index++) calls.enter("vital");
  assert.equal(calls.started.length, RESERVED_VISOR_CALLS);
  assert.ok(!calls.started.includes("late write"));
  calls.enter("vital", "late vital");
  calls.enter("control", "status");
  assert.equal(calls.started.at(-1), "status");
  calls.room.leave("control");
  assert.ok(!calls.started.includes("late vital"), "beyond the limit");
  calls.room.leave("vital");
  assert.equal(calls.started.at(-1), "late vital");
  assert.deepEqual(calls.refused, []);
});

Deno.test("CallRoom: what waits starts in order, each kind as soon as it has room", () => {
  const calls = new NamedCalls();
  calls.fill("vital", MAX_VISOR_CALLS);
  calls.enter("write", "write 1");
  for (const name of ["vital 1", "vital 2"]) calls.enter("vital", name);
  calls.enter("write", "write 2");
  for (let left = 0; left <= RESERVED_VISOR_CALLS + 1; left++) calls.room.leave("vital");
  assert.deepEqual(calls.started, ["vital 1", "vital 2"]);
  for (let left = 0; left < 2; left++) calls.room.leave("vital");
  assert.deepEqual(calls.started, ["vital 1", "vital 2", "write 1", "write 2"]);
});

Deno.test("CallRoom: dials that are never answered are limited, and take nothing from others", () => {
  const calls = new NamedCalls();
  calls.fill("dial", MAX_VISOR_DIALS);
  calls.enter("dial", "one more");
  assert.deepEqual(calls.refused, ["one more too-many-calls"]);
  for (let index = 0; index < WRITES; index++) calls.enter("write");
  assert.equal(calls.started.length, WRITES);
  calls.room.leave("dial");
  calls.enter("dial", "no room");
  assert.deepEqual(calls.refused.slice(1), ["no room too-many-calls"], "obeys the other limit");
  calls.room.leave("write");
  calls.enter("dial", "again");
  assert.equal(calls.started.at(-1), "again");
});

Deno.test("CallRoom: while too many bytes wait nothing large goes out, all else does", () => {
  const calls = new NamedCalls();
  calls.backlogFull = true;
  for (const kind of ["write", "vital", "dial", "control"] as const) calls.enter(kind);
  assert.deepEqual(calls.started, ["vital", "control"]);
  assert.deepEqual(calls.refused, ["dial too-many-calls"]);
  calls.backlogFull = false;
  calls.room.admit();
  assert.deepEqual(calls.started, ["vital", "control", "write"]);
});

Deno.test("CallRoom: a call that is taken back is never started", () => {
  const calls = new NamedCalls();
  calls.backlogFull = true;
  const [kept, taken] = [new AbortController(), new AbortController()];
  calls.enter("write", "taken", taken.signal);
  calls.enter("write", "kept", kept.signal);
  taken.abort();
  assert.deepEqual(calls.refused, ["taken aborted"]);
  calls.enter("write", "dead already", taken.signal);
  calls.backlogFull = false;
  calls.room.admit();
  kept.abort();
  assert.deepEqual(calls.started, ["kept"]);
  assert.deepEqual(calls.refused, ["taken aborted", "dead already aborted"]);
});

Deno.test("CallRoom: at the end all that waits is refused", () => {
  const calls = new NamedCalls();
  calls.backlogFull = true;
  const stop = new AbortController();
  calls.enter("write", "write", stop.signal);
  calls.room.clear();
  stop.abort();
  calls.backlogFull = false;
  calls.room.admit();
  assert.deepEqual([calls.started, calls.refused], [[], ["write aborted"]]);
});
