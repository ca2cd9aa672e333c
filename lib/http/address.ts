import { CodedError, quoteForLog } from "#kit";

/** An `--addr` that cannot be used. The text names the value and what is accepted. */
export class AddressError extends CodedError {
  /** An error with this text, which names the value and what is accepted. */
  constructor(message: string) {
    super("bad-address", message);
  }
}

/** Where the control surface listens. */
export interface ControlAddress {
  /** Name or address to bind, IPv6 without brackets. */
  host: string;
  /** 0 lets the system choose. */
  port: number;
  /** Whether only programs of this machine can reach it. */
  loopback: boolean;
}

/**
 * Reads the value of `--addr` (http-api.md 1.1): `:PORT` is loopback, `*:PORT` every IPv4 interface,
 * `HOST:PORT` as written.
 *
 * @throws {AddressError} for anything else.
 */
export function parseControlAddress(text: string): ControlAddress {
  const match = /^(\*|\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  const written = match?.[1];
  if (written === undefined || port > 65_535) throw badAddress(text);
  if (written === "") return { host: "127.0.0.1", port, loopback: true };
  if (written === "*") return { host: "0.0.0.0", port, loopback: false };
  const host = written.startsWith("[") ? written.slice(1, -1) : written;
  if (written.startsWith("[") && canonicalHost(written) === undefined) throw badAddress(text);
  return { host, port, loopback: isLoopbackHost(written) };
}

/** `host:port` as it stands in texts and addresses of web pages: IPv6 in brackets. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Why this address must not be served without a password, or undefined when it may be
 * (http-api.md 1.1). The text names the ways out.
 */
export function bindRefusal(
  address: ControlAddress,
  options: { noPassword: boolean },
): string | undefined {
  if (address.loopback || options.noPassword) return undefined;
  const shown = formatAddress(address.host, address.port);
  return `refusing to serve ${shown} without a password, because other machines could reach it: ` +
    "use --password-file FILE, or --no-password if you guard the port yourself " +
    "(container, reverse proxy)";
}

/** Whether a host as written (IPv6 in brackets) is this machine's own: `localhost`, 127/8, `::1`. */
export function isLoopbackHost(written: string): boolean {
  if (written.toLowerCase() === "localhost") return true;
  const host = canonicalHost(written);
  if (host === undefined) return false;
  return host === "[::1]" || /^\[::ffff:7f[0-9a-f]{2}:/.test(host) ||
    /^127(\.[0-9]{1,3}){3}$/.test(host);
}

/** One spelling for each host (`[0:0::1]` is `[::1]`), or undefined for what is no host. */
export function canonicalHost(written: string): string | undefined {
  return URL.parse(`http://${written}/`)?.hostname;
}

function badAddress(text: string): AddressError {
  return new AddressError(
    `invalid --addr "${quoteForLog(text)}": use :PORT (this machine only), ` +
      "*:PORT (every interface) or HOST:PORT",
  );
}
