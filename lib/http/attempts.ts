import type { Clock } from "#kit";
import { canonicalHost } from "./address.ts";

/** Wrong tries from one address within {@link FAILURE_WINDOW_MS} after which it is slowed (http-api.md 2.1). */
export const FAILURE_LIMIT = 10;
/** Milliseconds for which a wrong try counts (http-api.md 2.1). */
export const FAILURE_WINDOW_MS = 60_000;
/** Addresses whose wrong tries are remembered; the one quiet longest is forgotten (ours). */
export const MAX_FAILING_CLIENTS = 4_096;

/** Counts wrong tries by address, in a table of bounded size. */
export class Attempts {
  readonly #clock: Clock;
  readonly #capacity: number;
  /** Address -> times of its newest failures, oldest first. Least recently failed address first. */
  readonly #failures = new Map<string, number[]>();

  constructor(options: { clock: Clock; capacity?: number }) {
    this.#clock = options.clock;
    this.#capacity = options.capacity ?? MAX_FAILING_CLIENTS;
  }

  /** Addresses remembered now. */
  get size(): number {
    return this.#failures.size;
  }

  /** Counts one. */
  fail(address: string): void {
    const times = this.#failures.get(address) ?? [];
    times.push(this.#clock.now());
    if (times.length > FAILURE_LIMIT) times.shift();
    this.#failures.delete(address);
    if (this.#failures.size >= this.#capacity) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(address, times);
  }

  /** Takes back the newest one: the try was none. */
  forgive(address: string): void {
    const times = this.#failures.get(address);
    times?.pop();
    if (times?.length === 0) this.#failures.delete(address);
  }

  /** Failures within the window, {@link FAILURE_LIMIT} at most. */
  recent(address: string): number {
    const since = this.#clock.now() - FAILURE_WINDOW_MS;
    return this.#failures.get(address)?.filter((time) => time > since).length ?? 0;
  }

  /** Whether further answers to this address are to be delayed. */
  isSlowed(address: string): boolean {
    return this.recent(address) >= FAILURE_LIMIT;
  }
}

/**
 * What counts as one address: an IPv4 address however it is spelled, or the /64 of an IPv6 one, since
 * whoever has one address there has all. A port behind it is left out; other text stays as it is.
 */
export function clientKey(client: string): string {
  const colons = client.split(":").length - 1;
  const host = colons === 1 || client.startsWith("[") ? client.replace(/:[0-9]+$/, "") : client;
  if (!host.includes(":")) return host;
  const bare = host.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  const groups = ipv6Groups(bare);
  if (groups === undefined) return host;
  if (groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff") return ipv4Of(groups.slice(6));
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** The eight groups in lower-case hex without leading zeros, or undefined. */
function ipv6Groups(address: string): string[] | undefined {
  const canonical = canonicalHost(`[${address}]`)?.slice(1, -1);
  if (canonical === undefined) return undefined;
  const [head = "", tail] = canonical.split("::");
  const first = head === "" ? [] : head.split(":");
  if (tail === undefined) return first;
  const last = tail === "" ? [] : tail.split(":");
  return [...first, ...new Array<string>(8 - first.length - last.length).fill("0"), ...last];
}

function ipv4Of(groups: readonly string[]): string {
  const numbers = groups.map((group) => Number.parseInt(group, 16));
  return numbers.flatMap((number) => [number >> 8, number & 0xff]).join(".");
}
