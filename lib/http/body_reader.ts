import { ByteQueue, NO_BYTES } from "#kit";
import type { BodyRule } from "./admission.ts";
import type { ByteBudget } from "./byte_budget.ts";
import { type RequestFault, requestFault, type RequestHead } from "./request_head.ts";
import type { RequestEvent, RequestParser } from "./request_parser.ts";

/** A body, or its beginning when it was `cut`. Its bytes are taken from the budget. */
export interface HeldBody {
  readonly bytes: Uint8Array;
  readonly cut: boolean;
}

/** What {@link readBody} needs of the connection. */
export interface BodySource {
  readonly parser: RequestParser;
  /** Memory for bodies, shared by all connections. */
  readonly budget: ByteBudget;
  /** The parser's next event, read from the client if need be; undefined when the client left. */
  nextEvent(): Promise<RequestEvent | undefined>;
  /** Tells a client that waits for it to go on. */
  sendContinue(): Promise<void>;
  /** Begins a new time limit: enough has come within the last one. */
  renew(): void;
}

/**
 * Reads the body of a request by the rule of its route: what there is to hold of it, a fault, or
 * undefined when the client left.
 */
export async function readBody(
  source: BodySource,
  { head, rule }: { head: RequestHead; rule: BodyRule },
): Promise<HeldBody | RequestFault | undefined> {
  const { parser, budget } = source;
  parser.bodyLimit = rule.cut ? Infinity : rule.limit;
  // A queue and not a list of pieces: a body of one-byte chunks must not cost a hundred times it.
  const body = new ByteQueue();
  let left = rule.limit;
  let sinceRenewal = 0;
  let held: HeldBody | undefined;
  try {
    let event = parser.next();
    if (event === undefined && head.expectsContinue) await source.sendContinue();
    for (;; event = undefined) {
      event ??= await source.nextEvent();
      if (event === undefined || event.kind === "fault") return event;
      if (event.kind === "head") throw new Error("Cannot read a body: a head came inside it");
      const bytes = event.kind === "end" ? NO_BYTES : event.bytes.subarray(0, left);
      left -= bytes.length;
      if (rule.archive !== undefined) {
        rule.archive.push(bytes);
        const { fault } = rule.archive;
        // The rest of a body that cannot become an archive is not worth the reading.
        if (fault !== undefined) return requestFault(400, fault);
      } else if (budget.take(bytes.length)) body.push(bytes);
      else return requestFault(503, "too many large requests at a time, try again");
      const cut = event.kind === "body" && rule.cut === true && left === 0;
      if (event.kind === "end" || cut) {
        return held = { bytes: body.peek(body.length) ?? NO_BYTES, cut };
      }
      sinceRenewal += bytes.length;
      if (rule.step === undefined || sinceRenewal < rule.step) continue;
      sinceRenewal = 0;
      source.renew();
    }
  } finally {
    if (held === undefined) budget.release(body.length);
  }
}
