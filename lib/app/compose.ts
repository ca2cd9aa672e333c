import { DirectChat, DUPLICATE_WINDOW } from "#chat";
import type { PublicKey } from "#crypto";
import { EventHub } from "#events";
import { bindRefusal, ControlServer, parseControlAddress } from "#http";
import { errorText, quoteForLog } from "#kit";
import { LoopLag } from "#metrics";
import type { Acceptor, Dialer, LinkContext } from "#net";
import type { KvHistory } from "#store";
import type { AckMode, AppConfig } from "./config.ts";
import { connectionBudget, ENOUGH_DESCRIPTORS } from "./connection_budget.ts";
import { controlPorts, countsOf } from "./control_ports.ts";
import { FeedService } from "./feeds.ts";
import { keptIdentityPath, nodeLineOf } from "./group_lines.ts";
import { type GroupParts, GroupService } from "./group_service.ts";
import { gateOf } from "./gate.ts";
import { IdentityError, type ResolvedIdentity, resolveIdentity } from "./identity.ts";
import { acceptorOf, dialersOf } from "./links.ts";
import type { NodeRuntime } from "./node_runtime.ts";
import { openPeople, type People } from "./people.ts";
import { StartError } from "./start_error.ts";
import type { StatusSources } from "./status.ts";
import { type OpenedHistory, openStoredHistory, rememberArrivals } from "./stored_history.ts";
import type { VisorService } from "./visor_service.ts";

/** Every part of a node, built and wired; only the store is open yet, and the visor told that we are there. */
export interface Node {
  /** The key of its links and feeds. */
  readonly identity: ResolvedIdentity;
  /** What started it; undefined for a node on its own. */
  readonly visor: VisorService | undefined;
  readonly stored: OpenedHistory;
  readonly people: People;
  readonly events: EventHub;
  readonly chat: DirectChat;
  /** Accepts links; undefined without `--tcp-listen`. */
  readonly acceptor: Acceptor | undefined;
  /** One for each usable `--tcp-peer`. */
  readonly dialers: readonly Dialer[];
  /** Direct messages over feeds; undefined without `--cxo`. */
  readonly feeds: FeedService | undefined;
  /** The federated group, if there is one. */
  readonly groups: GroupService;
  readonly control: ControlServer;
  readonly lag: LoopLag;
  /** Where the acceptor listens, once it does. */
  listening: string | undefined;
}

/** Whether the configuration asks for tcp-direct links. */
export function wantsLinks(config: AppConfig): boolean {
  return config.tcpListen !== "" || config.tcpPeers.length > 0;
}

/** Whether it asks for any network, and so for an identity that is meant to be used. */
export function wantsNetwork(config: AppConfig): boolean {
  return wantsLinks(config) || config.cxo !== undefined || config.group !== undefined;
}

/**
 * Builds the object graph of a node, bottom layer first. Opens the store, binds nothing.
 *
 * @param visor that it is attached to, if any
 * @throws {StartError} when the configuration cannot make a node; nothing stays open then.
 */
export async function composeNode(
  config: AppConfig,
  runtime: NodeRuntime,
  visor?: VisorService,
): Promise<Node> {
  const { clock, log } = runtime;
  const gate = await gateOf(config, runtime);
  checkControlAddress(config, { guarded: gate !== undefined });
  const identity = await identityOf(config, runtime);
  const self = visor?.key ?? identity.secret.publicKey;
  // Its feed goes by the key of its links, whatever key its messages on the mesh are from.
  const ownFeed = identity.secret.publicKey.hex;
  const stored = await openStoredHistory(config.history, { self: self.hex, ownFeed, clock, log });
  try {
    return await buildNode({ config, runtime, identity, self, stored, gate, visor });
  } catch (error) {
    await stored.history?.close();
    throw error;
  }
}

interface Foundation {
  readonly config: AppConfig;
  readonly runtime: NodeRuntime;
  readonly identity: ResolvedIdentity;
  /** Whose messages this node's own are: the key of the visor where there is one (visor.md 7.5). */
  readonly self: PublicKey;
  readonly stored: OpenedHistory;
  readonly gate: Awaited<ReturnType<typeof gateOf>>;
  readonly visor: VisorService | undefined;
}

async function buildNode(foundation: Foundation): Promise<Node> {
  const { config, gate, identity, runtime, self, stored, visor } = foundation;
  const { clock, log } = runtime;
  const { history } = stored;
  const startedAt = clock.now();
  const people = await openPeople({ folder: config.dataFolder, history, log });
  const events = new EventHub({ clock, archive: history?.events });
  const chat = chatOf(config, { runtime, self, stored, people, events, visor });
  if (history) await rememberArrivals(history, chat, { clock, windowMs: DUPLICATE_WINDOW });

  const context: LinkContext = {
    ...runtime,
    local: identity.secret,
    requirePostQuantum: config.requirePostQuantum,
  };
  const budget = connectionBudget(runtime.countDescriptors?.(ENOUGH_DESCRIPTORS));
  const { acceptor, dialers, feeds, groups } = await networksOf(config, {
    ...{ context, chat, history, people, links: budget.links },
    identitySource: identity.source,
  });

  const lag = new LoopLag(clock);
  const sources = (): StatusSources =>
    sourcesOf(node, config, { self, uptimeMs: clock.now() - startedAt });
  const ports = controlPorts({
    ...{ chat, context, events, feeds, groups, history, people, lag, sources },
    line: nodeLineOf(config, { identitySource: identity.source, keptPath: identity.keptPath }),
    seedCount: config.history?.seed ?? 0,
    health: () => healthOf(config, node),
    healthNotes: () => notesOf(node),
  });
  const control = new ControlServer(ports, {
    ...{ gate, log, clock },
    address: config.addr,
    maxConnections: budget.control,
    allowNonLoopback: config.noPassword || gate !== undefined,
  });
  const node: Node = {
    ...{ identity, visor, stored, people, events, chat, acceptor, dialers, feeds, groups },
    ...{ control, lag },
    listening: undefined,
  };
  return node;
}

/** What the node is at, at this moment. */
function sourcesOf(
  node: Node,
  config: AppConfig,
  { self, uptimeMs }: { readonly self: PublicKey; readonly uptimeMs: number },
): StatusSources {
  const { acceptor, chat, dialers, events, feeds, groups, identity, visor } = node;
  const { stored: { history } } = node;
  return {
    publicKey: self.hex,
    linkKey: identity.secret.publicKey.hex,
    visor: visor?.view,
    identitySource: identity.source,
    counters: chat.counters,
    peers: chat.peers(),
    legacySubscribers: events.legacySubscribers,
    dropCount: events.dropCount,
    uptimeMs,
    pairEnabled: config.pairEnable,
    listener: acceptor && { address: node.listening ?? "", stats: acceptor.stats },
    dialers,
    ackMode: promiseOf(config, history),
    history: history?.figures(),
    newestEvent: events.newest,
    outboxLength: chat.outbox?.list().length,
    feeds: feeds && { failure: feeds.failure, figures: feeds.feeds?.figures },
    groups: groups.session === undefined ? [] : [groups.session.statusEntry(countsOf(events))],
    groupFailure: groups.failure,
  };
}

/** Whatever peers are reached by. */
async function networksOf(
  config: AppConfig,
  { links, ...parts }: Omit<GroupParts, "mostLinks"> & { readonly links: number },
): Promise<Pick<Node, "acceptor" | "dialers" | "feeds" | "groups">> {
  const hasFeeds = config.cxo !== undefined || config.group !== undefined;
  const listeners = [config.tcpListen !== "", hasFeeds].filter(Boolean).length;
  const mostLinks = Math.ceil(links / Math.max(1, listeners));
  return {
    acceptor: acceptorOf(config, { ...parts, mostLinks }),
    dialers: dialersOf(config, parts),
    feeds: await FeedService.open(config, { ...parts, mostLinks }),
    groups: await GroupService.open(config, { ...parts, mostLinks }),
  };
}

interface ChatParts {
  readonly runtime: NodeRuntime;
  readonly self: PublicKey;
  readonly stored: OpenedHistory;
  readonly people: People;
  readonly events: EventHub;
  readonly visor: VisorService | undefined;
}

function chatOf(config: AppConfig, parts: ChatParts): DirectChat {
  const { events, people: { privacy, unread }, runtime, self, stored: { history }, visor } = parts;
  return new DirectChat({
    self,
    mesh: visor,
    clock: runtime.clock,
    random: runtime.random,
    log: runtime.log,
    ack: config.ack,
    events: {
      publishMessage(event, seq) {
        if (event.direction === "in" && event.channel !== "system") unread.received();
        events.publishMessage(event, seq);
      },
      publishStatus: (event) => events.publishStatus(event),
      forgetMessage: (peer, which) => events.forgetMessage(peer, which),
      forgetGroup: (group, which) => events.forgetGroup(group, which),
      publishGroupDelete: (event) => events.publishGroupDelete(event),
    },
    isBlocked: (peer) => privacy?.isBlocked(peer.hex) ?? false,
    isUnapproved: (peer) => privacy?.isUnapproved(peer.hex) ?? false,
    ...(history && { store: history, outbox: history.outbox }),
  });
}

/** What a receipt means now: while the disk refuses to write, no more than that the message arrived. */
function promiseOf(config: AppConfig, history: KvHistory | undefined): AckMode {
  return history === undefined || history.figures().failing ? "received" : config.ack;
}

/** Why a probe should not count on this node; nothing when it may. */
function healthOf(config: AppConfig, node: Node): string[] {
  const { acceptor, feeds, groups, listening, stored: { history }, visor } = node;
  const reasons: string[] = [];
  const { deaf = false, error = "" } = visor?.view ?? {};
  if (deaf) reasons.push(`visor: ${quoteForLog(error)}`);
  if (config.history !== undefined && history === undefined) {
    reasons.push("history store: not open, nothing is kept");
  }
  const figures = history?.figures();
  if (figures?.failing) reasons.push("history store: the disk refuses to write");
  if (figures !== undefined && figures.damaged > 0) {
    reasons.push("history store: damaged, see the log");
  }
  if (acceptor !== undefined && listening === undefined) {
    reasons.push("tcp-direct: the listener is gone");
  }
  if (feeds?.failure) reasons.push(`cxo: ${feeds.failure}`);
  if (groups.session?.state.saved === false) {
    reasons.push("cxo-group: the disk refuses to write, so a restart may forget what was decided");
  }
  if (groups.failure !== "") reasons.push(`cxo-group: ${groups.failure}`);
  return reasons;
}

/** What is not as it should be, and no reason not to count on this node. */
function notesOf({ visor }: Node): string[] {
  const { deaf = false, error = "" } = visor?.view ?? {};
  return deaf || error === "" ? [] : [`visor: ${quoteForLog(error)}`];
}

/** Before any key is looked at: who may reach the node is the first question. */
function checkControlAddress(config: AppConfig, { guarded }: { guarded: boolean }): void {
  let refusal: string | undefined;
  try {
    refusal = bindRefusal(parseControlAddress(config.addr), {
      noPassword: config.noPassword || guarded,
    });
  } catch (error) {
    throw new StartError(errorText(error), { cause: error });
  }
  if (refusal !== undefined) throw new StartError(refusal);
}

/** The identity; when no network needs one, a bad key is a warning and a random one does. */
async function identityOf(config: AppConfig, runtime: NodeRuntime): Promise<ResolvedIdentity> {
  const { env, log, random } = runtime;
  const sources = { env, random, allowEphemeral: true };
  try {
    const identity = await resolveIdentity({
      ...sources,
      sk: config.sk,
      configPath: config.configPath,
      // A link lets in the key that it was used with: a new one at every start would be of no use.
      keptPath: config.group?.join ? await keptIdentityPath(config.group) : undefined,
    });
    if (wantsNetwork(config)) { for (const warning of identity.warnings) log.warn(warning); }
    return identity;
  } catch (error) {
    if (wantsNetwork(config)) {
      if (error instanceof IdentityError) { for (const text of error.warnings) log.warn(text); }
      const group = config.group === undefined ? "cxo" : "cxo-group";
      const network = wantsLinks(config) ? "tcp-direct" : group;
      throw new StartError(`${network}: ${errorText(error)}`, { cause: error });
    }
    log.warn(`${errorText(error)}; no network needs the key, so a random one is used`);
    return await resolveIdentity({ ...sources, env: {}, sk: undefined, configPath: undefined });
  }
}
