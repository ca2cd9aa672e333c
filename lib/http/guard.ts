import { type ControlAddress, formatAddress } from "./address.ts";

/** What a browser says about where a request comes from, and the name it used for us. */
export interface RequestOrigin {
  host: string | undefined;
  origin: string | undefined;
  secFetchSite: string | undefined;
}

/**
 * Why a request that a web page of somebody else may have caused is refused (http-api.md 2.4), or
 * undefined. Command-line clients send neither Origin nor Sec-Fetch-Site and are not affected.
 */
export function refusalFor(request: RequestOrigin, address: ControlAddress): string | undefined {
  const { host, origin, secFetchSite } = request;
  if (address.loopback && !isOurName(host ?? "", address)) {
    return `host not allowed: use ${formatAddress(address.host, address.port)}, localhost, ` +
      "127.0.0.1 or [::1]";
  }
  const foreignOrigin = origin !== undefined && !sameOrigin(origin, host ?? "");
  const foreignSite = secFetchSite !== undefined && !/^(same-origin|none)$/.test(secFetchSite);
  return foreignOrigin || foreignSite ? "cross-origin request refused" : undefined;
}

/** Against names that a foreign page rebinds to this machine: only ours, with any port. */
function isOurName(host: string, address: ControlAddress): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(?::[0-9]+)?$/.exec(host.toLowerCase())?.[1];
  const literal = formatAddress(address.host, 0).slice(0, -2).toLowerCase();
  return name !== undefined && ["localhost", "127.0.0.1", "[::1]", literal].includes(name);
}

/** Whether both name the same host and port. `null` and anything unreadable is foreign. */
function sameOrigin(origin: string, host: string): boolean {
  const match = /^(https?):\/\/([^/@?#]+)$/.exec(origin.toLowerCase());
  if (match?.[2] === undefined || host === "") return false;
  const defaultPort = match[1] === "https" ? ":443" : ":80";
  return withPort(match[2], defaultPort) === withPort(host.toLowerCase(), defaultPort);
}

function withPort(authority: string, defaultPort: string): string {
  return /:[0-9]+$/.test(authority) ? authority : authority + defaultPort;
}
