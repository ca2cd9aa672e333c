import { KeyError, PublicKey } from "#crypto";
import { rfc3339 } from "#kit";
import * as v from "valibot";
import { BodyError, firstJsonValue } from "./json_body.ts";
import { DEFAULT_QUEUE_MS, MAX_WAITS } from "./limits.ts";
import type { ControlPorts, ControlSendOutcome, ControlSendRequest } from "./ports.ts";
import { jsonReply, textReply } from "./replies.ts";
import { booleanField, fieldProblem, textField } from "./route.ts";

const INTEGER = v.nullish(
  v.pipe(v.number("must be an integer"), v.integer("must be an integer")),
);
const FLAG = v.nullish(booleanField);

const MESSAGE_BODY = v.object({
  recipient: textField,
  message: textField,
  wait_ms: INTEGER,
  receipts: FLAG,
  reply_to: textField,
  network: textField,
  queue: FLAG,
  expires_in_ms: INTEGER,
});

const NETWORKS: ReadonlySet<string> = new Set(["auto", "skynet", "dmsg", "tcp-direct", "cxo"]);

/** The part of {@link ControlPorts} that sends; undefined when too many already wait. */
export interface MessagePort {
  /** Sends one message, or refuses at once. */
  send(request: ControlSendRequest): Promise<ControlSendOutcome> | undefined;
  /** Sends to the group that messages go to; undefined while there is none. */
  readonly groupMessage?: ControlPorts["groupMessage"];
  /** Whether it takes messages with a recipient as well. */
  readonly groupTakesAddressed?: boolean;
}

/** Lets at most so many messages wait for their receipt at a time. */
export function limitWaits(
  ports: Pick<ControlPorts, "send" | "groupMessage" | "groupTakesAddressed">,
  maxWaits = MAX_WAITS,
): MessagePort {
  let waiting = 0;
  return {
    get groupMessage() {
      return ports.groupMessage;
    },
    get groupTakesAddressed() {
      return ports.groupTakesAddressed ?? true;
    },
    send(request) {
      if (request.waitMs === undefined) return ports.send(request);
      if (waiting >= maxWaits) return undefined;
      waiting++;
      return ports.send(request).finally(() => void waiting--);
    },
  };
}

/** `POST /message` (http-api.md 4.1, groups.md 6.2): every row of the two reply tables. */
export async function postMessage(body: string, ports: MessagePort): Promise<Response> {
  let request: ControlSendRequest | GroupRequest;
  try {
    const fields = readMessageFields(body);
    request = groupRequestOf(fields, ports) ?? requestOf(fields);
  } catch (thrown) {
    if (thrown instanceof BodyError || thrown instanceof KeyError) {
      return textReply(400, thrown.message);
    }
    throw thrown;
  }
  if ("sendToGroup" in request) return await groupReply(request);
  const outcome = await ports.send(request);
  if (outcome === undefined) return textReply(503, "too many messages wait for a receipt");
  return outcome.kind === "published" ? publishedReply(outcome, request) : messageReply(outcome);
}

/**
 * Reads the body of `POST /message`.
 *
 * @throws {BodyError | KeyError} with the text of the answer.
 */
export function parseMessageRequest(body: string): ControlSendRequest {
  return requestOf(readMessageFields(body));
}

type MessageFields = v.InferOutput<typeof MESSAGE_BODY>;

function readMessageFields(body: string): MessageFields {
  const value = firstJsonValue(body);
  const parsed = v.safeParse(MESSAGE_BODY, Array.isArray(value) ? undefined : value, {
    abortEarly: true,
  });
  if (!parsed.success) throw new BodyError(fieldProblem(parsed.issues[0]));
  return parsed.output;
}

function requestOf(fields: MessageFields): ControlSendRequest {
  const recipient = PublicKey.parseField(fields.recipient);
  if (recipient === undefined) throw new KeyError("empty public key");
  const network = networkOf(fields);
  const waitMs = fields.wait_ms ?? 0;
  const queueForMs = fields.expires_in_ms ?? DEFAULT_QUEUE_MS;
  if (fields.queue && queueForMs <= 0) throw new BodyError("expires_in_ms must be above 0");
  return {
    recipient,
    text: fields.message,
    network,
    ...(waitMs > 0 ? { waitMs } : fields.receipts ? { receipts: true } : {}),
    ...(fields.reply_to ? { replyTo: fields.reply_to } : {}),
    ...(fields.queue ? { queueForMs } : {}),
  };
}

/**
 * The network that a client named, or the one that is meant where it named none (http-api.md 4.1).
 *
 * @throws {BodyError} with the text of the answer.
 */
export function networkOf({ network }: { readonly network: string }): string {
  if (network === "") return "skynet";
  if (NETWORKS.has(network)) return network;
  throw new BodyError("invalid network type: use 'auto', 'skynet' or 'dmsg'");
}

type GroupSender = NonNullable<ControlPorts["groupMessage"]>;

interface GroupRequest {
  readonly sendToGroup: GroupSender;
  readonly text: string;
  /** 66 hex digits; undefined when no recipient was named. */
  readonly to: string | undefined;
  readonly receipts: boolean;
}

/** What goes to the group: everything but what asks for the link by name (groups.md 6.2). */
function groupRequestOf(
  fields: MessageFields,
  { groupMessage: sendToGroup, groupTakesAddressed = true }: MessagePort,
): GroupRequest | undefined {
  if (sendToGroup === undefined) return undefined;
  const to = PublicKey.parseField(fields.recipient)?.hex;
  if (to !== undefined && !groupTakesAddressed) return undefined;
  if (networkOf(fields) === "tcp-direct") return undefined;
  // A group has no receipts, like a feed: who asks for both gets neither.
  const receipts = fields.receipts === true && (fields.wait_ms ?? 0) <= 0;
  return { sendToGroup, text: fields.message, to, receipts };
}

async function groupReply(request: GroupRequest): Promise<Response> {
  const { sendToGroup, text, to, receipts } = request;
  if (text === "") return textReply(400, "skychat/dm: empty message");
  const outcome = await sendToGroup(text, to);
  return outcome.kind === "published"
    ? publishedReply(outcome, { receipts })
    : messageReply(outcome);
}

const UNQUEUEABLE_STATUS = { "no-store": 503, full: 507, "too-large": 400 } as const;

type Published = Extract<ControlSendOutcome, { kind: "published" }>;

/** A feed gives no receipts; who asks for one gets the id of the event, to tell it from others. */
function publishedReply(
  { id, kept }: Published,
  { receipts }: Pick<ControlSendRequest, "receipts">,
): Response {
  return jsonReply({
    ...(receipts && { id }),
    network: "cxo",
    ok: true,
    // What a restart would lose is not promised without saying so.
    ...(!kept && { stored: false }),
  });
}

function messageReply(outcome: Exclude<ControlSendOutcome, Published>): Response {
  switch (outcome.kind) {
    case "sent":
      return jsonReply({ id: outcome.id, network: outcome.network, ok: true });
    case "receipt-asked":
      return jsonReply({ id: outcome.id, ok: true });
    case "acked":
      return jsonReply({ acked: true, id: outcome.id, ms: outcome.ms });
    case "timeout":
      return jsonReply({ acked: false, id: outcome.id, ms: outcome.ms, reason: "timeout" }, 504);
    case "queued":
      return jsonReply(
        { expires: rfc3339(outcome.expires), id: outcome.id, ok: true, queued: true },
        202,
      );
    case "unpublished":
      return textReply(503, `cxo publish: ${outcome.message}`);
    case "unqueueable":
      return textReply(UNQUEUEABLE_STATUS[outcome.code], outcome.message);
    case "failed":
      return textReply(400, outcome.message);
  }
}
