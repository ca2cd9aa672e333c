import { parseDuration } from "#kit";

/** What a flag's value is made of. `path` is a string that shells complete with file names. */
export type FlagType = "bool" | "string" | "path" | "int" | "duration" | "list";

/** One flag: the single source for parsing, `--help`, the README's table and shell completion. */
export interface FlagSpec {
  readonly type: FlagType;
  readonly help: string;
  /** One letter. */
  readonly short?: string;
  /** As it would stand on the command line; without it `false`, `0`, "" or no items. */
  readonly default?: string;
  /** What `--help` calls the default when it is not a plain value. */
  readonly defaultText?: string;
  /** Variable that stands in for the flag. */
  readonly env?: string;
  /** Word for the value in `--help`. */
  readonly value?: string;
  /** Largest `int`. */
  readonly max?: number;
  /** Smallest `int`. */
  readonly min?: number;
  /** The only values. */
  readonly choices?: readonly string[];
  /** Values that a shell offers; others are for the command to judge. */
  readonly suggestions?: readonly string[];
  /** Why it cannot be given with an empty value, which is what a variable that is not set becomes. */
  readonly neverEmpty?: string;
  /** Heading in `--help`. */
  readonly group?: string;
  /** `later`: refused with `not in this build yet` unless it asks for nothing. */
  readonly state?: "later";
}

/** Flags by their long names. */
export type FlagTable = Readonly<Record<string, FlagSpec>>;

/** What a flag's text becomes: durations are milliseconds. */
export type FlagValue<Type extends FlagType> = Type extends "bool" ? boolean
  : Type extends "int" | "duration" ? number
  : Type extends "list" ? readonly string[]
  : string;

/** The values of a table's flags, by long name. */
export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: FlagValue<Table[Name]["type"]>;
};

/** A value of any flag. */
export type AnyFlagValue = FlagValue<FlagType>;

/** A text that is no value of its flag. The message says why, without naming the flag. */
export class FlagValueError extends Error {
  override name = "FlagValueError";
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  True: true,
  TRUE: true,
  t: true,
  T: true,
  1: true,
  false: false,
  False: false,
  FALSE: false,
  f: false,
  F: false,
  0: false,
};

/**
 * Reads one occurrence of a flag (cli.md 1).
 *
 * @throws {FlagValueError}
 */
export function parseFlagValue(spec: FlagSpec, text: string): AnyFlagValue {
  switch (spec.type) {
    case "bool":
      return parseBoolean(text);
    case "int":
      return parseInteger(text, spec);
    case "duration":
      return parseDurationText(text);
    case "list":
      return text === "" ? [] : text.split(",");
    case "string":
    case "path":
      if (text === "" && spec.neverEmpty !== undefined) throw new FlagValueError(spec.neverEmpty);
      if (spec.choices !== undefined && !spec.choices.includes(text)) {
        throw new FlagValueError(`use one of: ${spec.choices.join(", ")}`);
      }
      return text;
  }
}

/** The value of a flag that is not given. */
export function defaultFlagValue(spec: FlagSpec): AnyFlagValue {
  if (spec.default !== undefined) return parseFlagValue(spec, spec.default);
  switch (spec.type) {
    case "bool":
      return false;
    case "int":
    case "duration":
      return 0;
    case "list":
      return [];
    case "string":
    case "path":
      return "";
  }
}

/** Whether a value asks for something that this build does not have. */
export function isLater(spec: FlagSpec, value: AnyFlagValue): boolean {
  // Switching off what does not exist asks for nothing.
  return spec.state === "later" && value !== false;
}

function parseBoolean(text: string): boolean {
  const value = Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined;
  if (value === undefined) throw new FlagValueError("use true or false");
  return value;
}

function parseInteger(text: string, { min, max }: FlagSpec): number {
  const value = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new FlagValueError("use a whole number");
  if (min !== undefined && value < min) throw new FlagValueError(`the least is ${min}`);
  if (max !== undefined && value > max) throw new FlagValueError(`the most is ${max}`);
  return value;
}

function parseDurationText(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) {
    throw new FlagValueError("use a duration such as 300ms, 8s, 1m30s or 24h (0 needs no unit)");
  }
  return value;
}
