import { type MetricFamily, type MetricSample, renderMetrics } from "#metrics";
import type { StatusSources } from "./status.ts";
import { VERSION } from "./version.ts";

/** What `/metrics` is made of: what `/status` shows, and figures of the process. */
export interface MetricSources extends StatusSources {
  /** Readers of `/events`. */
  readonly structuredSubscribers: number;
  /** How late the event loop was in the last minute, seconds. */
  readonly lag: { readonly max: number; readonly average: number };
  /** Resident memory of the process, bytes. */
  readonly residentBytes: number;
}

interface Metric {
  readonly name: string;
  readonly type: MetricFamily["type"];
  readonly help: string;
  /** One value, several with labels, or none where it makes no sense now. */
  readonly read: (sources: MetricSources) => number | readonly MetricSample[] | undefined;
}

function labelled(label: string, values: Readonly<Record<string, number>>): MetricSample[] {
  return Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
}

/** Outcomes of handshakes; the rest of the acceptor's figures are states of this moment. */
function handshakes({ listener }: MetricSources): MetricSample[] {
  const { in_progress: _, live: __, ...outcomes } = { in_progress: 0, live: 0, ...listener?.stats };
  return labelled("outcome", outcomes);
}

/** Every metric, in the order of docs/OPERATIONS.md; a test compares the two. */
export const METRICS: readonly Metric[] = [
  {
    name: "skychat_info",
    type: "gauge",
    help: "Always 1; the label says which version runs.",
    read: () => [{ labels: { version: VERSION }, value: 1 }],
  },
  {
    name: "skychat_uptime_seconds",
    type: "gauge",
    help: "Since the node was started.",
    read: ({ uptimeMs }) => Math.floor(uptimeMs / 1_000),
  },
  {
    name: "skychat_messages_received_total",
    type: "counter",
    help: "Messages from peers.",
    read: ({ counters }) => counters.inbound_msg_count,
  },
  {
    name: "skychat_messages_sent_total",
    type: "counter",
    help: "Messages written to peers.",
    read: ({ counters }) => counters.outbound_msg_count,
  },
  {
    name: "skychat_sends_failed_total",
    type: "counter",
    help: "Messages that could not be written to anybody.",
    read: ({ counters }) => counters.outbound_fail_count,
  },
  {
    name: "skychat_sends_retried_total",
    type: "counter",
    help: "Messages written to a second link after the first one failed.",
    read: ({ counters }) => counters.outbound_retry_count,
  },
  {
    name: "skychat_sends_fallback_total",
    type: "counter",
    help: "Messages that went over another network of the visor than the one asked for.",
    read: ({ counters }) => counters.outbound_fallback_count,
  },
  {
    name: "skychat_visor_connected",
    type: "gauge",
    help: "Whether the visor that started this node is there; absent without one.",
    read: ({ visor }) => visor && Number(visor.connected),
  },
  {
    name: "skychat_links_ended_total",
    type: "counter",
    help: "Links that ended, for whatever reason.",
    read: ({ counters }) => counters.inbound_drop_count,
  },
  {
    name: "skychat_peers_connected",
    type: "gauge",
    help: "Peers with at least one link.",
    read: ({ peers }) => peers.length,
  },
  {
    name: "skychat_configured_peers",
    type: "gauge",
    help: "Peers of --tcp-peer, by whether their link is up.",
    read: ({ dialers }) => {
      const up = dialers.filter(({ connected }) => connected).length;
      return labelled("state", { connected: up, waiting: dialers.length - up });
    },
  },
  {
    name: "skychat_cxo_peers",
    type: "gauge",
    help: "Feeds of --cxo-peer, by whether they are subscribed to now.",
    read: ({ feeds }) => {
      const peers = feeds?.figures?.peers;
      if (peers === undefined) return undefined;
      const up = peers.filter(({ connected }) => connected).length;
      return labelled("state", { connected: up, waiting: peers.length - up });
    },
  },
  {
    name: "skychat_cxo_followers",
    type: "gauge",
    help: "Connections that follow the own feed.",
    read: ({ feeds }) => feeds?.figures?.followers,
  },
  {
    name: "skychat_cxo_messages",
    type: "gauge",
    help: "Messages in the own feed.",
    read: ({ feeds }) => feeds?.figures?.messages,
  },
  {
    name: "skychat_cxo_objects",
    type: "gauge",
    help: "Objects held in memory, by whose feed they belong to.",
    read: ({ feeds }) => {
      const figures = feeds?.figures;
      if (figures === undefined) return undefined;
      const followed = figures.peers.reduce((sum, { objects }) => sum + objects, 0);
      return labelled("feed", { own: figures.objects, followed });
    },
  },
  {
    name: "skychat_group_members",
    type: "gauge",
    help: "Other members of the group, by whether their feeds are followed now.",
    read: ({ groups }) => {
      const [group] = groups;
      if (group === undefined) return undefined;
      const others = group.members_count - 1;
      const up = group.members_connected;
      return labelled("state", { followed: up, waiting: Math.max(0, others - up) });
    },
  },
  {
    name: "skychat_handshakes_total",
    type: "counter",
    help: "Connections to --tcp-listen, by what became of them.",
    read: handshakes,
  },
  {
    name: "skychat_handshakes_in_progress",
    type: "gauge",
    help: "Handshakes that have not ended yet.",
    read: ({ listener }) => listener?.stats.in_progress,
  },
  {
    name: "skychat_event_readers",
    type: "gauge",
    help: "Open event streams.",
    read: ({ legacySubscribers, structuredSubscribers }) =>
      labelled("stream", { sse: legacySubscribers, events: structuredSubscribers }),
  },
  {
    name: "skychat_events_dropped_total",
    type: "counter",
    help: "Events that a slow reader of /sse lost, or that nobody read (sse_drop_count).",
    read: ({ dropCount }) => dropCount,
  },
  {
    name: "skychat_history_messages",
    type: "gauge",
    help: "Stored messages.",
    read: ({ history }) => history?.messages,
  },
  {
    name: "skychat_history_group_messages",
    type: "gauge",
    help: "Stored messages of groups.",
    read: ({ history }) => history?.groupMessages,
  },
  {
    name: "skychat_history_conversations",
    type: "gauge",
    help: "Peers with stored messages.",
    read: ({ history }) => history?.peers,
  },
  {
    name: "skychat_history_bytes",
    type: "gauge",
    help: "Size of the stored messages as --persist-total-cap counts it.",
    read: ({ history }) => history?.bytes,
  },
  {
    name: "skychat_history_events",
    type: "gauge",
    help: "Events kept for readers of /events that come back.",
    read: ({ history }) => history?.events,
  },
  {
    name: "skychat_history_pending",
    type: "gauge",
    help: "Messages that are not on disk yet.",
    read: ({ history }) => history?.pending,
  },
  {
    name: "skychat_history_commits_total",
    type: "counter",
    help: "Groups of changes written to the store.",
    read: ({ history }) => history?.commits,
  },
  {
    name: "skychat_history_commits_failed_total",
    type: "counter",
    help: "Groups of changes that the disk refused.",
    read: ({ history }) => history?.failedCommits,
  },
  {
    name: "skychat_history_damaged",
    type: "gauge",
    help: "Conversations and other parts of the store of which something cannot be read.",
    read: ({ history }) => history?.damaged,
  },
  {
    name: "skychat_history_refused_total",
    type: "counter",
    help: "Messages that a limit kept out of the store.",
    read: ({ history }) => history && labelled("reason", history.refused),
  },
  {
    name: "skychat_outbox_messages",
    type: "gauge",
    help: "Messages that wait for their recipient.",
    read: ({ outboxLength }) => outboxLength,
  },
  {
    name: "skychat_event_loop_lag_seconds",
    type: "gauge",
    help: "How late timers came within the last minute.",
    read: ({ lag }) => labelled("kind", { max: lag.max, average: lag.average }),
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Memory of the process.",
    read: ({ residentBytes }) => residentBytes,
  },
];

/** The body of `/metrics`: Prometheus text form 0.0.4. */
export function metricsText(sources: MetricSources): string {
  return renderMetrics(METRICS.map(({ name, type, help, read }) => {
    const value = read(sources) ?? [];
    return { name, type, help, samples: typeof value === "number" ? [{ value }] : value };
  }));
}
