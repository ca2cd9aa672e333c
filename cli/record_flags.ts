import { CLIENT_FLAGS } from "./client_flags.ts";
import type { FlagTable } from "./flag.ts";

const RAW = { type: "bool", help: "do not escape line breaks" } as const;

/** Flags of `history` (cli.md 7). */
export const HISTORY_FLAGS = {
  ...CLIENT_FLAGS,
  "peer": { type: "string", value: "pk|alias", help: "only this conversation" },
  "limit": {
    type: "int",
    value: "n",
    default: "100",
    help: "the newest n messages, 1 to 1000",
  },
  "since": {
    type: "duration",
    help: "of those, only what is not older than this",
  },
  "raw": RAW,
} as const satisfies FlagTable;

/** Flags of `search`. */
export const SEARCH_FLAGS = { ...CLIENT_FLAGS, "raw": RAW } as const satisfies FlagTable;

/** Flags of `alias` (cli.md 9). */
export const ALIAS_FLAGS = {
  "json": { type: "bool", help: "alias ls as an object; errors as JSON" },
} as const satisfies FlagTable;

/** Flags of `pair` (cli.md 12). */
export const PAIR_FLAGS = {
  ...CLIENT_FLAGS,
  "to": { type: "string", short: "t", value: "pk|alias", help: "add, send, remove: the peer" },
  "from": { type: "string", short: "f", value: "pk|alias", help: "accept, decline: who asked" },
  "msg": { type: "string", short: "m", value: "text", help: "send: the message" },
  "since": { type: "string", value: "time", help: "poll: only what is newer, RFC 3339" },
  "limit": { type: "int", value: "n", default: "100", help: "poll: at most this many, 1 to 1000" },
} as const satisfies FlagTable;

/** Flags of `send-file` (cli.md 12). */
export const SEND_FILE_FLAGS = {
  ...CLIENT_FLAGS,
  "to": { type: "string", short: "t", value: "pk|alias", help: "to this peer" },
  "group": { type: "bool", short: "g", help: "to the group that the app is in" },
} as const satisfies FlagTable;

/** Flags of `passwd`. There is none for the password: others could see it. */
export const PASSWD_FLAGS = {
  "form": {
    type: "string",
    value: "form",
    choices: ["scrypt", "sha256"],
    default: "scrypt",
    help: "scrypt is slow to guess; sha256 is the form that the deployed system reads as well",
  },
  "json": { type: "bool", help: "errors as JSON" },
} as const satisfies FlagTable;
