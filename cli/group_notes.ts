import { utf8Text } from "#kit";
import type { GroupCall } from "./group_client.ts";
import { type JsonView, parseJsonObject } from "./json_view.ts";
import { escapeBody } from "./terminal_text.ts";

/** What an invite link begins with; anything else is a short address (groups.md 5.1). */
export const LINK_PREFIX = "skychat:invite:";

/** Who made a link: this node just now, or somebody else. */
export type LinkOrigin = "own" | "foreign";

const ADDRESS_ADVICE: Readonly<Record<LinkOrigin, string>> = {
  own: "since nobody knows where members reach this node: give --address host:port, or start the " +
    "app with --cxo-advertise",
  foreign: "so this node finds nobody by it: ask for one that was made with --address host:port, " +
    "or by an app that runs with --cxo-advertise",
};

/** Tells of a decision that counts now and is on no disk; its JSON form says so itself. */
export function noteUnstored({ flags, io }: GroupCall, view: JsonView): void {
  if (flags.json || view["stored"] !== false) return;
  io.output.note(
    "the app could not write it to its disk: a restart of the app may forget this decision",
  );
}

/** A link by which nobody finds the group is of use only to those whom a member dials. */
export function noteWithoutAddress(
  { io }: Pick<GroupCall, "io">,
  { link, origin }: { link: string; origin: LinkOrigin },
): void {
  if (!link.trim().startsWith(LINK_PREFIX)) return;
  let text: string;
  try {
    const code = link.trim().slice(LINK_PREFIX.length);
    text = utf8Text(Uint8Array.fromBase64(code, { alphabet: "base64url" }));
  } catch {
    return;
  }
  if (parseJsonObject(text)?.["cxo"] !== undefined) return;
  io.output.note(`the link names no address, ${ADDRESS_ADVICE[origin]}`);
}

/** The app names a variable for a key that it does not put into an answer. */
export function noteSecretKey({ io }: Pick<GroupCall, "io">, ownerLine: string): void {
  if (!ownerLine.includes("$SECRET_KEY")) return;
  io.output.note(
    "the owner's line reads a variable: put the secret key that this node was started with into " +
      "SECRET_KEY first, or use -c",
  );
}

/**
 * A text of an app as one word of a command line that somebody may copy: no id of a group can end the
 * word, nor the line.
 */
export function commandWord(text: string): string {
  const line = escapeBody(text);
  return /^[\w@%+=:,./-]+$/.test(line) ? line : `'${line.replaceAll("'", "'\\''")}'`;
}
