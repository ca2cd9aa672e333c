import { CLIENT_FLAGS } from "./client_flags.ts";
import type { FlagTable } from "./flag.ts";

const RAW = { type: "bool", help: "do not escape line breaks" } as const;
const ADDRESS_HELP = "where members reach this node, instead of its --cxo-advertise";

/** Flags of `group create` (groups.md 6.6). */
export const GROUP_CREATE_FLAGS = {
  ...CLIENT_FLAGS,
  "name": { type: "string", short: "n", value: "name", help: "name of the group (required)" },
  "mode": {
    type: "string",
    short: "m",
    value: "mode",
    suggestions: ["public", "private"],
    default: "public",
    help: "private: messages are encrypted for the members",
  },
  "kind": {
    type: "string",
    value: "kind",
    suggestions: ["public", "private", "channel"],
    defaultText: "the mode",
    help: "channel: only admins write",
  },
  "member": {
    type: "list",
    value: "pk|alias",
    help: "a first member; repeat or separate with commas",
  },
  "no-peer-backfill": {
    type: "bool",
    help: "only admins serve what was written before, instead of every member",
  },
  "address": { type: "string", value: "host:port", help: ADDRESS_HELP },
} as const satisfies FlagTable;

/** Flags of `group invite`. */
export const GROUP_INVITE_FLAGS = {
  ...CLIENT_FLAGS,
  "address": { type: "string", value: "host:port", help: ADDRESS_HELP },
} as const satisfies FlagTable;

/** Flags of `group send` (groups.md 6.6). */
export const GROUP_SEND_FLAGS = {
  ...CLIENT_FLAGS,
  "message": { type: "string", short: "m", value: "text", help: "the message, instead of words" },
} as const satisfies FlagTable;

/** Flags of `group listen` (groups.md 6.6). */
export const GROUP_LISTEN_FLAGS = {
  ...CLIENT_FLAGS,
  "since": {
    type: "string",
    value: "time",
    help: "only what came after this, RFC 3339; without it, also what the app still remembers",
  },
  "interval": { type: "duration", default: "1s", help: "accepted, unused: messages come at once" },
  "raw": RAW,
} as const satisfies FlagTable;

/** Flags of `group history` (groups.md 6.6). */
export const GROUP_HISTORY_FLAGS = {
  ...CLIENT_FLAGS,
  "limit": {
    type: "int",
    short: "n",
    value: "n",
    default: "100",
    min: 0,
    help: "the newest n messages; 0 is all",
  },
  "list-groups": { type: "bool", help: "the groups that messages are stored of, instead" },
  "raw": RAW,
} as const satisfies FlagTable;
