import type { FlagTable, FlagValues } from "./flag.ts";
import type { CliIo } from "./io.ts";

/** One use of a command: its flags' values and the process around it. */
export interface Call<Table extends FlagTable = FlagTable> {
  readonly flags: FlagValues<Table>;
  /** Long names of the flags that were given. */
  readonly given: ReadonlySet<string>;
  /** Words that belong to no flag; empty for a command that takes none. */
  readonly operands: readonly string[];
  /** Every command there is. */
  readonly commands: readonly CommandSpec[];
  readonly io: CliIo;
}

/** What the module of a command exports. */
export interface CommandModule<Table extends FlagTable = FlagTable> {
  /** Does it and returns the exit code; throws `CliError` for what the user should read. */
  run(call: Call<Table>): Promise<number>;
}

/** One command of the tree; `group create` is the name of one below `group`. */
export interface CommandSpec<Table extends FlagTable = FlagTable> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** More for its own `--help`. */
  readonly notes?: string;
  /** What may follow besides flags, as its usage line shows it; without it nothing may. */
  readonly operands?: string;
  readonly flags: Table;
  /** Commands below it, one of which must follow; then there is nothing to load here. */
  readonly subcommands?: readonly CommandSpec[];
  /** Loads its code: no command pays for another one. Without it: not in this build yet. */
  load?(): Promise<CommandModule<Table>>;
}

/** Whether a command is in this build. */
export function isBuilt(spec: CommandSpec): boolean {
  return spec.load !== undefined || spec.subcommands !== undefined;
}

/** The word that calls a command where it is one of several: `create` of `group create`. */
export function wordOf({ name }: CommandSpec): string {
  return name.slice(name.lastIndexOf(" ") + 1);
}

/** Checks a command's module against its flags, and forgets which ones they are. */
export function command<const Table extends FlagTable>(spec: CommandSpec<Table>): CommandSpec {
  return spec;
}
