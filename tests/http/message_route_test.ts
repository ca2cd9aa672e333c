import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type ControlSendOutcome, DEFAULT_QUEUE_MS, MAX_WAITS } from "#http";
import { firstJsonValue } from "../../lib/http/json_body.ts";
import { limitWaits, postMessage } from "../../lib/http/message_route.ts";
import { FakePorts, PEER } from "./control_harness.ts";

async function post(body: string, outcome?: ControlSendOutcome) {
  const ports = new FakePorts();
  if (outcome !== undefined) ports.outcome = () => Promise.resolve(outcome);
  const reply = await postMessage(body, ports);
  const type = reply.headers.get("content-type");
  return { status: reply.status, type, text: await reply.text(), sent: ports.requests };
}

function body(fields: Record<string, unknown>): string {
  return JSON.stringify({ recipient: PEER, message: "hi", ...fields });
}

const ID = "8077ca12ee05c806";
const NO_LINK = "dial 02c6047f over skynet: skychat/dm: no transport configured (dial unavailable)";

Deno.test("POST /message answers every outcome as the reply table has it (http-api.md 8 check 1)", async () => {
  const rows: [ControlSendOutcome, number, string][] = [
    [
      { kind: "sent", id: ID, network: "tcp-direct" },
      200,
      `{"id":"${ID}","network":"tcp-direct","ok":true}\n`,
    ],
    [{ kind: "receipt-asked", id: ID }, 200, `{"id":"${ID}","ok":true}\n`],
    [{ kind: "acked", id: ID, ms: 12 }, 200, `{"acked":true,"id":"${ID}","ms":12}\n`],
    [
      { kind: "timeout", id: ID, ms: 100 },
      504,
      `{"acked":false,"id":"${ID}","ms":100,"reason":"timeout"}\n`,
    ],
    [{ kind: "failed", code: "no-connection", message: NO_LINK }, 400, `${NO_LINK}\n`],
    [
      { kind: "failed", code: "empty", message: "skychat/dm: empty message" },
      400,
      "skychat/dm: empty message\n",
    ],
    [
      { kind: "failed", code: "too-large", message: "skychat: payload 65537 > max 65536" },
      400,
      "skychat: payload 65537 > max 65536\n",
    ],
    [{ kind: "failed", code: "write-failed", message: "broken pipe" }, 400, "broken pipe\n"],
    [
      { kind: "queued", id: ID, expires: 1_789_000_000_500_000_000n },
      202,
      `{"expires":"2026-09-10T00:26:40.5Z","id":"${ID}","ok":true,"queued":true}\n`,
    ],
    [{ kind: "unqueueable", code: "no-store", message: "no store" }, 503, "no store\n"],
    [{ kind: "unqueueable", code: "full", message: "full" }, 507, "full\n"],
    [{ kind: "unqueueable", code: "too-large", message: "large" }, 400, "large\n"],
  ];
  for (const [outcome, status, text] of rows) {
    const reply = await post(body({}), outcome);
    deepStrictEqual([reply.status, reply.text], [status, text]);
    const type = text.startsWith("{") ? "application/json" : "text/plain; charset=utf-8";
    strictEqual(reply.type, type);
  }
});

Deno.test("POST /message hands over what was asked, with the defaults of http-api.md 4.1", async () => {
  const rows: [Record<string, unknown>, Record<string, unknown>][] = [
    [{}, {}],
    [{ wait_ms: 0 }, {}],
    [{ wait_ms: -5, receipts: true }, { receipts: true }],
    [{ wait_ms: 1 }, { waitMs: 1 }],
    [{ wait_ms: 90_000, receipts: true }, { waitMs: 90_000 }],
    [{ receipts: false, reply_to: "" }, {}],
    [{ reply_to: "abc" }, { replyTo: "abc" }],
    [{ network: "tcp-direct" }, { network: "tcp-direct" }],
    [{ network: "" }, {}],
    [{ wait_ms: null, receipts: null, reply_to: null, network: null, other: [1] }, {}],
    [{ message: "" }, { text: "" }],
    [{ message: null }, { text: "" }],
    [{ queue: true }, { queueForMs: DEFAULT_QUEUE_MS }],
    [{ queue: true, expires_in_ms: 5, wait_ms: 7 }, { queueForMs: 5, waitMs: 7 }],
    [{ queue: false, expires_in_ms: 0 }, {}],
    [{ queue: null, expires_in_ms: null }, {}],
  ];
  for (const [fields, expected] of rows) {
    const { sent, status } = await post(body(fields));
    strictEqual(status, 200);
    const { recipient, ...rest } = sent[0] ?? {};
    strictEqual(recipient?.hex, PEER);
    deepStrictEqual(rest, { text: "hi", network: "skynet", ...expected }, JSON.stringify(fields));
  }
  const upper = await post(body({ recipient: PEER.toUpperCase() }));
  strictEqual(upper.sent[0]?.recipient.hex, PEER);
});

Deno.test("POST /message refuses what it cannot read with 400 and the reason (http-api.md 8 check 1)", async () => {
  const rows: [string, string][] = [
    ["", "EOF"],
    [" \r\n", "EOF"],
    ["{", "unexpected EOF"],
    ['{"message":"', "unexpected EOF"],
    ["hello", "invalid body: not valid JSON"],
    ["}", "invalid body: not valid JSON"],
    ["{]", "invalid body: not valid JSON"],
    [`{"message":"secret"x}`, "invalid body: not valid JSON"],
    ["[]", "body must be a JSON object"],
    ["null", "body must be a JSON object"],
    ['"text"', "body must be a JSON object"],
    [body({ recipient: 5 }), "recipient must be a string"],
    [body({ message: {} }), "message must be a string"],
    [body({ wait_ms: "5" }), "wait_ms must be an integer"],
    [body({ wait_ms: 1.5 }), "wait_ms must be an integer"],
    [`{"wait_ms":1e999}`, "wait_ms must be an integer"],
    [body({ receipts: "yes" }), "receipts must be true or false"],
    [body({ reply_to: 1 }), "reply_to must be a string"],
    [body({ network: [] }), "network must be a string"],
    [body({ queue: 1 }), "queue must be true or false"],
    [body({ expires_in_ms: 1.5 }), "expires_in_ms must be an integer"],
    [body({ queue: true, expires_in_ms: 0 }), "expires_in_ms must be above 0"],
    [body({ queue: true, expires_in_ms: -1 }), "expires_in_ms must be above 0"],
    ["{}", "empty public key"],
    [body({ recipient: "" }), "empty public key"],
    [body({ recipient: "0".repeat(66) }), "empty public key"],
    [body({ recipient: "zz" }), "Invalid public key"],
    [body({ recipient: "02ab" }), "Invalid public key length"],
    [body({ recipient: `02${"f".repeat(64)}` }), "Invalid public key"],
    [body({ network: "ipx" }), "invalid network type: use 'auto', 'skynet' or 'dmsg'"],
    [body({ network: "__proto__" }), "invalid network type: use 'auto', 'skynet' or 'dmsg'"],
    [body({ recipient: "", network: "ipx" }), "empty public key"],
  ];
  for (const [text, expected] of rows) {
    const reply = await post(text);
    deepStrictEqual([reply.status, reply.sent], [400, []], text);
    strictEqual(reply.text, `${expected}\n`);
  }
});

Deno.test("POST /message lets a mistake of ours through to the error handler", async () => {
  const ports = new FakePorts();
  ports.outcome = () => Promise.reject(new TypeError("ours"));
  await rejects(postMessage(body({}), ports), TypeError);
});

Deno.test("firstJsonValue reads the first value and ignores whatever follows", () => {
  const tail = fc.constantFrom("", " ", "\n{}", " garbage", "}", "]", '"', " 5");
  fc.assert(
    fc.property(fc.jsonValue(), tail, (value, after) => {
      const text = JSON.stringify(value);
      // A number may go on in what follows it; everything else ends by itself.
      const glued = typeof value === "object" || typeof value === "string" ? "" : " ";
      deepStrictEqual(firstJsonValue(` ${text}${glued}${after}`), JSON.parse(text));
    }),
    { numRuns: 200 },
  );
});

Deno.test("firstJsonValue answers any text with a value or a BodyError, and deep nesting too", () => {
  for (const text of ["[".repeat(500_000), '{"a":'.repeat(100_000)]) {
    try {
      firstJsonValue(text);
    } catch (error) {
      strictEqual(Error.isError(error) && error.name, "BodyError");
    }
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ 1tn') }), (text) => {
      try {
        firstJsonValue(text);
      } catch (error) {
        strictEqual(Error.isError(error) && error.name, "BodyError");
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("POST /message answers 503 while too many wait, and sends what waits for nothing", async () => {
  const ports = new FakePorts();
  const { promise, resolve } = Promise.withResolvers<ControlSendOutcome>();
  ports.outcome = () => promise;
  const messages = limitWaits(ports);
  const waits = Array.from(
    { length: MAX_WAITS },
    () => postMessage(body({ wait_ms: 100 }), messages),
  );
  const refused = await postMessage(body({ wait_ms: 100 }), messages);
  deepStrictEqual(
    [refused.status, await refused.text()],
    [503, "too many messages wait for a receipt\n"],
  );
  strictEqual(ports.requests.length, MAX_WAITS, "what was refused was not sent");
  const unwaited = postMessage(body({}), messages);
  strictEqual(ports.requests.length, MAX_WAITS + 1);
  resolve({ kind: "acked", id: ID, ms: 1 });
  await Promise.all([...waits, unwaited]);
  strictEqual((await postMessage(body({ wait_ms: 100 }), messages)).status, 200);
});
