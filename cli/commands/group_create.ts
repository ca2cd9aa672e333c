import { AliasBook } from "../alias_book.ts";
import type { Call } from "../command.ts";
import { CliError, EXIT_OK, usageError } from "../errors.ts";
import { askGroup, type GroupCall, groupInfoOf, groupPath } from "../group_client.ts";
import { printGroup, takeOperands } from "../group_client.ts";
import type { GROUP_CREATE_FLAGS, GROUP_INVITE_FLAGS } from "../group_flags.ts";
import {
  commandWord,
  LINK_PREFIX,
  noteSecretKey,
  noteUnstored,
  noteWithoutAddress,
} from "../group_notes.ts";
import { groupPeer } from "../group_peer.ts";
import {
  type JsonView,
  numberField,
  objectField,
  parseJsonObject,
  textField,
} from "../json_view.ts";
import { escapeBody } from "../terminal_text.ts";

type CreateCall = Call<typeof GROUP_CREATE_FLAGS>;

const MODES: readonly string[] = ["public", "private"];
const KINDS: readonly string[] = [...MODES, "channel"];

/** How a node stands with a group that has not let it in. */
const WAITING: readonly string[] = ["pending", "awaiting_approval"];

/** Founds a group (groups.md 6.6). */
export async function create(call: CreateCall): Promise<number> {
  const json = JSON.stringify(await createRequest(call));
  const body = await askGroup(call, { path: "/group", json });
  const answer = parseJsonObject(body);
  const { view, id, members } = groupInfoOf("create", answer?.["info"]);
  const link = textField(answer ?? {}, "invite");
  const start = objectField(answer ?? {}, "start") ?? {};
  const ownerLine = textField(start, "owner");
  const started = (whose: string, line: string) =>
    line === "" ? [] : ["", `start ${whose} node with:`, `  ${escapeBody(line)}`];
  printGroup(call, {
    body,
    lines: [
      "group created",
      `  id:     ${escapeBody(id)}`,
      `  name:   ${escapeBody(textField(view, "name"))}`,
      `  mode:   ${escapeBody(textField(view, "mode"))}`,
      `  port:   ${numberField(view, "port") ?? 0}`,
      `  members: ${members.length}`,
      "",
      "invite link (share with members):",
      `  ${escapeBody(link)}`,
      ...started("the owner's", ownerLine),
      ...started("a member's", textField(start, "member")),
    ],
  });
  noteUnstored(call, view);
  noteSecretKey(call, ownerLine);
  noteWithoutAddress(call, { link, origin: "own" });
  return EXIT_OK;
}

async function createRequest({ flags, given, io }: CreateCall): Promise<object> {
  if (flags.name.trim() === "") throw usageError('required flag(s) "name" not set');
  if (!MODES.includes(flags.mode)) {
    throw usageError(`invalid --mode "${flags.mode}" (use public or private)`);
  }
  if (flags.kind !== "" && !KINDS.includes(flags.kind)) {
    throw usageError(`invalid --kind "${flags.kind}" (use public, private or channel)`);
  }
  const aliases = await AliasBook.open(io);
  const members = new Set<string>();
  for (const word of flags.member) members.add(await groupPeer(word.trim(), aliases));
  return {
    name: flags.name,
    kind: flags.kind || undefined,
    // The kind decides where it is given; the app says when the two disagree.
    mode: flags.kind === "" || given.has("mode") ? flags.mode : undefined,
    members: members.size > 0 ? [...members] : undefined,
    peer_backfill: flags["no-peer-backfill"] ? false : undefined,
    address: flags.address || undefined,
  };
}

/** Takes part in the group of a link (groups.md 6.6). */
export async function join(call: GroupCall): Promise<number> {
  const [word = ""] = takeOperands("join", { operands: call.operands, names: ["LINK"] });
  const link = word.trim();
  if (link === "") throw usageError("group join: the link is empty");
  const request = link.startsWith(LINK_PREFIX) ? { invite: link } : { address: link };
  const body = await askGroup(call, { path: "/group/join", json: JSON.stringify(request) });
  const { view, id } = groupInfoOf("join", body);
  const name = `"${escapeBody(textField(view, "name"))}"`;
  const waits = WAITING.includes(textField(view, "status"));
  printGroup(call, {
    body,
    lines: [
      waits
        ? `requested to join group (waiting for an admin to approve) ${name}`
        : `joined group ${name}`,
      `  id:    ${escapeBody(id)}`,
      `  owner: ${escapeBody(textField(view, "owner_pk"))}`,
      `  mode:  ${escapeBody(textField(view, "mode"))}`,
      ...(waits ? admissionLines(view) : []),
    ],
  });
  noteUnstored(call, view);
  noteWithoutAddress(call, { link, origin: "foreign" });
  return EXIT_OK;
}

/** What lets this node in, where the app says which key it has. */
function admissionLines(view: JsonView): string[] {
  const self = textField(view, "self_pk");
  if (self === "") return [];
  const words = [textField(view, "id"), self].map(commandWord);
  return [`ask an admin to run: skychat group add ${words.join(" ")}`];
}

/** Prints an invite link (groups.md 6.6). */
export async function invite(call: Call<typeof GROUP_INVITE_FLAGS>): Promise<number> {
  const [id = ""] = takeOperands("invite", { operands: call.operands, names: ["ID"] });
  const { address } = call.flags;
  const query = address === "" ? "" : `?address=${encodeURIComponent(address.toWellFormed())}`;
  const body = await askGroup(call, { path: groupPath(id, `invite${query}`) }, { id });
  const link = textField(parseJsonObject(body) ?? {}, "invite");
  if (link === "") throw new CliError("group invite: the answer has no link");
  printGroup(call, { body: JSON.stringify(link), lines: [escapeBody(link)] });
  noteWithoutAddress(call, { link, origin: "own" });
  return EXIT_OK;
}
