import { quoteForLog } from "#kit";
import { DATA_FOLDER } from "./data_folder.ts";
import {
  type GroupConfig,
  type GroupDefaults,
  groupDefaultsOf,
  type GroupFlags,
  groupOf,
} from "./group_config.ts";
import { type VisorConfig, type VisorFlags, visorOf } from "./visor_config.ts";

export { DATA_FOLDER } from "./data_folder.ts";
export { GROUP_FOLDER } from "./group_config.ts";
export type { GroupConfig, GroupDefaults, GroupFlags, GroupGovernance } from "./group_config.ts";
export type { VisorConfig, VisorFlags } from "./visor_config.ts";

/** Everything a node needs to know, as plain data. Made by {@link configFromFlags}. */
export interface AppConfig {
  /** The visor to attach to; undefined when the node runs without one. */
  readonly visor: VisorConfig | undefined;
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
  /** Direct messages over feeds; undefined without `--cxo`, and where there is a group. */
  readonly cxo: CxoConfig | undefined;
  /** The group to take part in from the start; undefined without `--cxo-group` and `--join`. */
  readonly group: GroupConfig | undefined;
  /** For groups that are created or joined while the node runs. */
  readonly groupDefaults: GroupDefaults;
  /** Only shown by `/status`: pairing needs a visor. */
  readonly pairEnable: boolean;
  /** When an inbound message is acknowledged (messages.md 4.1). */
  readonly ack: AckMode;
  /** Folder for what is kept besides the history. */
  readonly dataFolder: string;
  /** How messages are kept; undefined without `--persist`. */
  readonly history: HistoryConfig | undefined;
  /** Path of the password file; undefined when there is none. */
  readonly passwordFile: string | undefined;
  /** Lets a trusted proxy in without the password. A secret: never logged. Undefined = off. */
  readonly internalToken: string | undefined;
  /** Links without ML-KEM are refused (noise.md 4). */
  readonly requirePostQuantum: boolean;
}

/** `stored`: a message that the limits admit is acknowledged once it is on disk. */
export type AckMode = "received" | "stored";

/** The `--cxo-…` flags (cli.md 2). */
export interface CxoConfig {
  /** Where the own feed is served, as written; empty = nowhere. */
  readonly listen: string;
  /** Specs `tcp://<feedpk>@<host>:<port>` of feeds to follow, as written. */
  readonly peers: readonly string[];
  /** Messages kept in the own feed. */
  readonly cap: number;
}

/** The `--persist-…` flags (cli.md 2). For every limit 0 means none; below 0 the store refuses. */
export interface HistoryConfig {
  /** The store file, as written. */
  readonly path: string;
  /** Records per conversation. */
  readonly perPeerCap: number;
  /** Age limit, days. */
  readonly ttlDays: number;
  /** Records that a new `/sse` client gets first. */
  readonly seed: number;
  /** File with the only peers to keep; empty = all. */
  readonly whitelistPath: string;
  /** Records per peer and minute. */
  readonly perPeerRate: number;
  /** Size of all records, MiB. */
  readonly totalCapMib: number;
  /** Bytes of one text. */
  readonly maxSize: number;
  /** Records per group. */
  readonly groupCap: number;
  /** Records per member of a group and minute. */
  readonly groupRate: number;
}

/** The store file when nobody names one. */
export const DEFAULT_HISTORY_PATH = `${DATA_FOLDER}/skychat-history.db`;

/** Where the control surface listens when nobody says (cli.md 2). */
export const DEFAULT_ADDRESS = ":8001";

/** What the `--persist-…` flags are when nobody gives them (cli.md 2). */
const PERSIST_DEFAULTS = {
  "persist-db": "",
  "persist-per-peer-cap": 500,
  "persist-ttl": 30,
  "persist-seed": 50,
  "persist-whitelist": "",
  "persist-per-peer-rate": 20,
  "persist-total-cap": 10,
  "persist-max-size": 4_096,
  "persist-group-cap": 5_000,
  "persist-group-rate": 60,
} as const satisfies Partial<AppFlags>;

/** What the flags of direct feeds are when nobody gives them (cli.md 2). */
const FEED_DEFAULTS = { "cxo-cap": 150_000 } as const satisfies Partial<AppFlags>;

/** The same of flags that say whom to connect to, in a group or without one. */
const PEER_DEFAULTS = { "cxo-peer": [] } as const satisfies Partial<AppFlags>;

/** The same of flags that only `--cxo-group` has a use for: an invite link says these things itself. */
const GROUP_DEFAULTS = {
  "cxo-group-owner": "",
  "cxo-group-mode": "",
} as const satisfies Partial<AppFlags>;

/** Values of the flags of `app` that decide something, under their long names (cli.md 2). */
export interface AppFlags extends GroupFlags, VisorFlags {
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
  /** `--password-file`; empty = none. */
  readonly "password-file": string;
  /** `--internal-token`: a secret; empty = off. */
  readonly "internal-token": string;
  /** `--cxo`: direct messages over feeds. */
  readonly cxo: boolean;
  /** `--cxo-cap`: messages kept in the own feed. */
  readonly "cxo-cap": number;
  /** `--ack`; empty = `stored` with `--persist`, else `received`. */
  readonly ack: string;
  /** `--persist`: keep messages. */
  readonly persist: boolean;
  /** `--persist-per-peer-cap`. */
  readonly "persist-per-peer-cap": number;
  /** `--persist-ttl`, days. */
  readonly "persist-ttl": number;
  /** `--persist-seed`. */
  readonly "persist-seed": number;
  /** `--persist-whitelist`; empty = none. */
  readonly "persist-whitelist": string;
  /** `--persist-per-peer-rate`. */
  readonly "persist-per-peer-rate": number;
  /** `--persist-total-cap`, MiB. */
  readonly "persist-total-cap": number;
  /** `--persist-max-size`, bytes. */
  readonly "persist-max-size": number;
  /** `--persist-group-cap`. */
  readonly "persist-group-cap": number;
  /** `--persist-group-rate`. */
  readonly "persist-group-rate": number;
  /** `--pair-enable`: only shown by `/status`. */
  readonly "pair-enable": boolean;
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
  const problems = problemsOf(flags, environment);
  if (problems.length > 0) return { problems };
  const group = groupOf(flags);
  return {
    warnings: warningsOf(flags, environment),
    config: {
      visor: visorOf(flags, environment),
      addr: flags.addr,
      tcpListen: flags["tcp-listen"],
      tcpPeers: flags["tcp-peer"],
      tcpWhitelist: flags["tcp-whitelist"],
      sk: flags.sk === "" ? undefined : flags.sk,
      configPath: flags.config === "" ? undefined : flags.config,
      noPassword: flags["no-password"],
      cxo: flags.cxo && group === undefined
        ? { listen: flags["cxo-listen"], peers: flags["cxo-peer"], cap: flags["cxo-cap"] }
        : undefined,
      group,
      groupDefaults: groupDefaultsOf(flags),
      pairEnable: flags["pair-enable"],
      ack: flags.persist && flags.ack !== "received" ? "stored" : "received",
      dataFolder: DATA_FOLDER,
      history: flags.persist ? historyOf(flags) : undefined,
      passwordFile: flags["password-file"] || undefined,
      internalToken: flags["internal-token"] || undefined,
      requirePostQuantum: Boolean(environment["SKYWIRE_REQUIRE_PQ"]),
    },
  };
}

function problemsOf(flags: AppFlags, environment: Environment): string[] {
  const problems: string[] = [];
  if (flags.portless && visorOf(flags, environment) === undefined) {
    problems.push("--portless needs a visor");
  }
  const { "cxo-advertise": advertise } = flags;
  if (advertise !== "" && !/^.+:[0-9]{1,5}$/.test(advertise)) {
    problems.push(`--cxo-advertise ${quoteForLog(advertise)}: wants host:port`);
  }
  if (flags["cxo-group"] !== "" && flags.join !== "") {
    problems.push("--join and --cxo-group are mutually exclusive: the link names the group");
  }
  return problems;
}

/** The same for a node that keeps its files in a folder that its visor chose (visor.md 1). */
export function withWorkFolder(config: AppConfig, folder: string): AppConfig {
  if (folder === "") return config;
  const { group, groupDefaults, history, visor } = config;
  const path = visor?.freePaths.history ? { path: `${folder}/skychat-history.db` } : {};
  const place = visor?.freePaths.groups ? { folder: `${folder}/groups` } : {};
  return {
    ...config,
    dataFolder: folder,
    groupDefaults: { ...groupDefaults, ...place },
    group: group && { ...group, ...place },
    history: history && { ...history, ...path },
  };
}

function warningsOf(flags: AppFlags, environment: Environment): string[] {
  const warnings: string[] = [];
  const visor = visorOf(flags, environment);
  if (!flags.standalone && visor === undefined) {
    warnings.push("no visor found (PROC_CONFIG is not set): running as with --standalone");
  }
  if (visor?.portless && visor.port !== 0) {
    warnings.push("--port with --portless: nothing listens on it, peers are dialled at it");
  }
  if (flags.ack === "stored" && !flags.persist) {
    warnings.push(
      "--ack stored without --persist: nothing is stored, so messages are " +
        "acknowledged once they were received",
    );
  }
  const idle = (used: boolean, defaults: Partial<AppFlags>, text: string) => {
    const changed = used ? [] : changedFlags(flags, defaults);
    if (changed.length > 0) warnings.push(`${changed.join(", ")} ${text}`);
  };
  idle(flags.persist, PERSIST_DEFAULTS, "without --persist: nothing is stored");
  const chosen = flags.join === "" ? "--cxo-group" : "--join";
  const inGroup = flags["cxo-group"] !== "" || flags.join !== "";
  if (flags.cxo && inGroup) {
    warnings.push(`--cxo with ${chosen}: the group wins, direct messages go through no feed`);
  }
  const feeds = inGroup
    ? `with ${chosen}: nothing of a group depends on it`
    : "without --cxo: no feed is served or followed";
  idle(flags.cxo && !inGroup, FEED_DEFAULTS, feeds);
  idle(flags.cxo || inGroup, PEER_DEFAULTS, "without --cxo or --cxo-group: nobody is followed");
  const apart = flags.join === "" ? "without --cxo-group" : "with --join: the link says it";
  idle(flags["cxo-group"] !== "", GROUP_DEFAULTS, apart);
  return warnings;
}

/** The flags among these that somebody meant something with. */
function changedFlags(flags: AppFlags, defaults: Partial<AppFlags>): string[] {
  return Object.entries(defaults)
    .filter(([name, value]) => String(flags[name as keyof AppFlags]) !== String(value))
    .map(([name]) => `--${name}`);
}

function historyOf(flags: AppFlags): HistoryConfig {
  return {
    path: flags["persist-db"] || DEFAULT_HISTORY_PATH,
    perPeerCap: flags["persist-per-peer-cap"],
    ttlDays: flags["persist-ttl"],
    seed: flags["persist-seed"],
    whitelistPath: flags["persist-whitelist"],
    perPeerRate: flags["persist-per-peer-rate"],
    totalCapMib: flags["persist-total-cap"],
    maxSize: flags["persist-max-size"],
    groupCap: flags["persist-group-cap"],
    groupRate: flags["persist-group-rate"],
  };
}
