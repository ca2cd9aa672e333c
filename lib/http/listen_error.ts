import { CodedError, errorText } from "#kit";
import { type ControlAddress, formatAddress } from "./address.ts";

/** Why a port cannot be bound. Stable: scripts may match on it. */
export type ListenFailure =
  | "address-in-use"
  | "address-not-available"
  | "permission-denied"
  | "no-such-host"
  | "listen-failed";

/**
 * The control surface cannot listen. The text is the deployed system's (http-api.md 1.1),
 * `HTTP server error on <addr>: <err>`, and a hint what to do.
 */
export class ListenError extends CodedError {
  /** Which of the reasons; it never changes, unlike the text. */
  declare readonly code: ListenFailure;

  /** An error with this code and text; the cause is what the system said. */
  constructor(code: ListenFailure, message: string, options: ErrorOptions) {
    super(code, message, options);
  }
}

interface Wording {
  readonly failure: ListenFailure;
  /** The system's error in the deployed system's words. */
  readonly words: string;
  readonly hint: string;
}

const WORDING_OF_ERRNO: Readonly<Record<string, Wording>> = {
  EADDRINUSE: {
    failure: "address-in-use",
    words: "bind: address already in use",
    hint: "is another skychat running? stop it, or choose another --addr",
  },
  EADDRNOTAVAIL: {
    failure: "address-not-available",
    words: "bind: cannot assign requested address",
    hint: "this machine has no such address: choose another --addr, for example :8001",
  },
  EACCES: {
    failure: "permission-denied",
    words: "bind: permission denied",
    hint: "choose an --addr with a port above 1023",
  },
};

/** What the runtime threw when it should bind this address, as an error of ours. */
export function listenErrorOf(thrown: unknown, { host, port }: ControlAddress): ListenError {
  const shown = formatAddress(host, port);
  const error = (failure: ListenFailure, { words, hint }: Omit<Wording, "failure">) =>
    new ListenError(failure, `HTTP server error on ${shown}: ${words} — ${hint}`, {
      cause: thrown,
    });
  const text = errorText(thrown);
  if (/failed to lookup address|^invalid host /i.test(text)) {
    const reason = /temporary failure/i.test(text)
      ? "temporary failure in name resolution"
      : "no such host";
    return error("no-such-host", {
      words: `listen tcp: lookup ${host}: ${reason}`,
      hint: "use a name or an address of this machine in --addr, for example :8001",
    });
  }
  const known = WORDING_OF_ERRNO[errnoOf(thrown)];
  if (known !== undefined) {
    return error(known.failure, { ...known, words: `listen tcp ${shown}: ${known.words}` });
  }
  return error("listen-failed", {
    words: `listen tcp ${shown}: ${text}`,
    hint: "choose another --addr",
  });
}

function errnoOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return typeof code === "string" ? code : "";
}
