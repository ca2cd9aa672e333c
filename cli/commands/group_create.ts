import { utf8Text } from "#kit";
import { AliasBook } from "../alias_book.ts";
import type { Call } from "../command.ts";
import { CliError, EXIT_OK, usageError } from "../errors.ts";
import { askGroup, type GroupCall, groupInfoOf, groupPath } from "../group_client.ts";
import { printGroup, takeOperands } from "../group_client.ts";
import type { GROUP_CREATE_FLAGS, GROUP_INVITE_FLAGS } from "../group_flags.ts";
import { groupPeer } from "../group_peer.ts";
import { numberField, objectField, parseJsonObject, textField } from "../json_view.ts";
import { escapeBody } from "../terminal_text.ts";

type CreateCall = Call<typeof GROUP_CREATE_FLAGS>;

const MODES: readonly string[] = ["public", "private"];
const KINDS: readonly string[] = [...MODES, "channel"];

/** What an invite link begins with; anything else is a short address (groups.md 5.1). */
const LINK_PREFIX = "skychat:invite:";

/** Founds a group (groups.md 6.6). */
export async function create(call: CreateCall): Promise<number> {
  const json = JSON.stringify(await createRequest(call));
  const body = await askGroup(call, { path: "/group", json });
  const answer = parseJsonObject(body);
  const { view, id, members } = groupInfoOf("create", answer?.["info"]);
  const start = objectField(answer ?? {}, "start");
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
      `  ${escapeBody(textField(answer ?? {}, "invite"))}`,
      ...started("the owner's", textField(start ?? {}, "owner")),
      ...started("a member's", textField(start ?? {}, "member")),
    ],
  });
  noteWithoutAddress(call, textField(answer ?? {}, "invite"));
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
  const waits = textField(view, "status") === "pending";
  printGroup(call, {
    body,
    lines: [
      waits
        ? `requested to join group (waiting for an admin to approve) ${name}`
        : `joined group ${name}`,
      `  id:    ${escapeBody(id)}`,
      `  owner: ${escapeBody(textField(view, "owner_pk"))}`,
      `  mode:  ${escapeBody(textField(view, "mode"))}`,
    ],
  });
  return EXIT_OK;
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
  noteWithoutAddress(call, link);
  return EXIT_OK;
}

/** A link by which nobody finds the group is of use only to those whom a member dials. */
function noteWithoutAddress({ io }: Pick<GroupCall, "io">, link: string): void {
  let text: string;
  try {
    const code = link.trim().slice(LINK_PREFIX.length);
    text = utf8Text(Uint8Array.fromBase64(code, { alphabet: "base64url" }));
  } catch {
    return;
  }
  if (parseJsonObject(text)?.["cxo"] !== undefined) return;
  io.output.note(
    "the link names no address, since nobody knows where members reach this node: give " +
      "--address host:port, or start the app with --cxo-advertise",
  );
}
