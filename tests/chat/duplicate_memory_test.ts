import assert from "node:assert/strict";
import { CHAT_LIMITS, type ChatLimits, DUPLICATE_WINDOW, MAX_STORED_ID } from "#chat";
import { ManualClock } from "#support/manual_clock.ts";
import { DuplicateMemory } from "../../lib/chat/duplicate_memory.ts";

function newMemory(limits: Partial<ChatLimits> = {}) {
  const clock = new ManualClock();
  const memory = new DuplicateMemory({ clock, limits: { ...CHAT_LIMITS, ...limits } });
  const seen = (peer: string, id: string, body = "b") => memory.seenBefore(peer, { id, body });
  return { clock, memory, seen };
}

Deno.test("DuplicateMemory knows the same peer, id and body again, and nothing else", () => {
  const { seen } = newMemory();
  assert.equal(seen("alice", "1"), false);
  assert.equal(seen("alice", "1"), true);
  assert.equal(seen("alice", "2"), false);
  assert.equal(seen("bob", "1"), false);
  assert.equal(seen("alice", "1", "c"), false);
  assert.equal(seen("alice", "1", "c"), true);
  assert.equal(seen("alice", "1", "b"), false);
});

Deno.test("DuplicateMemory tells bodies apart that differ in one character", () => {
  const { seen } = newMemory();
  const bodies = ["", "a", "b", "aa", "ab", "ba", "a\u0000", "\u0161", "a".repeat(60_000)];
  for (const body of bodies) assert.equal(seen("alice", "1", body), false);
  const long = "x".repeat(1_000);
  for (let at = 0; at < 1_000; at++) {
    assert.equal(seen("alice", "1", `${long.slice(0, at)}y${long.slice(at + 1)}`), false);
  }
});

Deno.test("DuplicateMemory forgets after ten minutes", async () => {
  const { seen, clock, memory } = newMemory();
  seen("alice", "1");
  await clock.advance(DUPLICATE_WINDOW);
  assert.equal(seen("alice", "1"), true);
  await clock.advance(DUPLICATE_WINDOW + 1);
  assert.equal(seen("alice", "1"), false);
  await clock.advance(DUPLICATE_WINDOW + 1);
  seen("alice", "2");
  assert.equal(memory.size, 1);
});

Deno.test("DuplicateMemory keeps out ids that are empty or too long", () => {
  const { seen, memory } = newMemory();
  const long = "1".repeat(MAX_STORED_ID);
  for (const id of ["", long + "1"]) {
    assert.deepEqual([seen("a", id), seen("a", id)], [false, false]);
  }
  assert.equal(memory.size, 0);
  assert.deepEqual([seen("alice", long), seen("alice", long)], [false, true]);
});

Deno.test("DuplicateMemory forgets a peer's oldest id beyond its share", () => {
  const { seen, memory } = newMemory({ duplicatesPerPeer: 3 });
  for (const id of ["1", "2", "3", "4"]) seen("alice", id);
  assert.equal(memory.size, 3);
  assert.deepEqual([seen("alice", "2"), seen("alice", "1")], [true, false]);
});

Deno.test("DuplicateMemory bounds the total by what the quietest peer sent first", () => {
  const { seen, memory } = newMemory({ duplicates: 4, duplicatesPerPeer: 3 });
  for (const id of ["1", "2"]) seen("alice", id);
  seen("bob", "1");
  seen("alice", "3");
  seen("carol", "1");
  assert.equal(memory.size, 4);
  assert.equal(seen("alice", "3"), true);
  assert.equal(seen("carol", "1"), true);
  assert.equal(seen("bob", "1"), false);
  for (let peer = 0; peer < 1_000; peer++) seen(`stranger ${peer}`, "1");
  assert.equal(memory.size, 4);
});

Deno.test("DuplicateMemory knows a message with half a surrogate pair before and after a restart", () => {
  const wire = { id: "1\udc00", body: "half \ud83d" };
  const stored = { id: wire.id.toWellFormed(), body: wire.body.toWellFormed() };
  const { memory } = newMemory();
  memory.remember("alice", { ...stored, ageMs: 1_000 });
  assert.equal(memory.seenBefore("alice", wire), true, "after a restart");
  assert.equal(memory.seenBefore("alice", wire), true, "in the process");
  assert.equal(memory.size, 1);
});
