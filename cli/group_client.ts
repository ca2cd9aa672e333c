import { appState } from "./app_state.ts";
import type { CLIENT_FLAGS } from "./client_flags.ts";
import type { Call } from "./command.ts";
import { type Answer, ControlClient, type ControlRequest, refusal } from "./control_client.ts";
import { CliError, usageError } from "./errors.ts";
import { indentJson } from "./json_indent.ts";
import { isObject, type JsonView, parseJsonObject, textField, textListField } from "./json_view.ts";
import { serverText } from "./terminal_text.ts";

/** The call of a command below `group`. */
export type GroupCall = Call<typeof CLIENT_FLAGS>;

/** What the app takes for something else than an id, unless a letter of it is encoded. */
const ROUTES: readonly string[] = ["join", "resolve", "catalog", "history"];

/** What to try where the app runs no group. */
export const START_HINT =
  "make one with skychat group create, take part in one with skychat group join LINK, or start the " +
  "app with --cxo-group or --join";

/** What `/status` says where no group was to run (groups.md 6.5). */
const NONE_CONFIGURED = "pair-rpc-disabled";

/** The app runs no group. */
export class NoGroup extends CliError {
  /** Why the one that was to run does not; empty where there was none, or nobody says. */
  readonly reason: string;

  constructor(text: string, reason: string) {
    super(reason === "" ? text : `${text}: ${reason}`, { hint: START_HINT });
    this.reason = reason;
  }
}

/**
 * Path of a group on the control surface, or of something below it.
 *
 * @throws {CliError} for an id that no path can hold.
 */
export function groupPath(id: string, below = ""): string {
  // Whoever reads the path takes these two for folders, even when they are encoded.
  if (id === "" || id === "." || id === "..") throw usageError(`"${id}" is no group id`);
  const part = encodeURIComponent(id.toWellFormed());
  if (below !== "") return `/group/${part}/${below}`;
  return `/group/${ROUTES.includes(id) ? `%${hexOf(part)}${part.slice(1)}` : part}`;
}

function hexOf(text: string): string {
  return text.charCodeAt(0).toString(16);
}

/**
 * The operands of a command, one for each name.
 *
 * @throws {CliError} when there are more or fewer.
 */
export function takeOperands(
  command: string,
  { operands, names }: { operands: readonly string[]; names: readonly string[] },
): readonly string[] {
  const surplus = operands[names.length];
  if (surplus !== undefined) throw usageError(`group ${command}: unexpected argument "${surplus}"`);
  const missing = names[operands.length];
  if (missing === undefined) return operands;
  throw usageError(
    `group ${command}: wants ${names.join(" and ")}`,
    `see skychat group ${command} --help`,
  );
}

/**
 * Asks the app about the group of that id, if it is about one; the text of its answer, "" for none.
 *
 * @throws {CliError} `app-down` when nobody answers, else the refusal in the app's own words.
 */
export async function askGroup(
  call: GroupCall,
  request: ControlRequest,
  about: GroupQuestion = {},
): Promise<string> {
  return (await groupAnswer(call, request, about)).body;
}

/** What a request is about, and how much of an answer is read. */
export interface GroupQuestion {
  /** The group, where there is one. */
  readonly id?: string;
  /** Bytes. */
  readonly maxBytes?: number;
}

/** The same with all of the answer. */
export async function groupAnswer(
  call: GroupCall,
  request: ControlRequest,
  { id, maxBytes }: GroupQuestion = {},
): Promise<Answer> {
  const client = ControlClient.of(call);
  const limits = maxBytes === undefined ? {} : { maxBytes };
  const answer = await client.ask(request, limits).catch((error: unknown) => {
    throw client.down(error);
  });
  if (answer.status === 200 || answer.status === 204) return answer;
  if (answer.status === 503 && answer.body.trimStart().startsWith("groups disabled")) {
    const reason = groupsError(await appState(client) ?? {});
    throw new NoGroup(serverText(answer.body), reason);
  }
  throw groupRefusal(answer, id);
}

/** Why the group that was to run does not, as `/status` says; empty where there was none. */
export function groupsError(status: JsonView): string {
  const text = textField(status, "groups_error");
  return text === NONE_CONFIGURED ? "" : serverText(text);
}

/** A refusal of a group route (groups.md 6.4): its text says enough. */
function groupRefusal(answer: Answer, id: string | undefined): CliError {
  const { status, body } = answer;
  const text = serverText(body);
  if (text === "" || ![400, 403, 404, 409, 500, 501, 503].includes(status)) return refusal(answer);
  if (status === 404 && text === "no such group" && id !== undefined) {
    return new CliError(`no such group "${id}"`, {
      hint: "skychat group list shows those there are",
    });
  }
  if (status === 404 && text === "no message of yours with that time") {
    return new CliError(text, { hint: "skychat group history --json shows the times, as ts" });
  }
  // Any other 404 is that of a server which knows no such route.
  return status === 404 ? refusal(answer) : new CliError(text);
}

/** A group as the app describes it (groups.md 6.4). */
export interface GroupInfo {
  readonly view: JsonView;
  readonly id: string;
  readonly members: readonly string[];
  readonly admins: readonly string[];
}

/**
 * Reads the answer of a command as a group.
 *
 * @throws {CliError} when it is none.
 */
export function groupInfoOf(command: string, answer: unknown): GroupInfo {
  const view = typeof answer === "string" ? parseJsonObject(answer) : answer;
  if (!isObject(view) || textField(view, "id") === "") {
    throw new CliError(`group ${command}: the answer is no group`);
  }
  return {
    view,
    id: textField(view, "id"),
    members: textListField(view, "members"),
    admins: textListField(view, "admins"),
  };
}

/** Prints a result: its lines for people, or the app's own value with `--json` (groups.md 6.6). */
export function printGroup(
  { flags, io }: GroupCall,
  { body, lines }: { body: string; lines: readonly string[] },
): void {
  if (!flags.json) {
    for (const line of lines) io.output.line(line);
  } else if (body.trim() !== "") {
    io.output.json(indentJson(body));
  }
}
