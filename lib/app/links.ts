import type { DirectChat } from "#chat";
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
import { StartError } from "./start_error.ts";

/** What links are made with, and who uses them. */
export interface LinkParts {
  readonly context: LinkContext;
  readonly chat: DirectChat;
  /** Accepted links at a time. */
  readonly mostLinks: number;
}

/**
 * Where peers may link in; undefined without `--tcp-listen`.
 *
 * @throws {StartError} when the address or the whitelist cannot be used.
 */
export function acceptorOf(config: AppConfig, parts: LinkParts): Acceptor | undefined {
  if (config.tcpListen === "") return undefined;
  const { context, chat, mostLinks } = parts;
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
    limits: { connections: mostLinks },
    onLink: (link) => chat.attach(link),
  });
}

/** One for each `--tcp-peer`; a spec that is none is logged and left out (messages.md 8.2). */
export function dialersOf(
  config: AppConfig,
  { context, chat }: Omit<LinkParts, "mostLinks">,
): Dialer[] {
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
