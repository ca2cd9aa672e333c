import { errorText, formatDuration, utf8 } from "#kit";
import { AliasBook, resolvePeer } from "./alias_book.ts";
import { keepsMessages } from "./app_state.ts";
import type { SEND_FLAGS } from "./client_flags.ts";
import type { Call } from "./command.ts";
import { type Answer, AnswerTimeout, ControlClient, refusal } from "./control_client.ts";
import { CliError, EXIT_OK } from "./errors.ts";
import { type JsonView, numberField, parseJsonObject, textField } from "./json_view.ts";
import type { CliIo } from "./io.ts";
import { checkNetwork, SEND_NETWORKS } from "./network_name.ts";
import { printResult, UNSTORED_NOTE } from "./send_result.ts";
import { escapeBody, serverText } from "./terminal_text.ts";
import { counterDelta, counterSummary, type Verbose, verboseWriter } from "./verbose.ts";

/** Added to `--wait` for the whole answer, ms (cli.md 4.1). */
export const WAIT_GRACE_MS = 5_000;
/** Longest wait for an answer when no receipt is waited for, ms (cli.md 4.1). */
export const NO_WAIT_LIMIT_MS = 30_000;
/** Pause before attempt n + 1, times n, ms (cli.md 4). */
export const RETRY_PAUSE_MS = 200;

/** What a feed is, where somebody may think of a letter. */
const PUBLISHED_NOTE =
  "published in this node's feed: everybody who follows it can read it, and nobody confirms it";

interface Sending {
  readonly call: Call<typeof SEND_FLAGS>;
  readonly client: ControlClient;
  readonly recipient: string;
  readonly waitMs: number;
  readonly verbose: Verbose;
}

/** Hands the message to the local app: every outcome of cli.md 4.1. */
export async function sendThroughApp(call: Call<typeof SEND_FLAGS>): Promise<number> {
  const { flags, io } = call;
  checkNetwork(flags.net, SEND_NETWORKS);
  const client = ControlClient.of(call);
  const recipient = await resolvePeer(flags.to, await AliasBook.open(io));
  const verbose = verboseWriter(io.output, flags.verbose);
  // The app counts in whole milliseconds and takes 0 for "do not wait".
  const sending = { call, client, recipient, waitMs: Math.ceil(flags.wait), verbose };
  announce(sending);
  const before = await counters(sending, "pre-send");
  try {
    return conclude(sending, await post(sending));
  } finally {
    const after = await counters(sending, "post-send");
    if (before !== undefined && after !== undefined) {
      verbose(`delta: ${counterDelta(before, after)}`);
    }
  }
}

function announce({ call: { flags }, client, recipient, waitMs, verbose }: Sending): void {
  verbose(`target: ${recipient}`);
  verbose(`network: ${flags.net}`);
  verbose(`msg bytes: ${utf8(flags.msg).length}`);
  verbose(`wait timeout: ${formatDuration(waitMs)}`);
  verbose(`retries on transport fail: ${flags.retries}`);
  verbose(`chat-app addr: http://${client.target.shown}/message`);
}

/** Posts until there is an answer about the message, or no attempts are left. */
async function post({ call: { flags, io }, client, ...sending }: Sending): Promise<Answer> {
  const { recipient, waitMs, verbose } = sending;
  const json = JSON.stringify({
    recipient,
    message: flags.msg,
    network: flags.net,
    wait_ms: waitMs > 0 ? waitMs : undefined,
    ...(flags.queue && { queue: true, expires_in_ms: Math.ceil(flags.expire) }),
  });
  const limit = waitMs > 0 ? waitMs + WAIT_GRACE_MS : NO_WAIT_LIMIT_MS;
  for (let attempt = 1;; attempt++) {
    const started = io.clock.now();
    const result = await client.ask({ path: "/message", json }, { limitMs: limit })
      .catch((error: unknown) => ({ error }));
    const took = `${Math.round(io.clock.now() - started)}ms`;
    const failed = "error" in result;
    const outcome = failed ? errorText(result.error) : `HTTP ${result.status}`;
    verbose(`attempt ${attempt}: ${outcome} in ${took}`);
    if (!failed && (isOutcome(result) || isAckTimeout(result))) return result;
    // After silence the message may be out already: sending again could deliver it twice.
    const last = attempt > flags.retries || (failed && result.error instanceof AnswerTimeout);
    if (last && failed) throw postFailure(client, result.error);
    if (last && !failed) throw await refusalOf(client, result);
    await io.clock.sleep(RETRY_PAUSE_MS * attempt);
  }
}

/** Without an answer to a message that was handed over, its receipt did not come either. */
function postFailure(client: ControlClient, error: unknown): CliError {
  const code = error instanceof AnswerTimeout ? "no-ack" : "app-down";
  return new CliError(`post: ${errorText(error)}`, { code, hint: client.hint });
}

/** A refusal, with what would help when it is the link that is missing. */
async function refusalOf(client: ControlClient, answer: Answer): Promise<CliError> {
  if (!hasNoLink(answer)) return refusal(answer);
  const { message, hint } = refusal(answer);
  const canWait = await keepsMessages(client) === true;
  return new CliError(message, {
    code: "unreachable",
    hint: canWait ? "not connected now: --queue keeps the message until it is" : hint,
  });
}

/** Sent, or (202) queued. */
function isOutcome({ status }: Answer): boolean {
  return status === 200 || status === 202;
}

/** The app's way of saying that the peer is not connected (http-api.md 4.1). */
function hasNoLink({ status, body }: Answer): boolean {
  return status === 400 && body.includes("no transport configured");
}

/** 504 is the app's answer that no receipt came, unless something in between made it up. */
function isAckTimeout({ status, body }: Answer): boolean {
  return status === 504 && parseJsonObject(body)?.["acked"] === false;
}

function conclude({ call: { flags, io }, recipient, waitMs }: Sending, answer: Answer): number {
  const view = parseJsonObject(answer.body) ?? {};
  if (answer.status === 202) return printQueued({ recipient, view }, { io, json: flags.json });
  const acked = view["acked"] === true;
  const id = textField(view, "id");
  const ms = numberField(view, "ms") ?? 0;
  const result = { acked, id, ms, via: "http" } as const;
  const { json } = flags;
  if (acked) {
    const text = `Acked by ${recipient} in ${ms}ms (id=${escapeBody(id)})`;
    printResult(io.output, result, { json, text });
    return EXIT_OK;
  }
  if (answer.status === 200 && view["ok"] === true && textField(view, "network") === "cxo") {
    const stored = view["stored"] !== false;
    const text = `Message sent to ${recipient} via cxo`;
    printResult(io.output, { ...result, published: { stored } }, { json, text });
    if (!json) io.output.note(PUBLISHED_NOTE);
    if (!stored) io.output.note(UNSTORED_NOTE);
    return EXIT_OK;
  }
  if (answer.status === 200 && waitMs === 0) {
    // A node under a visor may have taken another network than the one asked for.
    const carrier = escapeBody(textField(view, "network") || flags.net);
    printResult(io.output, result, { json, text: `Message sent to ${recipient} via ${carrier}` });
    return EXIT_OK;
  }
  if (json) printResult(io.output, result, { json, text: "" });
  const reason = serverText(textField(view, "reason")) ||
    (answer.status === 504 ? "timeout" : "no ack");
  throw new CliError(`send to ${recipient} via ${flags.net} not acked: ${reason}`, {
    code: "no-ack",
  });
}

/** The app keeps the message until the peer is there, or until it expires. */
function printQueued(
  { recipient, view }: { recipient: string; view: JsonView },
  { io, json }: { io: CliIo; json: boolean },
): number {
  const id = textField(view, "id");
  const expires = textField(view, "expires");
  const text = `Queued for ${recipient} (id=${escapeBody(id)}), expires ${escapeBody(expires)}`;
  if (json) io.output.json(JSON.stringify({ queued: true, id, expires, via: "http" }));
  else io.output.line(text);
  return EXIT_OK;
}

/** Reads the counters for `--verbose`; an app that does not tell them is no reason to stop. */
async function counters(
  { call: { flags }, client, verbose }: Sending,
  when: string,
): Promise<JsonView | undefined> {
  if (!flags.verbose) return undefined;
  try {
    const view = parseJsonObject((await client.ask({ path: "/status" })).body);
    verbose(`${when} counters: ${view === undefined ? "none" : counterSummary(view)}`);
    return view;
  } catch (error) {
    verbose(`${when} counters: ${errorText(error)}`);
    return undefined;
  }
}
