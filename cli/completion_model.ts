import { CLIENT_FLAGS } from "./client_flags.ts";
import { type CommandSpec, isBuilt, wordOf } from "./command.ts";
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
  /** All its words: `group create`. */
  readonly name: string;
  /** The last of them. */
  readonly word: string;
  readonly summary: string;
  readonly flags: readonly CompletionFlag[];
  /** What may stand first after it. */
  readonly operand: Offer;
  /** First words after which an alias stands. */
  readonly beforeAlias: readonly string[];
  /** What may stand second, whatever is first. */
  readonly second: Offer;
  /** Commands below it: then `operand` is their words. */
  readonly subcommands: readonly CompletionCommand[];
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
    commands: commands.filter(isBuilt).map(completionCommand),
    early: flagsOf(CLIENT_FLAGS),
  };
}

/** Commands and those below them, in one list. */
export function withSubcommands(
  commands: readonly CompletionCommand[],
): readonly CompletionCommand[] {
  return commands.flatMap((one) => [one, ...one.subcommands]);
}

function completionCommand(spec: CommandSpec): CompletionCommand {
  const subcommands = (spec.subcommands ?? []).filter(isBuilt).map(completionCommand);
  const usage = spec.operands ?? "";
  return {
    name: spec.name,
    word: wordOf(spec),
    summary: spec.summary,
    flags: flagsOf(spec.flags),
    operand: subcommands.length === 0
      ? operandOffer(usage)
      : { kind: "words", words: subcommands.map(({ word }) => word) },
    beforeAlias: wordsBeforeAlias(usage),
    second: secondOffer(usage),
    subcommands,
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
  // With spaces around them bars part whole usages, without any the words of one place.
  const first = usage.replace(/[[\]<>]/g, "").split(/\s+\|\s+/)
    .flatMap((part) => part.trim().split(/\s+/)[0]?.split("|") ?? []);
  const words = first.filter((word) => /^[a-z][a-z-]*$/.test(word));
  if (words.length > 0) return { kind: "words", words };
  return first.some((word) => /^(FILE|PATH)$/.test(word)) ? { kind: "files" } : { kind: "nothing" };
}

/** What a usage line says about its second operand: `ID PK` names a key or alias, `ID on|off` words. */
export function secondOffer(usage: string): Offer {
  const second = usage.split(/\s+/)[1] ?? "";
  if (second === "PK") return { kind: "aliases" };
  return /^[a-z]+(\|[a-z]+)+$/.test(second)
    ? { kind: "words", words: second.split("|") }
    : { kind: "nothing" };
}

/** The words of a usage line with `ALIAS` behind them: `rm` in `add NAME PK | ls | rm ALIAS`. */
export function wordsBeforeAlias(usage: string): readonly string[] {
  return Array.from(usage.matchAll(/\b([a-z][a-z-]*) ALIAS\b/g), ([, word = ""]) => word);
}

function bareFlag(name: string, short: string, help: string): CompletionFlag {
  return { name, short, help, value: "", isSwitch: true, offer: { kind: "nothing" } };
}
