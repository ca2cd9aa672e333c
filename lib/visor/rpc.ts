import { errorText } from "#kit";
import { GobDecoder } from "./gob_decoder.ts";
import { GobEncoder } from "./gob_encoder.ts";
import { GobFault, GobMismatch } from "./gob_fault.ts";
import { GobReader } from "./gob_reader.ts";
import type { GobGiven, GobReceived, GobType } from "./gob_types.ts";
import type { ProcKey } from "./proc_config.ts";
import { visorText } from "./visor_error.ts";
import { REQUEST, RESPONSE } from "./visor_types.ts";

/** What came of a call. */
export type RpcOutcome =
  | { readonly ok: true; readonly result: GobReceived }
  | { readonly ok: false; /** From outside, without the proc key. */ readonly error: string };

/** What the bytes of a visor come to. */
export type RpcEvent =
  /** One of our calls was answered; in the order in which the visor was done with them. */
  | { readonly kind: "answer"; readonly seq: number; readonly outcome: RpcOutcome }
  /** These are no answers. Nothing more will come. */
  | { readonly kind: "fault"; readonly message: string };

/** What a header says of the result that follows it. */
interface Header {
  /** Undefined for a number that none of our calls can have. */
  readonly seq: number | undefined;
  readonly error: string;
}

/**
 * The calls on one connection to a visor, without the connection: makes the bytes of each and matches
 * answers with them (visor.md 5). It never throws for what a visor sends.
 */
export class Rpc {
  readonly #procKey: ProcKey;
  readonly #encoder: GobEncoder;
  readonly #decoder = new GobDecoder();
  readonly #waiting = new Set<number>();
  #nextSeq = 0;
  #header: Header | undefined;
  #faulted = false;

  /** The proc key is the name of the service; another encoder repeats a recorded stream. */
  constructor(procKey: ProcKey, encoder: GobEncoder = new GobEncoder()) {
    this.#procKey = procKey;
    this.#encoder = encoder;
  }

  /** Calls that are not answered yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * The bytes of a call, header and argument, which are to be sent in the order in which they were
   * made: types are described once. The argument must fit its type.
   */
  call(
    method: string,
    type: GobType,
    argument: GobGiven,
  ): { readonly seq: number; readonly halves: readonly [Uint8Array, Uint8Array] } {
    const seq = this.#nextSeq++;
    const ServiceMethod = `${this.#procKey.reveal()}.${method}`;
    const header = this.#encoder.encode(REQUEST, { ServiceMethod, Seq: seq });
    const body = this.#encoder.encode(type, argument);
    this.#waiting.add(seq);
    return { seq, halves: [header, body] };
  }

  /**
   * A text that the visor has said, or that quotes what it sent: without the proc key, and of a size that
   * can be kept. Every one passes here before it gets into an error.
   */
  words(text: string): string {
    return visorText(this.#procKey.redact(text));
  }

  /** Takes bytes of the visor, however they are cut. */
  push(bytes: Uint8Array): readonly RpcEvent[] {
    const events: RpcEvent[] = [];
    if (this.#faulted) return events;
    for (const received of this.#decoder.push(bytes)) {
      const event = received instanceof GobFault ? this.#fault(received) : this.#take(received);
      if (event !== undefined) events.push(event);
      if (event?.kind !== "fault") continue;
      this.#faulted = true;
      break;
    }
    return events;
  }

  #take(received: GobReceived): RpcEvent | undefined {
    const header = this.#header;
    if (header === undefined) {
      const read = readHeader(received);
      if (read instanceof GobMismatch) return this.#fault(read);
      this.#header = read;
      return undefined;
    }
    this.#header = undefined;
    const { seq, error } = header;
    // A number that is not ours, or that was answered already, is read over (visor.md 5).
    if (seq === undefined || !this.#waiting.delete(seq)) return undefined;
    const outcome: RpcOutcome = error === ""
      ? { ok: true, result: received }
      : { ok: false, error: this.words(error) };
    return { kind: "answer", seq, outcome };
  }

  #fault(error: unknown): RpcEvent {
    return { kind: "fault", message: this.words(errorText(error)) };
  }
}

function readHeader(received: GobReceived): Header | GobMismatch {
  try {
    const reader = new GobReader(received, RESPONSE);
    return { seq: seqOf(reader), error: reader.text("Error") };
  } catch (error) {
    if (error instanceof GobMismatch) return error;
    throw error;
  }
}

function seqOf(reader: GobReader): number | undefined {
  try {
    return reader.uint("Seq");
  } catch (error) {
    if (error instanceof GobMismatch && error.code === "out-of-range") return undefined;
    throw error;
  }
}
