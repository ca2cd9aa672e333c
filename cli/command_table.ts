import { APP_FLAGS } from "./app_flags.ts";
import {
  CLIENT_FLAGS,
  EVENTS_FLAGS,
  KEYGEN_FLAGS,
  LISTEN_FLAGS,
  SEND_FLAGS,
} from "./client_flags.ts";
import { CHAT_FLAGS } from "./chat_flags.ts";
import { command, type CommandSpec } from "./command.ts";

/** Every command, in the order of `--help`. One without `load` is not in this build yet. */
export const COMMANDS: readonly CommandSpec[] = [
  command({
    name: "app",
    summary: "run a node",
    notes: "Runs until SIGINT or SIGTERM. The log goes to stderr.",
    flags: APP_FLAGS,
    load: () => import("./commands/app.ts"),
  }),
  command({
    name: "send",
    summary: "send a message, through the local app or straight to a peer",
    notes: "Exits with 0 when the message was acknowledged (or sent, with --wait 0), else with 1.",
    flags: SEND_FLAGS,
    load: () => import("./commands/send.ts"),
  }),
  command({
    name: "listen",
    summary: "print messages as they arrive",
    notes: "Reconnects for ever. Stop with Ctrl-C.",
    flags: LISTEN_FLAGS,
    load: () => import("./commands/listen.ts"),
  }),
  command({
    name: "events",
    summary: "print the structured event stream",
    notes: "Reconnects for ever and goes on where it was. Stop with Ctrl-C.",
    flags: EVENTS_FLAGS,
    load: () => import("./commands/events.ts"),
  }),
  command({
    name: "status",
    summary: "show the state of the local app",
    flags: CLIENT_FLAGS,
    load: () => import("./commands/status.ts"),
  }),
  command({
    name: "keygen",
    summary: "make an identity: public key on line 1, secret key on line 2",
    flags: KEYGEN_FLAGS,
    load: () => import("./commands/keygen.ts"),
  }),
  command({
    name: "chat",
    summary: "full-screen chat with one peer",
    notes: "Enter sends, PgUp and PgDn scroll, Esc or Ctrl-C leaves.",
    flags: CHAT_FLAGS,
    load: () => import("./commands/chat.ts"),
  }),
  command({
    name: "completion",
    summary: "print a completion script for a shell",
    notes:
      "For bash: source <(skychat completion bash). For fish: skychat completion fish | source. " +
      "For zsh: skychat completion zsh > _skychat, in a folder of $fpath.",
    operands: "bash|zsh|fish",
    flags: {},
    load: () => import("./commands/completion.ts"),
  }),
  ...[
    ["history", "show stored messages"],
    ["alias", "names for public keys"],
    ["group", "group chat"],
    ["pair", "pairing (needs a visor)"],
    ["send-file", "send a file"],
    ["voice", "voice calls"],
    ["passwd", "write a password file"],
  ].map(([name = "", summary = ""]) => command({ name, summary, flags: CLIENT_FLAGS })),
];

/** The command of that name. */
export function findCommand(name: string): CommandSpec | undefined {
  return COMMANDS.find((spec) => spec.name === name);
}
