import { CLIENT_FLAGS } from "./client_flags.ts";
import type { CommandSpec } from "./command.ts";
import type { FlagSpec, FlagTable } from "./flag.ts";

/** What a shell can offer for a value. `nothing`: a value that only the user knows. */
export type Offer =
  | { readonly kind: "nothing" }
  | { readonly kind: "files" }
  | { readonly kind: "aliases" }
  | { readonly kind: "words"; readonly words: readonly string[] };

/** A flag, as shells see it. */
export interface CompletionFlag {
  readonly name: string;
  readonly short: string | undefined;
  readonly help: string;
  /** Word for the value. */
  readonly value: string;
  /** A switch takes a value only after `=`. */
  readonly isSwitch: boolean;
  readonly offer: Offer;
}

/** A command, as shells see it. */
export interface CompletionCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletionFlag[];
  /** What may stand first after it. */
  readonly operand: Offer;
  /** First words after which an alias stands. */
  readonly beforeAlias: readonly string[];
}

/** Everything that completion knows: made from the tables that also parse. */
export interface CompletionModel {
  readonly commands: readonly CompletionCommand[];
  /** Flags that may stand before a command. */
  readonly early: readonly CompletionFlag[];
}

const SWITCH: Offer = { kind: "words", words: ["true", "false"] };
const HELP: readonly CompletionFlag[] = [
  bareFlag("help", "h", "show this text"),
  bareFlag("version", "v", "show the version"),
];

/** The model of this program, without the commands and flags that are not in this build. */
export function completionModel(commands: readonly CommandSpec[]): CompletionModel {
  return {
    commands: commands.filter(({ load }) => load !== undefined).map((spec) => ({
      name: spec.name,
      summary: spec.summary,
      flags: flagsOf(spec.flags),
      operand: operandOffer(spec.operands ?? ""),
      beforeAlias: wordsBeforeAlias(spec.operands ?? ""),
    })),
    early: flagsOf(CLIENT_FLAGS),
  };
}

function flagsOf(table: FlagTable): readonly CompletionFlag[] {
  const flags = Object.entries(table).filter(([, { state }]) => state !== "later");
  return [...flags.map(([name, spec]) => completionFlag(name, spec)), ...HELP];
}

function completionFlag(name: string, spec: FlagSpec): CompletionFlag {
  return {
    name,
    short: spec.short,
    help: spec.help,
    value: spec.value ?? spec.type,
    isSwitch: spec.type === "bool",
    offer: flagOffer(spec),
  };
}

function flagOffer(spec: FlagSpec): Offer {
  if (spec.type === "bool") return SWITCH;
  if (spec.type === "path") return { kind: "files" };
  const words = spec.choices ?? spec.suggestions;
  if (words !== undefined) return { kind: "words", words };
  return spec.value === "pk|alias" ? { kind: "aliases" } : { kind: "nothing" };
}

/**
 * What the usage line of a command says about its first operand: `bash|zsh|fish` and
 * `add NAME PK | ls | rm ALIAS` name words, `FILE` and `[FILE]` a file.
 */
export function operandOffer(usage: string): Offer {
  const first = usage.replace(/[[\]<>]/g, "").split("|")
    .map((part) => part.trim().split(/\s+/)[0] ?? "");
  const words = first.filter((word) => /^[a-z][a-z-]*$/.test(word));
  if (words.length > 0) return { kind: "words", words };
  return first.some((word) => /^(FILE|PATH)$/.test(word)) ? { kind: "files" } : { kind: "nothing" };
}

/** The words of a usage line with `ALIAS` behind them: `rm` in `add NAME PK | ls | rm ALIAS`. */
export function wordsBeforeAlias(usage: string): readonly string[] {
  return Array.from(usage.matchAll(/\b([a-z][a-z-]*) ALIAS\b/g), ([, word = ""]) => word);
}

function bareFlag(name: string, short: string, help: string): CompletionFlag {
  return { name, short, help, value: "", isSwitch: true, offer: { kind: "nothing" } };
}
