import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { MemoryNetwork } from "#net";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { TestNode } from "#support/test_node.ts";

const keys = ["0a", "0b", "0c"].map((byte) => SecretKey.parse(byte.repeat(32)));
const [A, B, C] = keys.map((key) => key.publicKey.hex);

async function statusOf(node: { url: string }): Promise<Record<string, unknown>> {
  const answer = await fetch(`${node.url}/status`);
  assert.equal(answer.status, 200);
  return await answer.json();
}

/** Every key of http-api.md 4.4, and ours, with the values of a node that nothing happened to. */
const FRESH: Readonly<Record<string, unknown>> = {
  ack_mode: "received",
  active_peer_conns: 0,
  app_uptime_sec: 0,
  cxo: null,
  events_durable: false,
  events_seq: 0,
  frame_proto_version: 1,
  groups: [],
  groups_error: "pair-rpc-disabled",
  handshakes: null,
  history: null,
  identity_source: "flag",
  inbound_drop_count: 0,
  inbound_msg_count: 0,
  last_rx_ts: "",
  last_send_ts: "",
  outbound_fail_count: 0,
  outbound_fallback_count: 0,
  outbound_msg_count: 0,
  outbound_retry_count: 0,
  outbox_count: 0,
  pairing_enabled: false,
  peers: [],
  persistence_enabled: false,
  schema_version: "v1",
  sse_drop_count: 0,
  sse_subscribers: 0,
  standalone: true,
  tcp_listen: "",
  tcp_peers: [],
  visor_pk: A,
};

/** What a listener counted: nothing, unless said otherwise. */
function handshakes(counts: Readonly<Record<string, number>> = {}): Record<string, number> {
  return {
    failed: 0,
    in_progress: 0,
    live: 0,
    ok: 0,
    refused_full: 0,
    refused_rate: 0,
    refused_slots: 0,
    rejected_whitelist: 0,
    timeout: 0,
    ...counts,
  };
}

Deno.test("/status has every key of http-api.md 4.4 before any message (http-api.md 8, check 9)", async () => {
  const node = await TestNode.start({ config: { sk: "0a".repeat(32), pairEnable: true } });
  assert.deepEqual(await statusOf(node), { ...FRESH, pairing_enabled: true });
  await node.stop();
});

Deno.test("/status names a random identity as such", async () => {
  const node = await TestNode.start();
  const { visor_pk, ...rest } = await statusOf(node);
  assert.match(String(visor_pk), /^0[23][0-9a-f]{64}$/);
  assert.deepEqual({ ...rest, visor_pk: A }, { ...FRESH, identity_source: "ephemeral" });
  await node.stop();
});

Deno.test("/status follows links, messages, subscribers and time, on both sides", async () => {
  const network = new MemoryNetwork();
  const clock = new ManualClock();
  const a = await TestNode.start({
    config: { sk: "0a".repeat(32), tcpListen: ":8801" },
    network,
    clock,
  });
  const b = await TestNode.start({
    config: {
      sk: "0b".repeat(32),
      // Nobody listens at the second one.
      tcpPeers: [`tcp://${A}@127.0.0.1:8801`, `tcp://${C}@127.0.0.1:8802`],
    },
    network,
    clock,
  });
  await a.log.until("conn accepted");
  await b.log.until("connected to");
  await b.log.until(`dial ${C}@127.0.0.1:8802 failed`);
  await clock.advance(400);
  await send(b, A);
  await settle();
  const sent = "2026-09-10T00:26:40.4Z";

  const linked = { active_peer_conns: 1, app_uptime_sec: 0, events_seq: 1 };
  assert.deepEqual(await statusOf(a), {
    ...FRESH,
    ...linked,
    handshakes: handshakes({ live: 1, ok: 1 }),
    inbound_msg_count: 1,
    last_rx_ts: sent,
    peers: [B],
    // An event that nobody reads counts as dropped (messages.md 9).
    sse_drop_count: 1,
    tcp_listen: "[::]:8801",
  });
  const atB = {
    ...FRESH,
    ...linked,
    last_send_ts: sent,
    outbound_msg_count: 1,
    peers: [A],
    sse_drop_count: 1,
    tcp_peers: [
      { addr: "127.0.0.1:8801", connected: true, pk: A },
      { addr: "127.0.0.1:8802", connected: false, pk: C },
    ],
    visor_pk: B,
  };
  assert.deepEqual(await statusOf(b), atB);

  const stream = await fetch(`${b.url}/sse`);
  await a.stop();
  await b.log.until("disconnected from");
  assert.equal((await send(b, A)).status, 400);
  await clock.advance(600);
  const alone = await statusOf(b);
  assert.deepEqual(alone, {
    ...atB,
    active_peer_conns: 0,
    app_uptime_sec: 1,
    // The end of a link that was read counts (messages.md 9).
    inbound_drop_count: 1,
    outbound_fail_count: 1,
    peers: [],
    sse_subscribers: 1,
    tcp_peers: atB.tcp_peers.map((peer) => ({ ...peer, connected: false })),
  });
  await b.stop();
  await stream.body?.cancel();
});

/** Sends one message without waiting for its receipt. */
async function send(from: { url: string }, recipient = ""): Promise<{ status: number }> {
  const body = JSON.stringify({ recipient, message: "hello" });
  const answer = await fetch(`${from.url}/message`, { method: "POST", body });
  await answer.body?.cancel();
  return answer;
}
