import type { FlagTable } from "./flag.ts";
import { LISTEN_NETWORKS, SEND_NETWORKS } from "./network_name.ts";

/** What `--net` of a sender does. */
export const SEND_NET_HELP =
  "where the app runs with --cxo, tcp-direct is the link to this peer alone and everything " +
  "else the feed; elsewhere it selects nothing without a visor";

/** Flags that may also stand before a client command (cli.md 3). */
export const CLIENT_FLAGS = {
  "addr": {
    type: "string",
    value: "[user:password@]host:port",
    default: "127.0.0.1:8001",
    env: "SKYCHAT_ADDR",
    help: "control surface of the app to talk to",
  },
  "json": { type: "bool", help: "machine-readable output and errors" },
  "exit-codes": {
    type: "string",
    value: "scheme",
    choices: ["default", "detailed"],
    default: "default",
    help: "default: 1 for every failure; detailed: one for each outcome, see send --help",
  },
} as const satisfies FlagTable;

/** Flags of `send` (cli.md 4). */
export const SEND_FLAGS = {
  ...CLIENT_FLAGS,
  "to": {
    type: "string",
    short: "t",
    value: "pk|alias",
    help: "recipient; optional with --via",
  },
  "msg": {
    type: "string",
    short: "m",
    value: "text",
    help: "the message; this or --stdin is required",
  },
  "stdin": {
    type: "bool",
    help: "read the message from standard input; its last line end is not part of it",
  },
  "net": {
    type: "string",
    short: "n",
    value: "network",
    suggestions: SEND_NETWORKS,
    default: "skynet",
    help: `${SEND_NET_HELP}; ignored with --via`,
  },
  "wait": {
    type: "duration",
    short: "w",
    default: "5s",
    help: "wait this long for the receipt; 0 does not ask for one",
  },
  "retries": {
    type: "int",
    short: "r",
    value: "n",
    default: "1",
    min: 0,
    help: "more attempts after HTTP or transport failures; never after a missing receipt",
  },
  "queue": {
    type: "bool",
    help: "if the peer is not connected, the app keeps the message and delivers it later",
  },
  "expire": {
    type: "duration",
    default: "168h",
    help: "with --queue: give up after this long",
  },
  "verbose": { type: "bool", help: "details on stderr" },
  "via": {
    type: "string",
    value: "tcp://pk@host:port",
    help: "dial the peer directly, without a local app",
  },
  "sk": {
    type: "string",
    value: "hex",
    env: "DMSGCURL_SK",
    help: "identity for --via, 64 hex digits; other users of this machine can see it " +
      "in the process list",
  },
  "config": {
    type: "path",
    short: "c",
    value: "file",
    help: "identity for --via: JSON file whose top-level string sk is the secret key",
  },
} as const satisfies FlagTable;

/** Flags of `listen` (cli.md 5). */
export const LISTEN_FLAGS = {
  ...CLIENT_FLAGS,
  "from": { type: "string", value: "pk|alias", help: "only this sender" },
  "net": {
    type: "string",
    short: "n",
    value: "network",
    suggestions: LISTEN_NETWORKS,
    help: "only this network: skynet, dmsg, tcp-direct or cxo",
  },
  "raw": { type: "bool", help: "do not escape line breaks" },
  "since": {
    type: "int",
    value: "seq",
    min: 0,
    help: "only messages after this number, which --json shows as seq; without it, also those " +
      "that the app still remembers",
  },
} as const satisfies FlagTable;

/** What `--channel` of `events` can name (http-api.md 6). */
export const CHANNELS: readonly string[] = ["dm", "group", "pair", "system", "all"];

/** Flags of `events` (cli.md 6). */
export const EVENTS_FLAGS = {
  ...CLIENT_FLAGS,
  "channel": {
    type: "string",
    value: "csv",
    suggestions: CHANNELS,
    default: "dm,group,pair",
    help: "channels: dm, group, pair, system, all",
  },
  "since": {
    type: "int",
    value: "seq",
    default: "0",
    min: 0,
    help: "only events after this sequence number",
  },
} as const satisfies FlagTable;

/** Flags of `keygen` (cli.md 13). */
export const KEYGEN_FLAGS = {
  "json": { type: "bool", help: "an object with public_key and secret_key" },
} as const satisfies FlagTable;
