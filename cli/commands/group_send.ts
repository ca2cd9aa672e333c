import { parseRfc3339 } from "#kit";
import type { Call } from "../command.ts";
import { EXIT_OK, usageError } from "../errors.ts";
import {
  askGroup,
  groupAnswer,
  type GroupCall,
  groupPath,
  printGroup,
  takeOperands,
} from "../group_client.ts";
import type { GROUP_SEND_FLAGS } from "../group_flags.ts";
import { commandWord } from "../group_notes.ts";
import { parseJsonObject, textField } from "../json_view.ts";
import { UNSTORED_NOTE } from "../send_result.ts";

/** Largest time that fits into 64 bits, nanoseconds. */
const MOST_NANOS = 2n ** 63n - 1n;

/** How a node stands with a group whose members do not follow it. */
const UNREAD: readonly string[] = ["awaiting_approval", "revoked", "banned"];

type SendCall = Call<typeof GROUP_SEND_FLAGS>;

/** Sends words to a group (groups.md 6.6). */
export async function send(call: SendCall): Promise<number> {
  const { flags, given, io, operands: [id, ...words] } = call;
  if (id === undefined) throw usageError("group send: wants ID and a text");
  if (given.has("message") && words.length > 0) {
    throw usageError("group send: give the text as words or with --message, not both");
  }
  const text = given.has("message") ? flags.message : words.join(" ");
  if (text === "") throw usageError("group send: what? give a text behind the id");
  const json = JSON.stringify({ text });
  const answer = await groupAnswer(call, { path: groupPath(id, "send"), json }, { id });
  // An answer without a body says it in headers (docs/HTTP.md).
  const stored = answer.headers?.get("x-skychat-stored") !== "false";
  const ts = answer.headers?.get("x-skychat-ts-nano") ?? "";
  if (flags.json && /^[1-9][0-9]{0,18}$/.test(ts)) {
    // As digits: the number is larger than JSON.stringify can write.
    io.output.json(`{"ts_nano":${ts},"stored":${stored}}`);
    return EXIT_OK;
  }
  printGroup(call, { body: answer.body, lines: [`sent to ${id}`] });
  if (flags.json) return EXIT_OK;
  if (!stored) io.output.note(UNSTORED_NOTE);
  await noteUnread(call, id);
  return EXIT_OK;
}

/** Whoever writes where no member reads on should know; what cannot be found out is no failure. */
async function noteUnread(call: SendCall, id: string): Promise<void> {
  const body = await askGroup(call, { path: groupPath(id) }, { id }).catch(() => "");
  const status = textField(parseJsonObject(body) ?? {}, "status");
  if (!UNREAD.includes(status)) return;
  call.io.output.note(
    `no member reads this node now (status ${status}): see skychat group info ${commandWord(id)}`,
  );
}

/** Takes an own message back (groups.md 6.6). */
export async function unsend(call: GroupCall): Promise<number> {
  const [id = "", word = ""] = takeOperands("unsend", {
    operands: call.operands,
    names: ["ID", "TIME"],
  });
  const ts = nanosOf(word);
  const path = groupPath(id, `message?ts=${ts}`);
  const body = await askGroup(call, { path, method: "DELETE" }, { id });
  printGroup(call, { body, lines: [`unsent ${ts} from ${id}`] });
  return EXIT_OK;
}

/** Nanoseconds since 1970 as such, or as the time of a message that a command printed. */
function nanosOf(word: string): bigint {
  const nanos = /^[0-9]{1,19}$/.test(word) ? BigInt(word) : parseRfc3339(word);
  if (nanos === undefined || nanos <= 0n || nanos > MOST_NANOS) {
    throw usageError(
      `invalid ts (want UnixNano int): "${word}" is no time of a message`,
      "a number such as 1789000000123456789, or a time such as 2026-09-10T00:26:40.123456789Z",
    );
  }
  return nanos;
}
