import { quoteForLog, utf8 } from "#kit";
import { GobFault } from "./gob_fault.ts";
import type { GobDescription } from "./gob_typedef.ts";
import {
  FIRST_GOB_ID,
  type GobType,
  MAX_GOB_DEPTH,
  MAX_GOB_NAME_BYTES,
  MAX_GOB_TYPES,
} from "./gob_types.ts";

/** Types that need no description, by id (visor.md 4.2). */
const BUILT_IN: readonly (Exclude<GobType, { name: string }>["kind"] | undefined)[] = [
  undefined,
  "bool",
  "int",
  "uint",
  "float",
  "bytes",
  "string",
  "complex",
];
const INTERFACE_ID = 8;

/** A type with everything inside, and how deep that is: 1 for one that has no parts. */
interface Resolved {
  readonly type: GobType;
  readonly height: number;
}

/** Id of a type that needs no description; undefined for one that does. */
export function builtInId({ kind }: GobType): number | undefined {
  const id = BUILT_IN.findIndex((name) => name === kind);
  return id < 0 ? undefined : id;
}

/**
 * The types of one direction of a connection, by id. They are put together when a value needs them, since
 * a typedef may come before those of its parts. Methods throw {@link GobFault}.
 */
export class GobTypeTable {
  readonly #described = new Map<number, GobDescription>();
  readonly #resolved = new Map<number, Resolved>();
  #nameBytes = 0;

  /** Built-in types only. */
  constructor() {
    BUILT_IN.forEach((kind, id) => {
      if (kind !== undefined) this.#resolved.set(id, { type: { kind }, height: 1 });
    });
  }

  /** Remembers what a typedef says. */
  describe(id: number, described: GobDescription): void {
    if (id < FIRST_GOB_ID) throw new GobFault("bad-type", `description of the reserved type ${id}`);
    if (this.#described.has(id)) throw new GobFault("bad-type", `type ${id} is described twice`);
    if (this.#described.size === MAX_GOB_TYPES) {
      throw new GobFault("too-large", `more than ${MAX_GOB_TYPES} types`);
    }
    this.#countNames(described);
    if (described.kind === "array" && described.length < 0) {
      throw new GobFault("bad-type", `array of ${described.length} elements`);
    }
    partsOf(described).forEach(checkReference);
    this.#described.set(id, described);
  }

  /** The type of this id, with all that it is made of. */
  type(id: number): GobType {
    return this.#resolve(id, new Set()).type;
  }

  #countNames(described: GobDescription): void {
    const names = [described.name];
    if (described.kind === "struct") {
      const fields = new Set(described.fields.map(({ name }) => name));
      if (fields.has("")) throw new GobFault("bad-type", "field without a name");
      if (fields.size < described.fields.length) {
        const text = `two fields of one name in ${quoteForLog(described.name)}`;
        throw new GobFault("bad-type", text);
      }
      for (const name of fields) names.push(name);
    }
    for (const name of names) this.#nameBytes += utf8(name).length;
    if (this.#nameBytes <= MAX_GOB_NAME_BYTES) return;
    throw new GobFault("too-large", `more than ${MAX_GOB_NAME_BYTES} bytes of names`);
  }

  /** `begun` has the types of this call: one that comes again and is not finished contains itself. */
  #resolve(id: number, begun: Set<number>): Resolved {
    const known = this.#resolved.get(id);
    if (known !== undefined) return known;
    checkReference(id);
    const described = this.#described.get(id);
    if (described === undefined) throw new GobFault("bad-type", `type ${id} is not described`);
    if (begun.has(id)) throw new GobFault("bad-type", `type ${id} contains itself`);
    begun.add(id);
    let height = 1;
    // Recursion goes no deeper than there are types; the bound below is for values.
    const part = (partId: number): GobType => {
      const { type, height: below } = this.#resolve(partId, begun);
      height = Math.max(height, 1 + below);
      return type;
    };
    const type = assemble(described, part);
    if (height > MAX_GOB_DEPTH) {
      throw new GobFault("too-large", `type ${id} nests ${height} deep, at most ${MAX_GOB_DEPTH}`);
    }
    const resolved = { type, height };
    this.#resolved.set(id, resolved);
    return resolved;
  }
}

function partsOf(described: GobDescription): number[] {
  switch (described.kind) {
    case "struct":
      return described.fields.map(({ id }) => id);
    case "map":
      return [described.key, described.elem];
    case "slice":
    case "array":
      return [described.elem];
    case "opaque":
      return [];
  }
}

/** Refuses an id that no type can have. */
function checkReference(id: number): void {
  if (id === INTERFACE_ID) throw new GobFault("bad-type", "interface values are not taken");
  if (id >= FIRST_GOB_ID || BUILT_IN[id] !== undefined) return;
  throw new GobFault("bad-type", `type ${id} is reserved`);
}

function assemble(described: GobDescription, part: (id: number) => GobType): GobType {
  switch (described.kind) {
    case "struct": {
      const fields = described.fields.map(({ name, id }) => ({ name, type: part(id) }));
      return { kind: "struct", name: described.name, fields };
    }
    case "opaque":
      return described;
    case "slice":
      return { kind: "slice", name: described.name, elem: part(described.elem) };
    case "array": {
      const { name, length } = described;
      return { kind: "array", name, elem: part(described.elem), length };
    }
    case "map": {
      const [key, elem] = [part(described.key), part(described.elem)];
      return { kind: "map", name: described.name, key, elem };
    }
  }
}
