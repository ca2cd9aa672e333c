import { CLIENT_FLAGS, SEND_NET_HELP } from "./client_flags.ts";
import type { FlagTable } from "./flag.ts";
import { SEND_NETWORKS } from "./network_name.ts";

/** Flags of `chat` (cli.md 10). */
export const CHAT_FLAGS = {
  ...CLIENT_FLAGS,
  "to": { type: "string", short: "t", value: "pk|alias", help: "the peer to talk to (required)" },
  "net": {
    type: "string",
    short: "n",
    value: "network",
    suggestions: SEND_NETWORKS,
    default: "skynet",
    help: SEND_NET_HELP,
  },
} as const satisfies FlagTable;
