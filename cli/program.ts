import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { VERSION } from "#app";
import { type CommandSpec, isBuilt, wordOf } from "./command.ts";
import { CLIENT_FLAGS } from "./client_flags.ts";
import { COMMANDS } from "./command_table.ts";
import { CliError } from "./errors.ts";
import {
  type AnyFlagValue,
  defaultFlagValue,
  type FlagSpec,
  type FlagTable,
  FlagValueError,
  type FlagValues,
  parseFlagValue,
} from "./flag.ts";

/** Name of the executable in texts. */
export const PROGRAM = "skychat";

/** Columns of `--help`. Fixed, so that the text is the same everywhere. */
const HELP_WIDTH = 100;

/** What `not in this build yet` looks like everywhere. */
export function laterText(what: string): string {
  return `${what}: not in this build yet`;
}

/** `--help` of one command, or of the whole program. */
export function helpText(spec: CommandSpec | undefined): string {
  const program = spec === undefined ? rootCommand() : commanderOf(spec);
  const help = program.helpInformation();
  if (spec !== undefined && spec.subcommands === undefined) return help;
  return `${help}\n${usageOf(program)} <command> --help has the flags of a command.`;
}

/**
 * The complaint about a command that does not exist, with the one that was probably meant. Without
 * `family` it stands where a command should, else where one of its subcommands should.
 */
export function unknownCommand(
  word: string,
  { flags, family }: { flags: readonly string[]; family: CommandSpec | undefined },
): CliError {
  const program = family === undefined ? rootCommand() : commanderOf(family);
  const error = complaint(program, [...flags, word]);
  return error ?? new CliError(`unknown command '${word}'`, { code: "usage" });
}

/** The complaint about flags without a command (of `family`), if there is something to complain about. */
export function strayFlags(
  flags: readonly string[],
  family: CommandSpec | undefined,
): CliError | undefined {
  const program = family === undefined ? rootCommand() : commanderOf(family);
  program.action(() => {});
  return complaint(program, flags);
}

/**
 * Reads a command's flags, given as `--name=value`.
 *
 * @throws {CliError} code `usage`; the text names the flag.
 */
export function readFlags<Table extends FlagTable>(
  spec: CommandSpec<Table>,
  flags: readonly string[],
): { values: FlagValues<Table>; given: ReadonlySet<string> } {
  const program = commanderOf(spec);
  const error = complaint(program, flags);
  if (error !== undefined) throw error;
  const given = new Set<string>();
  const values: Record<string, AnyFlagValue> = {};
  for (const [name, flag] of Object.entries(spec.flags)) {
    const attribute = optionOf(name, flag).attributeName();
    const isGiven = program.getOptionValueSource(attribute) === "cli";
    if (isGiven) given.add(name);
    values[name] = isGiven ? program.getOptionValue(attribute) : defaultFlagValue(flag);
  }
  return { values: values as FlagValues<Table>, given };
}

/** Lets commander read the tokens; its complaint in our words, or undefined. */
function complaint(program: Command, tokens: readonly string[]): CliError | undefined {
  try {
    program.parse([...tokens], { from: "user" });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Without the value of a flag that does not exist: it may be a secret behind a misspelt name.
    const text = error.message.replace(/^error: /, "")
      .replace(/^(unknown option '--[^=']+)=[^\n]*'/s, "$1'")
      .replace(/\n\(Did you mean/, " (did you mean");
    return new CliError(text, { code: "usage", hint: `see ${usageOf(program)} --help` });
  }
}

function usageOf(program: Command): string {
  return program.name() === PROGRAM ? PROGRAM : `${PROGRAM} ${program.name()}`;
}

function rootCommand(): Command {
  const root = quiet(new Command(PROGRAM))
    .description("Encrypted chat for people who run their own nodes.")
    .usage("<command> [flags]")
    .helpCommand(false);
  for (const [name, flag] of Object.entries(CLIENT_FLAGS)) root.addOption(optionOf(name, flag));
  addCommands(root, COMMANDS);
  return root;
}

function addCommands(program: Command, specs: readonly CommandSpec[]): void {
  for (const spec of specs) {
    const later = isBuilt(spec) ? "" : ` (${laterText("").slice(2)})`;
    program.command(wordOf(spec)).description(spec.summary + later);
  }
}

function commanderOf(spec: CommandSpec): Command {
  const expected = spec.subcommands === undefined ? spec.operands : "<command>";
  const words = expected === undefined ? "" : `${expected} `;
  const program = quiet(new Command(spec.name)).usage(`${words}[flags]`).helpCommand(false);
  const notes = isBuilt(spec) ? spec.notes : "Not in this build yet.";
  const summary = spec.summary.charAt(0).toUpperCase() + spec.summary.slice(1);
  program.description(notes === undefined ? `${summary}.` : `${summary}.\n${notes}`);
  if (spec.subcommands === undefined) program.action(() => {});
  else addCommands(program, spec.subcommands);
  for (const [name, flag] of Object.entries(spec.flags)) program.addOption(optionOf(name, flag));
  return program;
}

/** A commander program that neither prints nor exits, with our help format. */
function quiet(program: Command): Command {
  const usage = program.name() === PROGRAM ? PROGRAM : `${PROGRAM} ${program.name()}`;
  return program
    .exitOverride()
    .configureOutput({
      writeOut: () => {},
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({
      // Switches take a value inside this program only: `--flag` is how people write them.
      optionTerm: (option) => option.flags.replace(" <switch>", ""),
      subcommandTerm: (sub) => sub.name(),
      commandUsage: (command) => `${usage} ${command.usage()}`,
    })
    .helpOption("-h, --help", "show this text")
    .version(VERSION, "-v, --version", "show the version");
}

function optionOf(name: string, flag: FlagSpec): Option {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  const option = new Option(`${short}--${name} <${placeholder(flag)}>`, describeFlag(flag));
  option.argParser((text: string, previous: AnyFlagValue | undefined) => {
    const value = parseOrComplain(flag, text);
    return Array.isArray(value) && Array.isArray(previous) ? [...previous, ...value] : value;
  });
  if (flag.group !== undefined) option.helpGroup(flag.group);
  return option;
}

function parseOrComplain(flag: FlagSpec, text: string): AnyFlagValue {
  try {
    return parseFlagValue(flag, text);
  } catch (error) {
    if (error instanceof FlagValueError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** The word for a flag's value. */
export function placeholder(flag: FlagSpec): string {
  if (flag.type === "bool") return "switch";
  return flag.value ?? flag.type;
}

/** A flag's help with its default, its variable and whether it works yet. */
export function describeFlag(flag: FlagSpec): string {
  const facts = [];
  const fallback = flag.defaultText ?? flag.default;
  if (fallback !== undefined) facts.push(`default ${fallback}`);
  if (flag.env !== undefined) facts.push(`env ${flag.env}`);
  if (flag.state === "later") facts.push(laterText("").slice(2));
  return facts.length === 0 ? flag.help : `${flag.help} (${facts.join("; ")})`;
}
