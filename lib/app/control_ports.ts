import type { DirectChat } from "#chat";
import type { EventHub } from "#events";
import type { Privacy } from "#contacts";
import { PublicKey } from "#crypto";
import type { NodeCounts } from "#group";
import type { ControlPorts, ControlSendOutcome, ControlSendRequest } from "#http";
import type { LoopLag } from "#metrics";
import type { LinkContext } from "#net";
import type { KvHistory } from "#store";
import { metricsText } from "./metrics.ts";
import type { FeedService } from "./feeds.ts";
import { groupsPort } from "./group_port.ts";
import type { NodeLine } from "./group_lines.ts";
import type { GroupService } from "./group_service.ts";
import type { People } from "./people.ts";
import { statusBody, type StatusSources } from "./status.ts";

/** The parts of a node that the control surface shows or drives. */
export interface ControlParts {
  readonly chat: DirectChat;
  readonly events: EventHub;
  /** Takes what is sent, where there are feeds. */
  readonly feeds: FeedService | undefined;
  readonly groups: GroupService;
  readonly context: LinkContext;
  /** How this node was started. */
  readonly line: NodeLine;
  readonly history: KvHistory | undefined;
  readonly people: People;
  readonly lag: LoopLag;
  /** `--persist-seed`. */
  readonly seedCount: number;
  /** What `/status` and `/metrics` are made of, at this moment. */
  readonly sources: () => StatusSources;
  /** Reasons why the node is not healthy. */
  readonly health: () => readonly string[];
  /** What is worth knowing of a healthy node. */
  readonly healthNotes: () => readonly string[];
}

/** Plugs a node into the control surface. */
export function controlPorts(parts: ControlParts): ControlPorts {
  const { chat, context, events, feeds, groups, health, healthNotes, history, lag } = parts;
  const { line, people, seedCount, sources } = parts;
  const { contacts, privacy, unread } = people;
  return {
    embedded: line.embedded,
    send(request) {
      // Whoever is written to need not wait for approval (http-api.md 4.12).
      privacy?.sent(request.recipient.hex);
      // Where feeds are on everything goes there (cxo.md 7.3), unless the link is asked for by name.
      const overLink = feeds === undefined || request.network === "tcp-direct";
      return overLink ? chat.send(request) : publish(request, feeds);
    },
    get groupMessage() {
      const takesMessages = groups.session !== undefined || groups.configured;
      return takesMessages ? (text: string, to?: string) => groups.message(text, to) : undefined;
    },
    // Under a visor people are reached by themselves, and what is for one of them is for nobody else.
    groupTakesAddressed: groups.configured && !line.embedded,
    groups: groupsPort({
      ...{ context, history, line },
      service: groups,
      hasFeeds: feeds !== undefined,
      counts: () => countsOf(events),
    }),
    status: () => statusBody(sources()),
    events,
    history,
    seedCount,
    chat: {
      sendRead: (peer, ids) => chat.sendRead(peer, ids),
      sendDelete: (peer, id) => chat.sendDelete(peer, id),
      linkState: (peer) => chat.linkState(peer),
      connect: (peer, network) => chat.connect(peer, network),
      forgetReplay: (peer, id) =>
        id === undefined ? events.forgetPeer(peer) : events.forgetMessage(peer, { id }),
    },
    outbox: chat.outbox,
    contacts,
    privacy: privacy && privacyPort(privacy, chat),
    unread,
    metrics: () =>
      metricsText({
        ...sources(),
        structuredSubscribers: events.subscribers,
        lag: lag.seconds,
        residentBytes: Deno.memoryUsage().rss,
      }),
    health,
    healthNotes,
  };
}

/** What the view of a group says of the whole node. */
export function countsOf(
  { dropCount, streamed }: Pick<EventHub, "dropCount" | "streamed">,
): NodeCounts {
  return { dropped: dropCount, streamed };
}

async function publish(
  { recipient, text }: ControlSendRequest,
  { failure, feeds }: FeedService,
): Promise<ControlSendOutcome> {
  if (text === "") return { kind: "failed", code: "empty", message: "skychat/dm: empty message" };
  if (feeds === undefined) {
    return { kind: "unpublished", message: `cxo publisher not ready: ${failure}` };
  }
  const outcome = await feeds.publish({ recipient: recipient.hex, text });
  return outcome.kind === "published" ? outcome : { kind: "unpublished", message: outcome.message };
}

function privacyPort(privacy: Privacy, chat: DirectChat): NonNullable<ControlPorts["privacy"]> {
  return {
    state: () => privacy.state(),
    setApproval: (approval) => privacy.setApproval(approval),
    accept: (pk) => privacy.accept(pk),
    async block(pk, blocked) {
      await privacy.block(pk, blocked);
      // What was queued for this peer waited for that.
      if (!blocked) chat.outbox?.deliver(PublicKey.parse(pk));
    },
  };
}
