import { KeyError, PublicKey } from "#crypto";
import { CodedError } from "#kit";
import { AddressSyntaxError, splitHostPort } from "./host_port.ts";

/** A peer and where it listens. */
export interface Endpoint {
  /** The key that the peer must prove to have. */
  readonly peer: PublicKey;
  /** A name or an address, IPv6 without brackets; may be empty: this machine. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
  /** `host:port` as it was written. */
  readonly address: string;
}

/** A feed and where somebody serves it. */
export interface FeedEndpoint {
  /** The key that signs the feed. Whoever listens there may have another: a relay. */
  readonly feed: PublicKey;
  /** As in {@link Endpoint}. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
  /** `host:port` as it was written. */
  readonly address: string;
}

/** Codes of {@link EndpointError}, one for each row of messages.md 8.2. */
export type EndpointDefect = "scheme" | "separator" | "key" | "address";

/**
 * A peer or feed specification or a listen address that cannot be one; texts of messages.md 8.2 and
 * cxo.md 7.7.
 */
export class EndpointError extends CodedError {
  /** The part that is wrong. */
  declare readonly code: EndpointDefect;

  /** The text is complete, option included where there is one. */
  constructor(code: EndpointDefect, message: string) {
    super(code, message);
  }
}

const SCHEME = "tcp://";

/**
 * Reads `tcp://<66 hex>@host:port` (messages.md 8.2). The first `@` splits; nothing is trimmed.
 *
 * The texts quote the specification as it was written: whoever logs them passes them through
 * `quoteForLog` when it came from elsewhere than the command line.
 *
 * @param option The option that the specification belongs to, which starts the error texts.
 * @throws {EndpointError} with the exact text of the specification.
 */
export function parsePeerSpec(spec: string, option = "tcp-peer"): Endpoint {
  if (!spec.startsWith(SCHEME)) {
    throw new EndpointError("scheme", `${option}: must start with "${SCHEME}": ${spec}`);
  }
  const rest = spec.slice(SCHEME.length);
  const at = rest.indexOf("@");
  if (at <= 0 || at === rest.length - 1) {
    throw new EndpointError("separator", `${option}: missing @ separator in "${spec}"`);
  }
  const address = rest.slice(at + 1);
  const key = rest.slice(0, at);
  const peer = parseKey(key, (cause) => `${option}: invalid pk "${key}": ${cause}`);
  const text = (cause: string) => `${option}: invalid host:port "${address}": ${cause}`;
  return { peer, ...parseAddress(address, text), address };
}

/**
 * Reads `[tcp://]<66 hex>@host:port` (cxo.md 7.1). The first `@` splits; nothing is trimmed.
 *
 * @throws {EndpointError} with a text of cxo.md 7.7, which does not name the specification.
 */
export function parseFeedSpec(spec: string): FeedEndpoint {
  const rest = spec.startsWith(SCHEME) ? spec.slice(SCHEME.length) : spec;
  const at = rest.indexOf("@");
  if (at < 0 || rest.slice(0, at).includes("://")) {
    throw new EndpointError("separator", "expected tcp://<feedpk>@<host:port>");
  }
  const feed = parseKey(rest.slice(0, at), (cause) => `invalid feed pk: ${cause}`);
  const address = rest.slice(at + 1);
  if (address === "") throw new EndpointError("address", "missing host:port");
  return { feed, ...parseAddress(address, (cause) => `invalid host:port: ${cause}`), address };
}

/**
 * Reads the address of `--tcp-listen`: `host:port`, or `:port` for every interface.
 *
 * @throws {EndpointError} with the bare cause, such as `address 8801: missing port in address`; the
 * caller puts `tcp-listen <text>: ` in front, as for every bind failure (messages.md 8.1).
 */
export function parseListenAddress(text: string): { host: string; port: number } {
  return parseAddress(text, (cause) => cause);
}

/** A specification for a log line, without what may be a secret key that was pasted where a public one belongs. */
export function withoutSecrets(spec: string): string {
  return spec.replace(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/gi, "<64 hex digits>");
}

function parseAddress(
  address: string,
  text: (cause: string) => string,
): { host: string; port: number } {
  try {
    return splitHostPort(address);
  } catch (error) {
    if (!(error instanceof AddressSyntaxError)) throw error;
    throw new EndpointError("address", text(error.message));
  }
}

function parseKey(key: string, text: (cause: string) => string): PublicKey {
  try {
    return PublicKey.parse(key);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new EndpointError("key", text(error.message));
  }
}
