import { AliasBook } from "../alias_book.ts";
import type { CommandModule } from "../command.ts";
import type { CLIENT_FLAGS } from "../client_flags.ts";
import { EXIT_OK, usageError } from "../errors.ts";
import {
  askGroup,
  type GroupCall,
  type GroupInfo,
  groupInfoOf,
  groupPath,
} from "../group_client.ts";
import { printGroup, takeOperands } from "../group_client.ts";
import { noteUnstored } from "../group_notes.ts";
import { groupPeer } from "../group_peer.ts";

/** What an admin does to one key (groups.md 6.6). */
export type MemberVerb =
  | "add"
  | "kick"
  | "ban"
  | "unban"
  | "mute"
  | "unmute"
  | "promote"
  | "demote";

/** The module of the command `group <verb> ID PK`. */
export function memberModule(verb: MemberVerb): CommandModule<typeof CLIENT_FLAGS> {
  return { run: (call) => change(call, verb) };
}

async function change(call: GroupCall, verb: MemberVerb): Promise<number> {
  const [id = "", word = ""] = takeOperands(verb, {
    operands: call.operands,
    names: ["ID", "PK"],
  });
  const aliases = await AliasBook.open(call.io);
  const { pk, addr } = await peerOf(word, { verb, aliases });
  const path = groupPath(id, `members/${verb === "kick" ? "remove" : verb}`);
  const body = await askGroup(call, { path, json: JSON.stringify({ pk, addr }) }, { id });
  const info = groupInfoOf(verb, body);
  printGroup(call, { body, lines: [resultLine(info, { id, verb, pk })] });
  noteUnstored(call, info.view);
  return EXIT_OK;
}

/** A key or an alias; for `add` also `tcp://<pk>@host:port`, which says where to dial it. */
async function peerOf(
  word: string,
  { verb, aliases }: { verb: MemberVerb; aliases: AliasBook },
): Promise<{ pk: string; addr: string | undefined }> {
  const spec = verb === "add" ? /^tcp:\/\/([^@]*)@(.*)$/s.exec(word) : null;
  if (spec === null) return { pk: await groupPeer(word, aliases), addr: undefined };
  const [, key = "", addr = ""] = spec;
  if (addr === "") throw usageError(`group add: missing host:port in "${word}"`);
  return { pk: await groupPeer(key, aliases), addr };
}

function resultLine(
  { members, admins }: GroupInfo,
  { id, verb, pk }: { id: string; verb: MemberVerb; pk: string },
): string {
  switch (verb) {
    case "add":
      return `group ${id} now has ${members.length} members`;
    case "promote":
    case "demote":
      return `group ${id} now has ${admins.length} admin(s)`;
    default:
      return `group ${id}: ${verb} ${pk}`;
  }
}
