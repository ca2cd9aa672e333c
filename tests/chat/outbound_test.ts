import assert from "node:assert/strict";
import { utf8Text } from "#kit";
import { effectiveWait, MAX_WAIT, MIN_WAIT, noConnectionText, type SendRequest } from "#chat";
import { FRAME_HEADER_LENGTH, MAX_FRAME_PAYLOAD } from "#session";
import { ALICE } from "#support/fake_chat_link.ts";
import { noReceiptText, planSend, writeFailedText } from "../../lib/chat/outbound.ts";

const ID = "00000000000000ff";

function planFor(request: Partial<SendRequest>) {
  return planSend({ recipient: ALICE, text: "hi", ...request }, () => ID);
}

/** The payload a request becomes. */
function payloadOf(request: Partial<SendRequest>): string {
  const plan = planFor(request);
  assert.ok(plan.kind === "send");
  return utf8Text(plan.frame.subarray(FRAME_HEADER_LENGTH));
}

Deno.test("planSend wraps a message only when an id is needed", () => {
  const wrapped = (rest: string) => `{"type":"chat-msg","id":"${ID}","body":"hi"${rest}}`;
  const rows: [Partial<SendRequest>, string][] = [
    [{}, "hi"],
    [{ waitMs: 0, receipts: false, replyTo: "" }, "hi"],
    [{ waitMs: -5 }, "hi"],
    [{ waitMs: 1 }, wrapped(',"ack":true')],
    [{ receipts: true }, wrapped(',"ack":true')],
    [{ replyTo: "0a" }, wrapped(',"reply_to":"0a"')],
    [{ replyTo: "0a", waitMs: 9 }, wrapped(',"ack":true,"reply_to":"0a"')],
    [{ replyTo: "0a", receipts: true }, wrapped(',"ack":true,"reply_to":"0a"')],
  ];
  for (const [request, payload] of rows) assert.equal(payloadOf(request), payload);
});

Deno.test("planSend lets waiting win over receipts", () => {
  const receiptOf = (request: Partial<SendRequest>) => {
    const plan = planFor(request);
    return plan.kind === "send" && plan.receipt;
  };
  assert.equal(receiptOf({ waitMs: 5, receipts: true }), "wait");
  assert.equal(receiptOf({ receipts: true }), "watch");
  assert.equal(receiptOf({}), "none");
});

Deno.test("effectiveWait clamps what is above 0", () => {
  assert.deepEqual([1, 99, 100, 101].map(effectiveWait), [MIN_WAIT, MIN_WAIT, 100, 101]);
  assert.deepEqual([59_999, 60_000, 999_999, Infinity].map(effectiveWait), [
    59_999,
    MAX_WAIT,
    MAX_WAIT,
    MAX_WAIT,
  ]);
  assert.deepEqual([0, -1, NaN].map(effectiveWait), [0, 0, 0]);
});

Deno.test("planSend refuses an empty text and one that does not fit, encoded", () => {
  assert.deepEqual(planFor({ text: "" }), {
    kind: "failed",
    code: "empty",
    message: "skychat/dm: empty message",
  });
  assert.equal(planFor({ text: "x".repeat(MAX_FRAME_PAYLOAD) }).kind, "send");
  assert.deepEqual(planFor({ text: "é".repeat(MAX_FRAME_PAYLOAD / 2) + "x" }), {
    kind: "failed",
    code: "too-large",
    message: "skychat: payload 65537 > max 65536",
  });
  assert.deepEqual(planFor({ text: '"'.repeat(40_000), receipts: true }), {
    kind: "failed",
    code: "too-large",
    message: "skychat: payload 80064 > max 65536",
  });
});

Deno.test("planSend counts bytes and replaces half a surrogate pair", () => {
  const plan = planFor({ text: "é\ud800", replyTo: "\udc00" });
  assert.ok(plan.kind === "send");
  assert.deepEqual([plan.text, plan.length, plan.replyTo], ["é\ufffd", 5, "\ufffd"]);
});

Deno.test("outbound texts begin with the deployed ones", () => {
  assert.equal(
    noConnectionText(ALICE, undefined),
    "dial 0279be66 over skynet: skychat/dm: no transport configured (dial unavailable)" +
      ": no live tcp-direct connection",
  );
  assert.match(noConnectionText(ALICE, "auto"), /^dial 0279be66 over auto: /);
  assert.equal(
    writeFailedText("broken pipe"),
    "redial after write broken pipe: skychat/dm: no transport configured (dial unavailable)",
  );
  assert.equal(
    noReceiptText(ALICE, 20),
    "skychat/dm: no receipt from 0279be66 within 20s — dropped stale conn; next send will redial" +
      " (closed)",
  );
});
