/** Where connections come from, as limits count it. */
export interface AddressSource {
  /** The IPv4 address, or the /64 of an IPv6 one: whoever has one address there has all. */
  readonly key: string;
  /** Whether it is this machine. */
  readonly loopback: boolean;
}

/** The source of a stream's `remoteAddress` (`ip:port` or `[ip]:port`). */
export function sourceOf(remoteAddress: string): AddressSource {
  const host = remoteAddress.slice(0, remoteAddress.lastIndexOf(":"));
  if (!host.startsWith("[")) return { key: host, loopback: host.startsWith("127.") };
  const address = host.slice(1, -1).replace(/%.*$/, "");
  return { key: prefixOf(address), loopback: address === "::1" };
}

/** The first four groups of an IPv6 address, in one spelling. */
function prefixOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...new Array<string>(gap).fill("0"), ...last];
  return `${
    groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16)).join(":")
  }::`;
}
