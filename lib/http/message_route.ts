import { KeyError, PublicKey } from "#crypto";
import * as v from "valibot";
import { BodyError, firstJsonValue } from "./json_body.ts";
import type { ControlPorts, ControlSendOutcome, ControlSendRequest } from "./ports.ts";
import { emptyReply, jsonReply, textReply } from "./replies.ts";

const TEXT = v.nullish(v.string("must be a string"));

const MESSAGE_BODY = v.object({
  recipient: TEXT,
  message: TEXT,
  wait_ms: v.nullish(
    v.pipe(v.number("must be an integer"), v.integer("must be an integer")),
  ),
  receipts: v.nullish(v.boolean("must be true or false")),
  reply_to: TEXT,
  network: TEXT,
});

const NETWORKS: ReadonlySet<string> = new Set(["auto", "skynet", "dmsg", "tcp-direct", "cxo"]);

/** `POST /message` (http-api.md 4.1): every row of its reply table. */
export async function postMessage(body: string, ports: ControlPorts): Promise<Response> {
  let request: ControlSendRequest;
  try {
    request = parseMessageRequest(body);
  } catch (thrown) {
    if (thrown instanceof BodyError || thrown instanceof KeyError) {
      return textReply(400, thrown.message);
    }
    throw thrown;
  }
  return messageReply(await ports.send(request));
}

/**
 * Reads the body of `POST /message`.
 *
 * @throws {BodyError | KeyError} with the text of the answer.
 */
export function parseMessageRequest(body: string): ControlSendRequest {
  const value = firstJsonValue(body);
  const parsed = v.safeParse(MESSAGE_BODY, Array.isArray(value) ? undefined : value, {
    abortEarly: true,
  });
  if (!parsed.success) {
    const field = parsed.issues[0].path?.[0]?.key;
    throw new BodyError(
      field === undefined ? "body must be a JSON object" : `${field} ${parsed.issues[0].message}`,
    );
  }
  const fields = parsed.output;
  const recipient = PublicKey.parseField(fields.recipient ?? "");
  if (recipient === undefined) throw new KeyError("empty public key");
  const network = fields.network || "skynet";
  if (!NETWORKS.has(network)) {
    throw new BodyError("invalid network type: use 'auto', 'skynet' or 'dmsg'");
  }
  const waitMs = fields.wait_ms ?? 0;
  return {
    recipient,
    text: fields.message ?? "",
    network,
    ...(waitMs > 0 ? { waitMs } : fields.receipts ? { receipts: true } : {}),
    ...(fields.reply_to ? { replyTo: fields.reply_to } : {}),
  };
}

function messageReply(outcome: ControlSendOutcome): Response {
  switch (outcome.kind) {
    case "sent":
      return emptyReply();
    case "receipt-asked":
      return jsonReply({ id: outcome.id, ok: true });
    case "acked":
      return jsonReply({ acked: true, id: outcome.id, ms: outcome.ms });
    case "timeout":
      return jsonReply({ acked: false, id: outcome.id, ms: outcome.ms, reason: "timeout" }, 504);
    case "failed":
      return textReply(400, outcome.message);
  }
}
