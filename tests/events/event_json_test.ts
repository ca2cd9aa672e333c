import assert from "node:assert/strict";
import fc from "fast-check";
import {
  legacyMessageLine,
  type MessageEvent,
  parseChannels,
  statusLine,
  structuredMessageLine,
} from "#events";

const ALICE = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const BOB = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

const inbound: MessageEvent = {
  direction: "in",
  id: "8077ca12ee05c806",
  network: "tcp-direct",
  sender: ALICE,
  text: "hello",
  length: 5,
  channel: "dm",
  wall: 1_788_861_601_123_456_789n,
};

Deno.test("legacyMessageLine has the keys of an inbound message, sorted, and no others", () => {
  assert.equal(
    legacyMessageLine(inbound),
    `{"dir":"in","id":"8077ca12ee05c806","len":5,"message":"hello","network":"tcp-direct",` +
      `"sender":"${ALICE}","ts":"2026-09-08T10:00:01.123456789Z"}`,
  );
});

Deno.test("legacyMessageLine names the recipient of an outbound message only", () => {
  const line = legacyMessageLine({ ...inbound, direction: "out", to: BOB });
  assert.match(
    line,
    new RegExp(`^{"dir":"out",.*"sender":"${ALICE}","to":"${BOB}","ts":"[^"]+"}$`),
  );
  assert.doesNotMatch(legacyMessageLine({ ...inbound, to: BOB }), /"to"/);
});

Deno.test("both streams give a message the same time, to the nanosecond", () => {
  for (const wall of [0n, 1_788_861_601_000_000_000n, 1_788_861_601_120_000_000n, inbound.wall]) {
    const event = { ...inbound, wall };
    const { ts } = JSON.parse(legacyMessageLine(event));
    assert.equal(ts, JSON.parse(structuredMessageLine(event, 1)).ts);
    assert.match(ts, /Z$/);
  }
});

Deno.test("legacyMessageLine adds quotation, forward and request only where there are any", () => {
  assert.match(legacyMessageLine({ ...inbound, replyTo: "00ff" }), /"reply_to_id":"00ff"/);
  assert.match(legacyMessageLine({ ...inbound, request: true }), /"request":true/);
  assert.doesNotMatch(legacyMessageLine({ ...inbound, replyTo: "", request: false }), /reply|req/);
  const forward = legacyMessageLine({ ...inbound, text: '{"skychat_forward":{"text":"x"}}' });
  assert.match(forward, /"forwarded":true,/);
  assert.doesNotMatch(forward, /forward_from/);
});

Deno.test("statusLine has the keys of a delivery status", () => {
  assert.equal(
    statusLine({ id: "00ff", peer: BOB, status: "read" }),
    `{"channel":"dm-status","id":"00ff","peer":"${BOB}","status":"read"}`,
  );
});

Deno.test("structuredMessageLine has every key in the order of the specification", () => {
  const line = structuredMessageLine(
    {
      ...inbound,
      direction: "out",
      to: BOB,
      replyTo: "00ff",
      request: true,
      channel: "group",
      groupId: "team",
    },
    7,
  );
  assert.equal(
    line,
    `{"seq":7,"id":"8077ca12ee05c806","ts":"2026-09-08T10:00:01.123456789Z","channel":"group",` +
      `"transport":"tcp-direct","dir":"out","from":"${ALICE}","to":"${BOB}","group_id":"team",` +
      `"text":"hello","reply_to_id":"00ff","len":5,"request":true}`,
  );
});

Deno.test("structuredMessageLine leaves structured bodies wrapped", () => {
  const text = '{"skychat_reply":{"text":"yes"}}';
  assert.equal(JSON.parse(structuredMessageLine({ ...inbound, text }, 1)).text, text);
});

Deno.test("event lines escape whatever a reader might take for a line end", () => {
  const text = "a\nb\rc\r\nd\u0000e\u2028f\u2029g\u0085h data: x\n\ndata: y";
  for (
    const line of [legacyMessageLine, structuredMessageLine].map((f) => f({ ...inbound, text }, 1))
  ) {
    // deno-lint-ignore no-control-regex -- control characters are what this is about
    assert.doesNotMatch(line, /[\u0000-\u001f\u2028\u2029]/);
    const parsed = JSON.parse(line);
    assert.equal(parsed.text ?? parsed.message, text);
  }
});

Deno.test("event lines show half a surrogate pair as U+FFFD, in every foreign field", () => {
  const odd = { ...inbound, text: "a\ud800b", id: "\udc00", replyTo: "\ud800" };
  const legacy = JSON.parse(legacyMessageLine(odd));
  assert.deepEqual([legacy.message, legacy.id, legacy.reply_to_id], [
    "a\ufffdb",
    "\ufffd",
    "\ufffd",
  ]);
  const structured = JSON.parse(structuredMessageLine(odd, 1));
  assert.deepEqual([structured.text, structured.id], ["a\ufffdb", "\ufffd"]);
  assert.equal(JSON.parse(statusLine({ id: "\ud800", peer: BOB, status: "read" })).id, "\ufffd");
  const quoted = '{"skychat_reply":{"text":"\\ud800","to_preview":"\\udfff"}}';
  assert.equal(JSON.parse(legacyMessageLine({ ...inbound, text: quoted })).message, "\ufffd");
});

Deno.test("event lines keep any text and are one line each", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const line = structuredMessageLine({ ...inbound, text }, 1);
      assert.equal(JSON.parse(line).text, text);
      assert.equal(line.split(/[\r\n\u2028\u2029]/).length, 1);
    }),
    { numRuns: 200 },
  );
});

Deno.test("parseChannels reads every row of the specification", () => {
  const ordinary = ["dm", "group", "pair"];
  const rows: [string | undefined, string[]][] = [
    [undefined, ordinary],
    ["", ordinary],
    [" ", ordinary],
    ["all", ordinary],
    ["all,system", [...ordinary, "system"]],
    ["system", ["system"]],
    ["dm", ["dm"]],
    [" dm , pair ", ["dm", "pair"]],
    ["dm,nonsense,,dm", ["dm"]],
    ["nonsense", ordinary],
    ["DM", ordinary],
    ["__proto__", ordinary],
  ];
  for (const [csv, expected] of rows) assert.deepEqual([...parseChannels(csv)], expected, csv);
});
