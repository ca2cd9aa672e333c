import { DirectChat } from "#chat";
import { EventHub } from "#events";
import { bindRefusal, ControlServer, parseControlAddress } from "#http";
import { errorText, quoteForLog } from "#kit";
import {
  Acceptor,
  Dialer,
  type LinkContext,
  parseListenAddress,
  parsePeerSpec,
  parseWhitelist,
} from "#net";
import type { AppConfig } from "./config.ts";
import { IdentityError, type ResolvedIdentity, resolveIdentity } from "./identity.ts";
import type { NodeRuntime } from "./node_runtime.ts";
import { statusBody } from "./status.ts";

/** A reason not to start at all; the process ends with exit code 1 (cli.md 2.3). */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Every part of a standalone node, built and wired, nothing started yet. */
export interface Node {
  readonly identity: ResolvedIdentity;
  readonly events: EventHub;
  readonly chat: DirectChat;
  /** Accepts links; undefined without `--tcp-listen`. */
  readonly acceptor: Acceptor | undefined;
  /** One for each usable `--tcp-peer`. */
  readonly dialers: readonly Dialer[];
  readonly control: ControlServer;
  /** Where the acceptor listens, once it does. */
  listening: string | undefined;
}

/** Whether the configuration asks for links, and so for an identity that is meant to be used. */
export function wantsLinks(config: AppConfig): boolean {
  return config.tcpListen !== "" || config.tcpPeers.length > 0;
}

/**
 * Builds the object graph of a standalone node, bottom layer first. Binds nothing yet.
 *
 * @throws {StartError} when the configuration cannot make a node.
 */
export async function composeNode(config: AppConfig, runtime: NodeRuntime): Promise<Node> {
  const { clock, log, random } = runtime;
  checkControlAddress(config);
  const startedAt = clock.now();
  const identity = await identityOf(config, runtime);
  const self = identity.secret.publicKey;

  const events = new EventHub({ clock });
  const chat = new DirectChat({ self, clock, random, log, events });
  const context: LinkContext = {
    ...runtime,
    local: identity.secret,
    requirePostQuantum: config.requirePostQuantum,
  };
  const acceptor = acceptorOf(config, { context, chat });
  const dialers = dialersOf(config, { context, chat });

  const control = new ControlServer({
    send: (request) => chat.send(request),
    status: () =>
      statusBody({
        publicKey: self.hex,
        identitySource: identity.source,
        counters: chat.counters,
        peers: chat.peers(),
        legacySubscribers: events.legacySubscribers,
        dropCount: events.dropCount,
        uptimeMs: clock.now() - startedAt,
        pairEnabled: config.pairEnable,
        listener: acceptor && { address: node.listening ?? "", stats: acceptor.stats },
        dialers,
      }),
    events,
  }, { address: config.addr, allowNonLoopback: config.noPassword, log, clock });

  const node: Node = { identity, events, chat, acceptor, dialers, control, listening: undefined };
  return node;
}

function checkControlAddress(config: AppConfig): void {
  let refusal: string | undefined;
  try {
    refusal = bindRefusal(parseControlAddress(config.addr), { noPassword: config.noPassword });
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
    });
    if (wantsLinks(config)) { for (const warning of identity.warnings) log.warn(warning); }
    return identity;
  } catch (error) {
    if (wantsLinks(config)) {
      if (error instanceof IdentityError) { for (const text of error.warnings) log.warn(text); }
      throw new StartError(`tcp-direct: ${errorText(error)}`, { cause: error });
    }
    log.warn(`${errorText(error)}; no network needs the key, so a random one is used`);
    return await resolveIdentity({ ...sources, env: {}, sk: undefined, configPath: undefined });
  }
}

interface LinkParts {
  readonly context: LinkContext;
  readonly chat: DirectChat;
}

function acceptorOf(config: AppConfig, parts: LinkParts): Acceptor | undefined {
  if (config.tcpListen === "") return undefined;
  const { context, chat } = parts;
  const whitelist = parseWhitelist(config.tcpWhitelist, context.log);
  if (whitelist === "all-invalid") {
    throw new StartError(
      "tcp-direct: --tcp-whitelist holds no valid key: refusing to listen, " +
        "since an empty list would let everybody in",
    );
  }
  let address;
  try {
    address = parseListenAddress(config.tcpListen);
  } catch (error) {
    throw new StartError(
      `tcp-listen ${quoteForLog(config.tcpListen)}: ${errorText(error)}`,
      { cause: error },
    );
  }
  return new Acceptor(context, {
    address,
    label: config.tcpListen,
    whitelist,
    onLink: (link) => chat.attach(link),
  });
}

function dialersOf(config: AppConfig, { context, chat }: LinkParts): Dialer[] {
  const dialers: Dialer[] = [];
  for (const spec of config.tcpPeers) {
    try {
      const endpoint = parsePeerSpec(spec);
      dialers.push(new Dialer(context, { endpoint, onLink: (link) => chat.attach(link) }));
    } catch (error) {
      const shown = quoteForLog(spec);
      context.log.warn(`skychat: tcp-peer skipping bad spec "${shown}": ${errorText(error)}`);
    }
  }
  return dialers;
}
