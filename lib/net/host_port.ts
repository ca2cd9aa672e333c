import { CodedError } from "#kit";

/** A text that is no address; the message is the cause that Go tools print. */
export class AddressSyntaxError extends CodedError {
  constructor(message: string) {
    super("invalid-address", message);
  }
}

/** Largest TCP port. */
const MAX_PORT = 65_535;

/**
 * Splits `host:port`, `[ipv6]:port` or `:port`. The host may be empty and is not checked further;
 * the port is a decimal number from 0 to 65535.
 *
 * @throws {AddressSyntaxError} with texts such as `address x: missing port in address`.
 */
export function splitHostPort(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(":");
  if (colon < 0) throw defect(text, "missing port in address");
  const host = text.startsWith("[") ? bracketedHost(text, colon) : text.slice(0, colon);
  if (!text.startsWith("[") && host.includes(":")) {
    throw defect(text, "too many colons in address");
  }
  const afterOpening = text.startsWith("[") ? 1 : 0;
  if (text.includes("[", afterOpening)) throw defect(text, "unexpected '[' in address");
  if (text.includes("]", afterOpening === 0 ? 0 : colon)) {
    throw defect(text, "unexpected ']' in address");
  }
  const port = text.slice(colon + 1);
  if (port === "") throw defect(text, "missing port in address");
  return { host, port: parsePort(port) };
}

/** Joins what {@link splitHostPort} split: brackets around IPv6, IPv4-mapped shown as IPv4. */
export function joinHostPort(host: string, port: number): string {
  const plain = plainHost(host);
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** `::ffff:192.0.2.1` as `192.0.2.1`, which is what it is; anything else unchanged. */
export function plainHost(host: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host;
}

function bracketedHost(text: string, colon: number): string {
  const end = text.indexOf("]");
  if (end < 0) throw defect(text, "missing ']' in address");
  if (end + 1 === colon) return text.slice(1, end);
  throw defect(
    text,
    text[end + 1] === ":" ? "too many colons in address" : "missing port in address",
  );
}

function parsePort(text: string): number {
  if (!/^-?[0-9]+$/.test(text)) throw new AddressSyntaxError(`lookup tcp/${text}: unknown port`);
  const port = Number(text);
  if (!/^[0-9]+$/.test(text) || port > MAX_PORT) throw defect(text, "invalid port");
  return port;
}

function defect(text: string, what: string): AddressSyntaxError {
  return new AddressSyntaxError(`address ${text}: ${what}`);
}
