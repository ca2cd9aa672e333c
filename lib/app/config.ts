/** Everything a node needs to know, as plain data. Made by {@link configFromFlags}. */
export interface AppConfig {
  /** Runs without a visor. */
  readonly standalone: boolean;
  /** Address of the control surface, as written (http-api.md 1.1). */
  readonly addr: string;
  /** Where links are accepted, as written; empty = nowhere. */
  readonly tcpListen: string;
  /** Specs `tcp://<pk>@<host>:<port>` of persistent links, as written. */
  readonly tcpPeers: readonly string[];
  /** Comma-separated keys that may link in; empty = every authenticated key. */
  readonly tcpWhitelist: string;
  /** Value of `--sk`. A secret: never logged. */
  readonly sk: string | undefined;
  /** Value of `-c`. */
  readonly configPath: string | undefined;
  /** A control surface that others can reach may go without a password. */
  readonly noPassword: boolean;
  /** Only shown by `/status`: pairing needs a visor. */
  readonly pairEnable: boolean;
  /** When an inbound message is acknowledged (messages.md 4.1). */
  readonly ack: "received";
  /** Links without ML-KEM are refused (noise.md 4). */
  readonly requirePostQuantum: boolean;
}

/** Values of the flags of `app` that decide something, under their long names (cli.md 2). */
export interface AppFlags {
  /** `--standalone`: run without a visor. */
  readonly standalone: boolean;
  /** `--addr`: where the control surface listens. */
  readonly addr: string;
  /** `--tcp-listen`: where links are accepted; empty = nowhere. */
  readonly "tcp-listen": string;
  /** `--tcp-peer`, once per link to keep. */
  readonly "tcp-peer": readonly string[];
  /** `--tcp-whitelist`: comma-separated keys; empty = every authenticated key. */
  readonly "tcp-whitelist": string;
  /** `--sk`: a secret; empty = not given. */
  readonly sk: string;
  /** `-c`: path of a JSON file with an `sk` member; empty = not given. */
  readonly config: string;
  /** `--no-password`: others may reach the control surface. */
  readonly "no-password": boolean;
  /** `--pair-enable`: only shown by `/status`. */
  readonly "pair-enable": boolean;
  /** `--portless`: refused, because it needs a visor. */
  readonly portless: boolean;
}

/** Environment variables by name. Only `cli/` reads the real ones. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration with what is worth a WARN line, or the reasons why there is none. */
export type ConfigResult =
  | { readonly config: AppConfig; readonly warnings: readonly string[] }
  | { readonly problems: readonly string[] };

/**
 * Turns flags into a configuration. Checks what flags mean together; addresses, keys and specs are
 * checked by the layers that use them.
 */
export function configFromFlags(flags: AppFlags, environment: Environment): ConfigResult {
  const problems: string[] = [];
  const warnings: string[] = [];
  if (!flags.standalone && environment["PROC_CONFIG"]) {
    problems.push("embedded mode (PROC_CONFIG is set): not in this build yet; use --standalone");
  } else if (flags.portless) {
    problems.push("--portless needs a visor");
  }
  if (problems.length > 0) return { problems };
  if (!flags.standalone) {
    warnings.push("no visor found (PROC_CONFIG is not set): running as with --standalone");
  }
  return {
    warnings,
    config: {
      standalone: true,
      addr: flags.addr,
      tcpListen: flags["tcp-listen"],
      tcpPeers: flags["tcp-peer"],
      tcpWhitelist: flags["tcp-whitelist"],
      sk: flags.sk === "" ? undefined : flags.sk,
      configPath: flags.config === "" ? undefined : flags.config,
      noPassword: flags["no-password"],
      pairEnable: flags["pair-enable"],
      ack: "received",
      requirePostQuantum: Boolean(environment["SKYWIRE_REQUIRE_PQ"]),
    },
  };
}
