import assert from "node:assert/strict";
import {
  DUPLICATE_WINDOW,
  MAX_OUTBOX_EXPIRY_MS,
  MIN_OUTBOX_EXPIRY_MS,
  OUTBOX_EXPIRY_MS,
  OUTBOX_RESEND_MS,
  type QueuedMessage,
} from "#chat";
import {
  expiryOf,
  fullText,
  listed,
  nextExpiryMs,
  nextStep,
  OUTBOX_LIMITS,
} from "../../lib/chat/outbox_plan.ts";

const MS = 1_000_000n;
const NOW = 1_789_000_000_000_000_000n;

function queued(more: Partial<QueuedMessage> = {}): QueuedMessage {
  return {
    id: "00ff",
    to: "02",
    text: "hi",
    queuedAt: `${NOW}`,
    expiresAt: `${NOW + 3_600_000n * MS}`,
    ...more,
  };
}

Deno.test("nextStep sends what was never written, however long it waited", () => {
  assert.equal(nextStep(queued(), NOW), "send");
  assert.equal(nextStep(queued(), NOW + 3_600_000n * MS - 1n), "send");
});

Deno.test("nextStep repeats only while the recipient recognises a repetition", () => {
  const window = BigInt(OUTBOX_RESEND_MS) * MS;
  const message = queued({ writtenAt: `${NOW}` });
  assert.equal(nextStep(message, NOW + window), "send");
  assert.equal(nextStep(message, NOW + window + 1n), "give-up");
  assert.ok(OUTBOX_RESEND_MS < DUPLICATE_WINDOW);
});

Deno.test("nextStep does not trust a clock that was set far back", () => {
  const message = queued({ writtenAt: `${NOW}` });
  assert.equal(nextStep(message, NOW - 1_000n * MS), "send");
  assert.equal(nextStep(message, NOW - 3_000_000n * MS), "give-up");
});

Deno.test("nextStep repeats nothing that stayed without a receipt on a living link", () => {
  assert.equal(nextStep(queued({ writtenAt: `${NOW}`, unconfirmed: true }), NOW), "give-up");
});

Deno.test("nextStep drops what is expired, written or not", () => {
  const wall = NOW + 3_600_000n * MS;
  assert.equal(nextStep(queued(), wall), "expire");
  assert.equal(nextStep(queued({ writtenAt: `${wall}` }), wall), "expire");
});

Deno.test("expiryOf keeps the time within its bounds", () => {
  const after = (ms: number | undefined) => Number((expiryOf(NOW, ms) - NOW) / MS);
  assert.equal(after(undefined), OUTBOX_EXPIRY_MS);
  assert.equal(after(60_000.4), 60_000);
  assert.equal(after(1), MIN_OUTBOX_EXPIRY_MS);
  assert.equal(after(Infinity), MAX_OUTBOX_EXPIRY_MS);
});

Deno.test("nextExpiryMs is the time until the first of all, never too short", () => {
  assert.equal(nextExpiryMs([], NOW), undefined);
  const messages = [queued(), queued({ expiresAt: `${NOW + 5n * MS + 1n}` })];
  assert.equal(nextExpiryMs(messages, NOW), 6);
});

Deno.test("fullText names the bound that is reached", () => {
  const load = { entries: 999, ofPeer: 99, bytes: OUTBOX_LIMITS.bytes };
  assert.equal(fullText(load, OUTBOX_LIMITS), undefined);
  const text = (more: Partial<typeof load>) => fullText({ ...load, ...more }, OUTBOX_LIMITS);
  assert.equal(text({ entries: 1_000 }), "queue: the outbox is full: 1000 messages wait");
  assert.equal(
    text({ ofPeer: 100 }),
    "queue: the outbox is full for this peer: 100 messages wait",
  );
  assert.equal(
    text({ bytes: OUTBOX_LIMITS.bytes + 1 }),
    "queue: the outbox is full: more than 4194304 bytes wait",
  );
});

Deno.test("listed is what GET /outbox shows", () => {
  assert.deepEqual(listed(queued({ replyTo: "0a" }), "waiting"), {
    id: "00ff",
    to: "02",
    text: "hi",
    reply_to: "0a",
    queued_at: "2026-09-10T00:26:40Z",
    expires_at: "2026-09-10T01:26:40Z",
    state: "waiting",
  });
  assert.ok(!("reply_to" in listed(queued(), "sending")));
});
