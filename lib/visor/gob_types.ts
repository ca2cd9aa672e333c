/** Largest body of a message that is taken, in bytes (visor.md 4.6). */
export const MAX_GOB_MESSAGE = 16_777_216;
/** Most types that one direction of a connection describes; upstream has some twenty (ours). */
export const MAX_GOB_TYPES = 256;
/** Most bytes of all names of types and fields of one direction together (ours). */
export const MAX_GOB_NAME_BYTES = 65_536;
/** Deepest nesting of a type, and so of a value (ours). */
export const MAX_GOB_DEPTH = 32;
/** Most values in one message, counting every nested one: each costs memory, some only a byte (ours). */
export const MAX_GOB_VALUES = 65_536;
/** Smallest id that a sender may give to a type of its own (visor.md 4.2). */
export const FIRST_GOB_ID = 64;

/** Who marshals an opaque value: upstream's PK is `binary`, its time `gob` (visor.md 4.4). */
export type GobFlavour = "gob" | "binary" | "text";

/** A type as the sender declares it, or as we declare it (visor.md 4.4). Names are not compared. */
export type GobType =
  | { readonly kind: "bool" | "int" | "uint" | "float" | "bytes" | "string" | "complex" }
  | GobStructType
  | { readonly kind: "opaque"; readonly flavour: GobFlavour; readonly name: string }
  | { readonly kind: "slice"; readonly name: string; readonly elem: GobType }
  | {
    readonly kind: "array";
    readonly name: string;
    readonly elem: GobType;
    readonly length: number;
  }
  | { readonly kind: "map"; readonly name: string; readonly key: GobType; readonly elem: GobType };

/** A type of named fields, which are matched by name (visor.md 4.4). */
export interface GobStructType {
  /** Tells it from the others. */
  readonly kind: "struct";
  /** Name at the sender; empty for a struct that has none. */
  readonly name: string;
  /** In the order of declaration. */
  readonly fields: readonly GobField[];
}

/** One field of a struct. */
export interface GobField {
  /** By which sender and receiver match it. */
  readonly name: string;
  /** What it holds. */
  readonly type: GobType;
}

/**
 * A decoded value: int and uint are bigints, a float is a number, a complex two numbers, bytes and opaque
 * values are octets (a view of their message), a slice or array is an array, a map an array of pairs.
 */
export type GobValue =
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | GobStruct
  | readonly GobValue[];

/** A struct by field name: only the fields that were on the wire, so zero values are missing. */
export type GobStruct = ReadonlyMap<string, GobValue>;

/** A value with the type that its sender declared. */
export interface GobReceived {
  /** Everything about it was described by the sender. */
  readonly type: GobType;
  /** Fits the type. */
  readonly value: GobValue;
}

/**
 * A value to encode: as {@link GobValue}, but integers may be numbers, and a struct may be a plain object.
 * A field that is undefined or missing is left out, as is one of zero value.
 */
export type GobGiven =
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | ReadonlyMap<string, GobGiven>
  | readonly GobGiven[]
  | GobRecord;

/** A struct to encode, by field name. */
export interface GobRecord {
  /** Any field of the type; one that the type does not have is a mistake. */
  readonly [field: string]: GobGiven | undefined;
}
