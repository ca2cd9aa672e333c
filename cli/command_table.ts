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
import { GROUP_COMMANDS } from "./group_commands.ts";
import {
  ALIAS_FLAGS,
  HISTORY_FLAGS,
  PAIR_FLAGS,
  PASSWD_FLAGS,
  SEARCH_FLAGS,
  SEND_FILE_FLAGS,
} from "./record_flags.ts";

const SEND_NOTES =
  `Exits with 0 when the message was acknowledged (or sent with --wait 0, or queued), else with 1.
With --exit-codes detailed, which every command that talks to an app or a peer knows:
  0  acknowledged, sent or queued as asked
  1  wrong usage, or anything else
  3  the peer cannot be reached: nobody there, or no link to it
  4  refused by the peer, or the peer has another key
  5  no acknowledgement in time
  6  no app at --addr`;

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
    notes: SEND_NOTES,
    flags: SEND_FLAGS,
    load: () => import("./commands/send.ts"),
  }),
  command({
    name: "listen",
    summary: "print messages as they arrive",
    notes:
      "Reconnects for ever. Stop with Ctrl-C. With an app that keeps history (--persist) nothing " +
      "is missed while either of the two restarts.",
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
  command({
    name: "history",
    summary: "show stored messages",
    notes: "Oldest first. The app must run with --persist.",
    flags: HISTORY_FLAGS,
    load: () => import("./commands/history.ts"),
  }),
  command({
    name: "search",
    summary: "show stored messages that contain some words",
    notes: "Newest first, at most 100. Upper and lower case are the same.",
    operands: "WORD...",
    flags: SEARCH_FLAGS,
    load: () => import("./commands/search.ts"),
  }),
  command({
    name: "group",
    summary: "federated groups: create, join, send, listen and more",
    notes: "PK is a public key or an alias, ID the id that group list shows.",
    flags: CLIENT_FLAGS,
    subcommands: GROUP_COMMANDS,
  }),
  command({
    name: "outbox",
    summary: "show queued messages, or take one back",
    operands: "[list | cancel ID]",
    flags: CLIENT_FLAGS,
    load: () => import("./commands/outbox.ts"),
  }),
  command({
    name: "alias",
    summary: "names for public keys",
    operands: "add NAME PK | ls | rm ALIAS",
    flags: ALIAS_FLAGS,
    load: () => import("./commands/alias.ts"),
  }),
  command({
    name: "export",
    summary: "write everything stored to a file, or to stdout",
    notes: "The file is private (0600) and appears only when it is whole. It is not encrypted.",
    operands: "[FILE]",
    flags: CLIENT_FLAGS,
    load: () => import("./commands/export.ts"),
  }),
  command({
    name: "import",
    summary: "merge an exported file into what is stored",
    notes: "Importing the same file again changes nothing. With - it is read from stdin.",
    operands: "FILE",
    flags: CLIENT_FLAGS,
    load: () => import("./commands/import.ts"),
  }),
  command({
    name: "passwd",
    summary: "write a password file for the control surface",
    notes: "Asks for the password twice, or reads it as one line when stdin is no terminal. " +
      "Without FILE the line goes to stdout.",
    operands: "[FILE]",
    flags: PASSWD_FLAGS,
    load: () => import("./commands/passwd.ts"),
  }),
  command({
    name: "pair",
    summary: "pairing (needs a visor)",
    operands: "add | accept | decline | list | send | poll | remove",
    flags: PAIR_FLAGS,
    load: () => import("./commands/pair.ts"),
  }),
  command({
    name: "send-file",
    summary: "send a file (needs a visor)",
    operands: "PATH",
    flags: SEND_FILE_FLAGS,
    load: () => import("./commands/send_file.ts"),
  }),
  command({ name: "voice", summary: "voice calls", flags: CLIENT_FLAGS }),
];

/** The command of that name. */
export function findCommand(name: string): CommandSpec | undefined {
  return COMMANDS.find((spec) => spec.name === name);
}
