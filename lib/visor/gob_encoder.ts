import { concat } from "#kit";
import { writeGobValue } from "./gob_given.ts";
import { GobSink } from "./gob_sink.ts";
import { builtInId } from "./gob_type_table.ts";
import { type GobDescription, TYPEDEF, typedefOf } from "./gob_typedef.ts";
import {
  FIRST_GOB_ID,
  type GobGiven,
  type GobType,
  MAX_GOB_MESSAGE,
  MAX_GOB_TYPES,
} from "./gob_types.ts";

/** Which ids a {@link GobEncoder} gives to its types. Receivers take any (visor.md 4.2). */
export interface GobEncoderOptions {
  /** Id of the first type that is described; the next ones follow. By default 65. */
  readonly firstId?: number;
  /** Instead, the ids in the order of description, to repeat a recorded stream. */
  readonly ids?: readonly number[];
}

/** Ours, as visor.md 4.2 asks. */
const DEFAULT_FIRST_ID = 65;

/**
 * One direction of a connection, written (visor.md 4).
 *
 * A type is described once, before its first value, its parts after it, depth first. Types are told apart by
 * identity: declare each once, as a constant.
 */
export class GobEncoder {
  readonly #idAt: (index: number) => number;
  readonly #ids = new Map<GobType, number>();
  readonly #sink = new GobSink();

  /**
   * Nothing is described yet.
   *
   * @throws {RangeError} for an id that belongs to the format.
   */
  constructor({ firstId = DEFAULT_FIRST_ID, ids }: GobEncoderOptions = {}) {
    for (const id of ids ?? [firstId]) {
      if (Number.isSafeInteger(id) && id >= FIRST_GOB_ID) continue;
      throw new RangeError(`A type cannot have the id ${id}: from ${FIRST_GOB_ID}`);
    }
    this.#idAt = (index) => ids === undefined ? firstId + index : ids[index] ?? outOfIds(ids);
  }

  /**
   * The descriptions that the stream lacks and the value, each a message with its length, in one array. It must be
   * sent, and in the order of the calls: the next ones rely on its descriptions. When it throws, nothing has
   * changed.
   *
   * @throws {TypeError} for a value of another shape than its type.
   * @throws {RangeError} for an integer of more than 64 bits, a message above {@link MAX_GOB_MESSAGE} and
   *   more than {@link MAX_GOB_TYPES} types.
   */
  encode(type: GobType, value: GobGiven): Uint8Array {
    const fresh = new Map<GobType, number>();
    const id = this.#number(type, fresh);
    const sink = this.#sink;
    sink.reset();
    const ends: number[] = [];
    for (const [described, freshId] of fresh) {
      sink.int(-freshId);
      const parts = describe(described, (part) => this.#number(part, fresh));
      writeGobValue(sink, TYPEDEF, typedefOf(freshId, parts));
      ends.push(sink.length);
    }
    sink.int(id);
    if (type.kind !== "struct") sink.byte(0);
    writeGobValue(sink, type, value);
    ends.push(sink.length);
    const messages = framed(sink.written, ends);
    for (const [described, freshId] of fresh) this.#ids.set(described, freshId);
    return messages;
  }

  /** The id of a type; one that has none yet gets one in `fresh`, and then its parts do. */
  #number(type: GobType, fresh: Map<GobType, number>): number {
    const known = builtInId(type) ?? this.#ids.get(type) ?? fresh.get(type);
    if (known !== undefined) return known;
    const index = this.#ids.size + fresh.size;
    if (index === MAX_GOB_TYPES) {
      throw new RangeError(`More than ${MAX_GOB_TYPES} types: declare each once, as a constant`);
    }
    const id = this.#idAt(index);
    fresh.set(type, id);
    describe(type, (part) => this.#number(part, fresh));
    return id;
  }
}

function outOfIds(ids: readonly number[]): never {
  throw new RangeError(`More than the ${ids.length} types that ids were given for`);
}

function describe(type: GobType, idOf: (part: GobType) => number): GobDescription {
  switch (type.kind) {
    case "struct": {
      const fields = type.fields.map(({ name, type }) => ({ name, id: idOf(type) }));
      return { kind: "struct", name: type.name, fields };
    }
    case "opaque":
      return type;
    case "slice":
      return { kind: "slice", name: type.name, elem: idOf(type.elem) };
    case "array":
      return { kind: "array", name: type.name, elem: idOf(type.elem), length: type.length };
    case "map":
      return { kind: "map", name: type.name, key: idOf(type.key), elem: idOf(type.elem) };
    default:
      throw new TypeError(`gob: a ${type.kind} is not described`);
  }
}

/** Bodies, each with its length before it. */
function framed(bodies: Uint8Array, ends: readonly number[]): Uint8Array {
  const prefixes = new GobSink();
  const parts: Uint8Array[] = [];
  let start = 0;
  for (const end of ends) {
    if (end - start > MAX_GOB_MESSAGE) {
      throw new RangeError(`gob: message of ${end - start} bytes, at most ${MAX_GOB_MESSAGE}`);
    }
    prefixes.reset();
    prefixes.uint(end - start);
    parts.push(prefixes.written.slice(), bodies.subarray(start, end));
    start = end;
  }
  return concat(...parts);
}
