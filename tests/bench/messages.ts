import { utf8, utf8Text } from "#kit";

/** The short message of the session and round-trip rows: 28 bytes of text. */
export const SHORT_TEXT = "hello from A over tcp-direct";
/** The 256-byte text of the pipeline rows. */
export const PIPELINE_TEXT: string = "m".repeat(256);

/** A `chat-msg` that asks for a receipt; its id is the number in 16 hex digits. */
export function ackedMessage(number: number, body: string): Uint8Array {
  return utf8(`{"type":"chat-msg","id":"${idOf(number)}","body":"${body}","ack":true}`);
}

/** The number of the message that a `chat-ack` is for, or undefined for any other payload. */
export function ackedNumber(payload: Uint8Array): number | undefined {
  const id = /^\{"type":"chat-ack","id":"([0-9a-f]{16})"\}$/.exec(utf8Text(payload))?.[1];
  return id === undefined ? undefined : Number.parseInt(id, 16);
}

/** Checks that every message of a run is acknowledged exactly once. */
export class ReceiptBook {
  readonly #first: number;
  readonly #seen: Uint8Array;
  #received = 0;
  #wrong = 0;

  /** For the messages numbered `first` to `first + count - 1`. */
  constructor(first: number, count: number) {
    this.#first = first;
    this.#seen = new Uint8Array(count);
  }

  /** Receipts that fit, so far. */
  get received(): number {
    return this.#received;
  }

  /** Messages without a receipt, receipts that came twice, and receipts for nothing. */
  get faults(): number {
    return this.#seen.length - this.#received + this.#wrong;
  }

  /** Takes one payload from the node. */
  take(payload: Uint8Array): void {
    const index = (ackedNumber(payload) ?? NaN) - this.#first;
    if (this.#seen[index] === 0) {
      this.#seen[index] = 1;
      this.#received++;
    } else this.#wrong++;
  }
}

function idOf(number: number): string {
  return number.toString(16).padStart(16, "0");
}
