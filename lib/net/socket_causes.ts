import { errorText } from "#kit";
import { closedError, NetworkError, type NetworkFailure } from "./byte_stream.ts";

/** The system call that failed, as Go tools name it in front of the cause. */
export type SocketCall = "accept" | "bind" | "connect" | "read" | "write";

const FAILURE_OF_ERRNO: Readonly<Record<string, NetworkFailure>> = {
  EACCES: "permission-denied",
  EADDRINUSE: "address-in-use",
  EADDRNOTAVAIL: "address-not-available",
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EHOSTUNREACH: "unreachable",
  EMFILE: "exhausted",
  ENETUNREACH: "unreachable",
  ENFILE: "exhausted",
  ENOBUFS: "exhausted",
  ENOMEM: "exhausted",
  EPERM: "permission-denied",
  EPIPE: "broken-pipe",
  ETIMEDOUT: "timeout",
};

/**
 * An error of the runtime as ours: the code from the operating system's error kind, the text as the
 * deployed system words it (`Connection refused (os error 111)` → `connect: connection refused`).
 *
 * @param host The name that was looked up, for `lookup <host>: no such host`.
 */
export function networkErrorOf(
  thrown: unknown,
  { call, host }: { call: SocketCall; host?: string },
): NetworkError {
  if (thrown instanceof NetworkError) return thrown;
  const cause = { cause: thrown };
  if (thrown instanceof Deno.errors.BadResource || thrown instanceof Deno.errors.Interrupted) {
    return closedError();
  }
  const text = errorText(thrown);
  if (/failed to lookup address|invalid empty host/i.test(text)) {
    return new NetworkError("no-such-host", `lookup ${host ?? ""}: ${lookupCause(text)}`, cause);
  }
  const failure = FAILURE_OF_ERRNO[errnoOf(thrown)] ?? "other";
  return new NetworkError(failure, `${call}: ${systemText(text)}`, cause);
}

function errnoOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return typeof code === "string" ? code : "";
}

/** `No route to host (os error 113)` → `no route to host`. */
function systemText(text: string): string {
  const system = /^([A-Z])(.*) \(os error \d+\)/.exec(text);
  return system ? `${system[1]?.toLowerCase()}${system[2]}` : text;
}

/** A resolver that does not answer is another trouble than a name that does not exist. */
function lookupCause(text: string): string {
  return /temporary failure/i.test(text) ? "temporary failure in name resolution" : "no such host";
}
