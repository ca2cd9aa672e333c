import type { Log } from "#kit";
import { errorText } from "#kit";
import type { ControlAddress } from "./address.ts";
import { ArchiveReader } from "./archive_reader.ts";
import { refusalFor } from "./guard.ts";
import {
  IMPORT_STEP_BYTES,
  MAX_BODY_BYTES,
  MAX_IMPORT_BYTES,
  MAX_UPLOAD_PREFIX_BYTES,
} from "./limits.ts";
import type { PasswordGate } from "./ports.ts";
import { textReply } from "./replies.ts";

/** What is known of a request before its body. */
export interface Arrival {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** Address that the connection comes from, without its port. */
  readonly client: string;
  /** A header's value, several joined by commas; undefined when there is none. */
  header(name: string): string | undefined;
}

/** How the body of an admitted request is read. */
export interface BodyRule {
  /** Most bytes of it. */
  readonly limit: number;
  /** Whether a longer one is answered after its first `limit` bytes, instead of refused with 413. */
  readonly cut?: boolean;
  /** Bytes that every BODY_DEADLINE_MS has to bring; when absent, one such time is for all of them. */
  readonly step?: number;
  /** Takes the body piece by piece, so that it is never held as a whole. */
  readonly archive?: ArchiveReader;
  /** To be called when the request is over, however it ends. */
  release?(): void;
}

/** What decides on a request before its body is read. */
export interface AdmissionContext {
  readonly address: ControlAddress;
  readonly gate?: PasswordGate | undefined;
  readonly log: Log;
}

const ORDINARY: BodyRule = { limit: MAX_BODY_BYTES };
const UPLOAD: BodyRule = { limit: MAX_UPLOAD_PREFIX_BYTES, cut: true };

/**
 * Looks at every request before its body: where it may come from, the password, then how much body
 * its route takes. A stranger can therefore never make us hold more than a request's head.
 */
export class Admission {
  readonly #context: AdmissionContext;
  #importing = false;

  constructor(context: AdmissionContext) {
    this.#context = context;
  }

  /** A refusal to send instead of reading the body, or how to read it. Never rejects. */
  async admit(arrival: Arrival): Promise<Response | BodyRule> {
    // Origins come first: a foreign page must not use up the attempts of the user's own address.
    const refusal = refusalFor({
      host: arrival.header("host"),
      origin: arrival.header("origin"),
      secFetchSite: arrival.header("sec-fetch-site"),
    }, this.#context.address);
    if (refusal !== undefined) return textReply(403, refusal);
    const { gate } = this.#context;
    return (gate && await this.#ask(gate, arrival)) ?? this.#ruleFor(arrival);
  }

  /** A gate that fails lets nobody in. */
  async #ask(gate: PasswordGate, arrival: Arrival): Promise<Response | undefined> {
    try {
      return await gate.check({
        authorization: arrival.header("authorization"),
        internalToken: arrival.header("x-skychat-internal-token"),
      }, arrival.client);
    } catch (thrown) {
      this.#context.log.error(`cannot check a password: ${errorText(thrown)}`);
      return textReply(500, "internal error");
    }
  }

  #ruleFor({ method, target }: Arrival): Response | BodyRule {
    const path = target.split("?", 1)[0];
    if (method !== "POST") return ORDINARY;
    if (path === "/send-file") return UPLOAD;
    return path === "/import" ? this.#beginImport() : ORDINARY;
  }

  /** One at a time, from its first byte on: an archive is large. */
  #beginImport(): Response | BodyRule {
    if (this.#importing) return textReply(503, "another import is running");
    this.#importing = true;
    return {
      limit: MAX_IMPORT_BYTES,
      step: IMPORT_STEP_BYTES,
      archive: new ArchiveReader(),
      release: () => void (this.#importing = false),
    };
  }
}
