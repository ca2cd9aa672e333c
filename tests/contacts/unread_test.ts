import { strictEqual, throws } from "node:assert/strict";
import { UnreadEstimate } from "#contacts";

Deno.test("UnreadEstimate adds inbound messages to the total reported last", () => {
  const unread = new UnreadEstimate();
  strictEqual(unread.read(), 0);
  unread.received();
  unread.received();
  strictEqual(unread.read(), 2);
  unread.reset(7);
  unread.received();
  strictEqual(unread.read(), 8);
  unread.reset(0);
  strictEqual(unread.read(), 0);
});

Deno.test("UnreadEstimate refuses what is no count and keeps what it had", () => {
  const unread = new UnreadEstimate();
  unread.reset(3);
  for (const total of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    throws(() => unread.reset(total), RangeError);
  }
  strictEqual(unread.read(), 3);
});
