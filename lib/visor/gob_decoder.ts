import { GobFault, GobMismatch } from "./gob_fault.ts";
import { GobMessages } from "./gob_messages.ts";
import { GobSource } from "./gob_source.ts";
import { GobTypeTable } from "./gob_type_table.ts";
import { readTypedef, TYPEDEF } from "./gob_typedef.ts";
import { type GobReceived, MAX_GOB_MESSAGE } from "./gob_types.ts";
import { readGobValue } from "./gob_value.ts";

/**
 * One direction of a connection, read (visor.md 4): bytes in, values out, however the bytes are cut.
 *
 * It takes every kind of value, whoever reads them picks what it knows. What it holds is bounded by the bytes
 * that arrived of one message, and by the limits of `gob_types.ts`.
 */
export class GobDecoder {
  readonly #messages: GobMessages;
  readonly #types = new GobTypeTable();
  #dead = false;

  /** Refuses messages of more than `maxMessage` bytes, by default {@link MAX_GOB_MESSAGE}. */
  constructor({ maxMessage = MAX_GOB_MESSAGE }: { readonly maxMessage?: number } = {}) {
    this.#messages = new GobMessages(maxMessage);
  }

  /** Bytes of an unfinished message. More than none at the end of the stream: it was cut. */
  get pending(): number {
    return this.#messages.pending;
  }

  /**
   * Takes a chunk, which may be used again afterwards, and gives the values that it completed, in order. Never
   * throws for what a peer sends: the last one may be a fault, and after it nothing comes any more.
   */
  push(bytes: Uint8Array): readonly (GobReceived | GobFault)[] {
    const found: (GobReceived | GobFault)[] = [];
    if (this.#dead) return found;
    try {
      this.#messages.push(bytes, (body) => {
        const received = this.#read(new GobSource(body));
        if (received !== undefined) found.push(received);
      });
    } catch (thrown) {
      this.#dead = true;
      if (!(thrown instanceof GobFault)) throw thrown;
      found.push(thrown);
    }
    return found;
  }

  /** A value, or undefined for a typedef. */
  #read(source: GobSource): GobReceived | undefined {
    const id = source.id();
    if (id < 0) {
      this.#describe(-id, source);
      return undefined;
    }
    const type = this.#types.type(id);
    if (type.kind !== "struct" && source.byte() !== 0) {
      throw new GobFault("invalid-value", "no zero byte before a value that is not a struct");
    }
    const value = readGobValue(source, type);
    source.end();
    return { type, value };
  }

  #describe(id: number, source: GobSource): void {
    const value = readGobValue(source, TYPEDEF);
    source.end();
    const typedef = typedefIn(value);
    if (typedef === undefined) {
      throw new GobFault("bad-type", `type ${id} is described as no kind of type, or as several`);
    }
    if (typedef.id !== id) {
      throw new GobFault("bad-type", `the description of type ${id} is of type ${typedef.id}`);
    }
    this.#types.describe(id, typedef.described);
  }
}

function typedefIn(value: GobReceived["value"]): ReturnType<typeof readTypedef> {
  try {
    return readTypedef(value);
  } catch (thrown) {
    // An id or a length that is no safe integer.
    if (thrown instanceof GobMismatch) throw new GobFault("bad-type", thrown.message);
    throw thrown;
  }
}
