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
import { UNSTORED_NOTE } from "../send_result.ts";

/** Largest time that fits into 64 bits, nanoseconds. */
const MOST_NANOS = 2n ** 63n - 1n;

/** Sends words to a group (groups.md 6.6). */
export async function send(call: Call<typeof GROUP_SEND_FLAGS>): Promise<number> {
  const { flags, given, io, operands: [id, ...words] } = call;
  if (id === undefined) throw usageError("group send: wants ID and a text");
  if (given.has("message") && words.length > 0) {
    throw usageError("group send: give the text as words or with --message, not both");
  }
  const text = given.has("message") ? flags.message : words.join(" ");
  if (text === "") throw usageError("group send: what? give a text behind the id");
  const json = JSON.stringify({ text });
  const answer = await groupAnswer(call, { path: groupPath(id, "send"), json }, { id });
  printGroup(call, { body: answer.body, lines: [`sent to ${id}`] });
  // An answer without a body says it in a header (docs/HTTP.md).
  const unstored = answer.headers?.get("x-skychat-stored") === "false";
  if (!flags.json && unstored) io.output.note(UNSTORED_NOTE);
  return EXIT_OK;
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
