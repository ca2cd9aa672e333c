import assert from "node:assert/strict";
import { ManualClock } from "#support/manual_clock.ts";
import { ReceiptBook } from "../../lib/chat/receipts.ts";

function newBook(capacity = 100): { book: ReceiptBook; clock: ManualClock } {
  const clock = new ManualClock();
  return { book: new ReceiptBook({ clock, capacity }), clock };
}

Deno.test("ReceiptBook settles a receipt that comes, with its time, and stops the timer", async () => {
  const { book, clock } = newBook();
  const receipt = book.expect("alice", "1");
  receipt.startTimer(100);
  await clock.advance(40);
  assert.equal(book.release("alice", "1"), true);
  assert.deepEqual(await receipt.outcome, { kind: "acked", at: 40 });
  assert.deepEqual([book.size, clock.pending], [0, 0]);
});

Deno.test("ReceiptBook takes a receipt that comes before the timer was started", async () => {
  const { book, clock } = newBook();
  const receipt = book.expect("alice", "1");
  book.release("alice", "1");
  receipt.startTimer(100);
  assert.equal(clock.pending, 0);
  assert.deepEqual(await receipt.outcome, { kind: "acked", at: 0 });
});

Deno.test("ReceiptBook.release needs the right peer and the right id, and works once", () => {
  const { book } = newBook();
  book.expect("alice", "1").startTimer(100);
  assert.equal(book.release("bob", "1"), false);
  assert.equal(book.release("alice", "2"), false);
  assert.equal(book.release("alice", "1"), true);
  assert.equal(book.release("alice", "1"), false);
});

Deno.test("PendingReceipt ends in silence after its time, not before", async () => {
  const { book, clock } = newBook();
  const receipt = book.expect("alice", "1");
  receipt.startTimer(100);
  await clock.advance(99);
  assert.equal(book.size, 1);
  await clock.advance(1);
  assert.deepEqual(await receipt.outcome, { kind: "silence" });
  assert.equal(book.size, 0);
});

Deno.test("ReceiptBook abandons the oldest when too many are awaited, and all when it closes", async () => {
  const { book, clock } = newBook(2);
  const [first, second, third] = ["1", "2", "3"].map((id) => book.expect("alice", id));
  assert.ok(first && second && third);
  assert.deepEqual(await first.outcome, { kind: "abandoned" });
  assert.equal(book.size, 2);
  second.startTimer(100);
  book.close();
  assert.deepEqual(await Promise.all([second.outcome, third.outcome]), [
    { kind: "abandoned" },
    { kind: "abandoned" },
  ]);
  assert.deepEqual([book.size, clock.pending], [0, 0]);
});
