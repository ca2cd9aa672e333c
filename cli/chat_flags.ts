import { CLIENT_FLAGS } from "./client_flags.ts";
import type { FlagTable } from "./flag.ts";

/** Flags of `chat` (cli.md 10). */
export const CHAT_FLAGS = {
  ...CLIENT_FLAGS,
  "to": { type: "string", short: "t", value: "pk|alias", help: "the peer to talk to (required)" },
  "net": {
    type: "string",
    short: "n",
    value: "network",
    suggestions: ["skynet", "dmsg", "tcp-direct", "auto"],
    default: "skynet",
    help: "skynet, dmsg, tcp-direct or auto; selects nothing without a visor",
  },
} as const satisfies FlagTable;
