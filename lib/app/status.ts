import type { ChatCounters } from "#chat";
import type { FeedFigures, GroupStatusEntry } from "#group";
import { rfc3339 } from "#kit";
import type { Acceptor, Dialer } from "#net";
import type { StoreFigures } from "#store";
import type { AckMode } from "./config.ts";
import type { VisorView } from "./visor_service.ts";

/** What `/status` is made of; everything is read at the moment of asking. */
export interface StatusSources {
  /** The key that this node's messages are from, hex: that of the visor where there is one. */
  readonly publicKey: string;
  /** The key of its links and feeds, hex. */
  readonly linkKey: string;
  /** How it stands with its visor; undefined without one. */
  readonly visor: VisorView | undefined;
  readonly identitySource: string;
  readonly counters: ChatCounters;
  /** Keys with at least one live link, sorted. */
  readonly peers: readonly string[];
  readonly legacySubscribers: number;
  readonly dropCount: number;
  readonly uptimeMs: number;
  readonly pairEnabled: boolean;
  /** Where links are accepted, when they are. */
  readonly listener: { readonly address: string; readonly stats: Acceptor["stats"] } | undefined;
  readonly dialers: readonly Dialer[];
  /** The promise in force (messages.md 4.1). */
  readonly ackMode: AckMode;
  /** Figures of the store; undefined when nothing is kept. */
  readonly history: StoreFigures | undefined;
  /** Number of the newest event of `/events`. */
  readonly newestEvent: number;
  /** Messages that wait for their recipient; undefined when none can. */
  readonly outboxLength: number | undefined;
  /** Feeds and what they are at; undefined without `--cxo`. */
  readonly feeds:
    | { readonly failure: string; readonly figures: FeedFigures | undefined }
    | undefined;
  /** Entries of groups that run (groups.md 6.5). */
  readonly groups: readonly GroupStatusEntry[];
  /** Why the group of the configuration does not run; empty when it does, or there is none. */
  readonly groupFailure: string;
}

/**
 * The body of `GET /status`: every key of http-api.md 4.4, plus additions of our own (`ack_mode`, `cxo`,
 * `events_durable`, `events_seq`, `handshakes`, `history`, `identity_source`, `outbox_count`,
 * `standalone`, `tcp_listen`, `tcp_peers`, and with a visor `tcp_pk`, `visor_connected`, `visor_networks`,
 * `visor_port`, `visor_error`).
 */
export function statusBody(sources: StatusSources): Record<string, unknown> {
  const { last_rx, last_send, ...counts } = sources.counters;
  return {
    ack_mode: sources.ackMode,
    active_peer_conns: sources.peers.length,
    app_uptime_sec: Math.floor(sources.uptimeMs / 1_000),
    cxo: feedsView(sources.feeds),
    events_durable: sources.history !== undefined,
    events_seq: sources.newestEvent,
    frame_proto_version: 1,
    groups: sources.groups,
    ...(sources.groups.length === 0 && {
      groups_error: sources.groupFailure || "pair-rpc-disabled",
    }),
    handshakes: sources.listener?.stats ?? null,
    history: historyView(sources.history),
    identity_source: sources.identitySource,
    ...counts,
    last_rx_ts: timestamp(last_rx),
    last_send_ts: timestamp(last_send),
    outbox_count: sources.outboxLength ?? 0,
    pairing_enabled: sources.pairEnabled,
    peers: sources.peers,
    persistence_enabled: sources.history !== undefined,
    schema_version: "v1",
    sse_drop_count: sources.dropCount,
    sse_subscribers: sources.legacySubscribers,
    standalone: sources.visor === undefined,
    tcp_listen: sources.listener?.address ?? "",
    tcp_peers: sources.dialers.map((dialer) => ({
      pk: dialer.endpoint.peer.hex,
      addr: dialer.endpoint.address,
      connected: dialer.connected,
    })),
    ...visorView(sources),
    visor_pk: sources.publicKey,
  };
}

/** Nothing without a visor: the keys that a node on its own has are known to scripts. */
function visorView({ linkKey, visor }: StatusSources): Record<string, unknown> {
  if (visor === undefined) return {};
  return {
    tcp_pk: linkKey,
    visor_connected: visor.connected,
    visor_networks: visor.networks,
    visor_port: visor.port,
    ...(visor.error !== "" && { visor_error: visor.error }),
  };
}

/** Snake case like every other key; null without feeds, with nothing but an error where they failed. */
function feedsView(feeds: StatusSources["feeds"]): Record<string, unknown> | null {
  if (feeds === undefined) return null;
  const { failure, figures } = feeds;
  if (figures === undefined) return { error: failure };
  const { feed, followers, listen, messages, objects, peers, seq } = figures;
  return {
    feed,
    followers,
    listen,
    messages,
    objects,
    peers: peers.map((peer) => ({
      pk: peer.feed,
      addr: peer.address,
      connected: peer.connected,
      lag_seconds: peer.lagMs === undefined ? null : Math.floor(peer.lagMs / 1_000),
      objects: peer.objects,
      seq: seqView(peer.seq),
    })),
    seq: seqView(seq),
  };
}

function seqView(seq: bigint | undefined): number | null {
  return seq === undefined ? null : Number(seq);
}

/** Snake case like every other key; null when nothing is kept. */
function historyView(figures: StoreFigures | undefined): Record<string, unknown> | null {
  if (figures === undefined) return null;
  const { messages, peers, bytes, events, pending, failing, damaged, refused } = figures;
  return { messages, peers, bytes, events, pending, failing, damaged, refused };
}

function timestamp(wall: bigint | undefined): string {
  return wall === undefined ? "" : rfc3339(wall);
}
