import { utf8 } from "#kit";
import { CliError } from "./errors.ts";

/** Where the control surface of an app is, and how to get in. */
export interface ControlTarget {
  /** Name or address to connect to, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** `host:port` for texts and the `Host` header. Never holds credentials. */
  readonly shown: string;
  /** Value of the `Authorization` header. */
  readonly authorization: string | undefined;
}

/** The app's port when nothing else is said (cli.md 3). */
export const DEFAULT_CONTROL_ADDRESS = "127.0.0.1:8001";

/**
 * Reads `--addr` of a client command: `[user:password@]host:port`. Without a host (`:8002`, `*:8002`: as
 * the app's own `--addr` is written) it is this machine. The last `@` splits, the password is taken
 * as it is.
 *
 * @throws {CliError} that does not repeat the password.
 */
export function parseControlTarget(text: string): ControlTarget {
  const bare = text.replace(/^http:\/\//, "").replace(/\/$/, "");
  const at = bare.lastIndexOf("@");
  const address = bare.slice(at + 1);
  const match = /^(\[[0-9A-Fa-f:.%]+\]|[^:\s/[\]]*):([0-9]{1,5})$/.exec(address);
  const port = Number(match?.[2]);
  const written = match?.[1];
  if (written === undefined || port > 65_535 || port === 0) {
    throw new CliError(`--addr: "${address}" is no host:port`, { code: "usage" });
  }
  const host = written === "" || written === "*" ? "127.0.0.1" : written;
  return {
    host: host.startsWith("[") ? host.slice(1, -1) : host,
    port,
    shown: `${host}:${port}`,
    authorization: at < 0 ? undefined : `Basic ${utf8(bare.slice(0, at)).toBase64()}`,
  };
}

/** The target of a client command: `--addr`, else `SKYCHAT_ADDR`, else the default. */
export function controlTargetOf(
  addr: string,
  { given, environment }: {
    given: ReadonlySet<string>;
    environment: Readonly<Record<string, string | undefined>>;
  },
): ControlTarget {
  const fallback = environment["SKYCHAT_ADDR"] || DEFAULT_CONTROL_ADDRESS;
  return parseControlTarget(given.has("addr") ? addr : fallback);
}
