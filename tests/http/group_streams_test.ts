import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { MessageEvent } from "#events";
import { type FakePorts, inbound, PEER, RawClient, withServer } from "./control_harness.ts";
import { SseParser } from "#support/sse_parser.ts";
import { utf8 } from "#kit";

function said(text: string, groupId: string): MessageEvent {
  return {
    ...inbound("00112233aabbccdd", text),
    network: "cxo",
    channel: "group",
    groupId,
    sentAt: 1_790_000_000_123_456_789n,
  };
}

/** What a client sees of a stream that has been published to: the data of its events. */
async function streamed(path: string, fill: (ports: FakePorts) => void): Promise<string[]> {
  const parser = new SseParser();
  await withServer(async ({ address, ports }) => {
    fill(ports);
    using client = await RawClient.connect(address);
    await client.send(`GET ${path} HTTP/1.0\r\nHost: ${address}\r\n\r\n`);
    ok((await client.until("\r\n\r\n")).includes(" 200 "));
    // Ends the stream, so that all of it can be read.
    ports.events.close();
    parser.push(utf8(await client.rest()));
  });
  return parser.events.map(({ data }) => data);
}

const HOSTILE =
  'x\r\n\r\ndata: {"forged":1}\n\n: \u2028\u2029\u0000","group_id":"team","ts_nano":1,"';

Deno.test("nothing that a member wrote, and no group id, begins an event of its own", async () => {
  const fill = ({ events }: FakePorts) => {
    events.publishMessage(said(HOSTILE, HOSTILE));
    events.publishMessage(said(`{"skychat_file":{"id":"\\n\\ndata: x","name":"\\r\\n"}}`, "team"));
    events.publishGroupDelete({ groupId: HOSTILE, deletedBy: PEER, deletedTs: -1n });
    events.publishMessage({ ...said(HOSTILE, "team"), channel: "system" });
  };
  const legacy = await streamed("/sse", fill);
  const seen = legacy.map((data) => JSON.parse(data));
  deepStrictEqual(seen.map(({ message, channel }) => message ?? channel), [
    HOSTILE,
    "📎 \r\n",
    "group-delete",
  ]);
  strictEqual(seen[2].group_id, HOSTILE);
  const events = (await streamed("/events?channel=all,system", fill)).map((data) =>
    JSON.parse(data)
  );
  deepStrictEqual(events.map(({ group_id, text }) => [group_id, text === HOSTILE]), [
    [HOSTILE, true],
    ["team", false],
    ["team", true],
  ]);
});

Deno.test("/events?group= has one group, with the author's time to the last digit", async () => {
  const fill = ({ events }: FakePorts) => {
    events.publishMessage(inbound("1", "direct"));
    events.publishMessage(said("of the team", "team/1 ä"));
    events.publishMessage(said("of another", "team"));
    events.publishMessage({ ...said("roster add x", "team/1 ä"), channel: "system" });
  };
  const group = encodeURIComponent("team/1 ä");
  const own = await streamed(`/events?group=${group}`, fill);
  strictEqual(own.length, 1);
  ok(own[0]?.includes('"ts_nano":1790000000123456789}'));
  const all = await streamed(`/events?channel=group,system&group=${group}&since=1`, fill);
  deepStrictEqual(all.map((data) => JSON.parse(data).seq), [2, 4]);
  strictEqual((await streamed("/events?group=", fill)).length, 3);
});

Deno.test("/events refuses what no group is called", async () => {
  await withServer(async ({ address }) => {
    for (const group of ["%0a", "%00", "x".repeat(129), "%E2%80%A8"]) {
      const reply = await fetch(`http://${address}/events?group=${group}`);
      strictEqual(reply.status, 400, group);
      strictEqual(await reply.text(), "invalid group\n");
    }
  });
});
