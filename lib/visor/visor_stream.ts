import { type Clock, errorText } from "#kit";
import type { ByteStream, Network } from "#net";
import { within } from "./call_limit.ts";
import type { ProcConfig } from "./proc_config.ts";
import { VisorError } from "./visor_error.ts";

/** Milliseconds during which connecting to the visor is tried again and again (visor.md 2). */
export const VISOR_CONNECT_LIMIT_MS = 5_000;
/** Pause in milliseconds between two rounds of attempts (ours). */
export const VISOR_CONNECT_PAUSE_MS = 100;

/** What connecting needs. */
export interface VisorStreamOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** Ends the attempts. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the TCP connection to the visor, which may still be about to listen: tries every address
 * until one works or the time is over (visor.md 2).
 *
 * @throws {VisorError} `connect-failed` with the text of the specification, or `aborted`.
 */
export async function openVisorStream(
  address: ProcConfig["address"],
  { network, clock, signal }: VisorStreamOptions,
): Promise<ByteStream> {
  const deadline = clock.now() + VISOR_CONNECT_LIMIT_MS;
  const controller = new AbortController();
  const stop = () => controller.abort();
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  const timer = clock.after(VISOR_CONNECT_LIMIT_MS, stop);
  const attempt = (host: string) =>
    within(network.connect(host, address.port, controller.signal), {
      clock,
      limitMs: Math.max(0, deadline - clock.now()),
      signal,
      onLate: (late) => late.close(),
      what: "connect",
    });
  let cause = "i/o timeout";
  try {
    while (!controller.signal.aborted) {
      const causes: string[] = [];
      for (const host of hostsOf(address.host)) {
        try {
          return await attempt(host);
        } catch (error) {
          if (!controller.signal.aborted) causes.push(errorText(error));
        }
      }
      // What the usual address says is the better hint.
      cause = causes[0] ?? cause;
      await clock.sleep(VISOR_CONNECT_PAUSE_MS, controller.signal);
    }
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", stop);
  }
  if (signal?.aborted) {
    throw new VisorError("aborted", "dial to app server: operation was canceled");
  }
  throw new VisorError("connect-failed", `failed to dial to app server: ${cause}`);
}

/** A visor listens on one of the addresses of the name, and the system may try only the other. */
function hostsOf(host: string): readonly string[] {
  return /^(localhost)?$/i.test(host) ? ["127.0.0.1", "::1"] : [host];
}
