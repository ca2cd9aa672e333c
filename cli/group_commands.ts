import { CLIENT_FLAGS } from "./client_flags.ts";
import { command, type CommandSpec } from "./command.ts";
import {
  GROUP_CREATE_FLAGS,
  GROUP_HISTORY_FLAGS,
  GROUP_INVITE_FLAGS,
  GROUP_LISTEN_FLAGS,
  GROUP_SEND_FLAGS,
} from "./group_flags.ts";
import type { MemberVerb } from "./commands/group_member.ts";

const SETTLED = "An admin's command; repeating it changes nothing.";

/** A command about one member: `group <verb> ID PK`. */
function memberCommand(verb: MemberVerb, summary: string, notes = SETTLED): CommandSpec {
  return command({
    name: `group ${verb}`,
    summary,
    notes,
    operands: "ID PK",
    flags: CLIENT_FLAGS,
    load: async () => (await import("./commands/group_member.ts")).memberModule(verb),
  });
}

/** The commands below `group` (groups.md 6.6), in the order of its `--help`. */
export const GROUP_COMMANDS: readonly CommandSpec[] = [
  command({
    name: "group create",
    summary: "found a group on this node",
    notes: "Prints the invite link, and what to start the nodes with the next time.",
    flags: GROUP_CREATE_FLAGS,
    load: async () => ({ run: (await import("./commands/group_create.ts")).create }),
  }),
  command({
    name: "group join",
    summary: "take part in the group of an invite link",
    notes: "Somebody who may has to add this node's key with group add.",
    operands: "LINK",
    flags: CLIENT_FLAGS,
    load: async () => ({ run: (await import("./commands/group_create.ts")).join }),
  }),
  command({
    name: "group invite",
    summary: "print an invite link",
    operands: "ID",
    flags: GROUP_INVITE_FLAGS,
    load: async () => ({ run: (await import("./commands/group_create.ts")).invite }),
  }),
  command({
    name: "group list",
    summary: "show the groups of this node",
    flags: CLIENT_FLAGS,
    load: async () => ({ run: (await import("./commands/group_info.ts")).list }),
  }),
  command({
    name: "group info",
    summary: "show one group with its members",
    operands: "ID",
    flags: CLIENT_FLAGS,
    load: async () => ({ run: (await import("./commands/group_info.ts")).info }),
  }),
  command({
    name: "group send",
    summary: "send a message to a group",
    notes: "The words are joined by one space. A text that begins with - goes behind --.",
    operands: "ID WORD...",
    flags: GROUP_SEND_FLAGS,
    load: async () => ({ run: (await import("./commands/group_send.ts")).send }),
  }),
  command({
    name: "group unsend",
    summary: "take an own message back for everybody",
    notes:
      "TIME is the message's own, in nanoseconds since 1970 as group send --json has it, or as " +
      "group history --json has it.",
    operands: "ID TIME",
    flags: CLIENT_FLAGS,
    load: async () => ({ run: (await import("./commands/group_send.ts")).unsend }),
  }),
  command({
    name: "group listen",
    summary: "print messages of groups as they arrive",
    notes: "Without ID those of every group. Reconnects for ever and goes on where it was. " +
      "Stop with Ctrl-C.",
    operands: "[ID]",
    flags: GROUP_LISTEN_FLAGS,
    load: () => import("./commands/group_listen.ts"),
  }),
  command({
    name: "group history",
    summary: "show stored messages of a group; --list-groups: of which there are some",
    notes: "Oldest first.",
    operands: "[ID]",
    flags: GROUP_HISTORY_FLAGS,
    load: () => import("./commands/group_history.ts"),
  }),
  memberCommand(
    "add",
    "let somebody in",
    "PK may be an alias, or tcp://<pk>@host:port where this node is to dial the newcomer. " +
      SETTLED,
  ),
  memberCommand("kick", "put somebody out"),
  memberCommand("ban", "put somebody out for good"),
  memberCommand("unban", "lift a ban; the peer still has to be added"),
  memberCommand("mute", "hide what somebody writes from now on"),
  memberCommand("unmute", "show it again"),
  memberCommand("promote", "make a member an admin"),
  memberCommand("demote", "make an admin a member"),
  command({
    name: "group readonly",
    summary: "let only admins write, or everybody again",
    notes: SETTLED,
    operands: "ID on|off",
    flags: CLIENT_FLAGS,
    load: async () => ({ run: (await import("./commands/group_setting.ts")).readOnly }),
  }),
  command({
    name: "group peer-backfill",
    summary: "let every member serve what was written before, or only admins",
    notes: SETTLED,
    operands: "ID on|off",
    flags: CLIENT_FLAGS,
    load: async () => ({ run: (await import("./commands/group_setting.ts")).peerBackfill }),
  }),
  command({
    name: "group rotate-key",
    summary: "give a private group another key",
    operands: "ID",
    flags: CLIENT_FLAGS,
    load: async () => ({ run: (await import("./commands/group_setting.ts")).rotateKey }),
  }),
  command({
    name: "group leave",
    summary: "depart from a group",
    operands: "ID",
    flags: CLIENT_FLAGS,
    load: async () => ({ run: (await import("./commands/group_setting.ts")).leave }),
  }),
  command({
    name: "group delete",
    summary: "end a group on this node; an admin's command",
    notes: "Others just see it go quiet.",
    operands: "ID",
    flags: CLIENT_FLAGS,
    load: async () => ({ run: (await import("./commands/group_setting.ts")).remove }),
  }),
];
