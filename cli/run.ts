import { VERSION } from "#app";
import { errorText } from "#kit";
import { type Arguments, readArguments } from "./arguments.ts";
import type { CommandSpec } from "./command.ts";
import { COMMANDS } from "./command_table.ts";
import { CliError, detailedExit, EXIT_FAILURE, EXIT_OK, failureCode } from "./errors.ts";
import { type AnyFlagValue, type FlagTable, isLater } from "./flag.ts";
import type { CliIo } from "./io.ts";
import { OutputClosed } from "./output.ts";
import { helpText, laterText, PROGRAM, readFlags, strayFlags, unknownCommand } from "./program.ts";

/**
 * Runs one command line and returns the exit code. Never throws for what a user can cause: the text is
 * printed, as `skychat: <text>` or, after `--json`, as `{"error": "<text>"}` (cli.md 3).
 * `--exit-codes detailed` adds a `code` to that object and tells the failures apart.
 */
export async function runCli(args: readonly string[], io: CliIo): Promise<number> {
  const line = readArguments(args);
  try {
    return await dispatch(line, io);
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT_OK;
    const detailed = line.flags.findLast((flag) => flag.startsWith("--exit-codes=")) ===
      "--exit-codes=detailed";
    report(error, { io, json: line.json, detailed });
    return detailed ? detailedExit(error) : EXIT_FAILURE;
  }
}

async function dispatch(line: Arguments, io: CliIo): Promise<number> {
  const { command } = line;
  if (line.version) {
    io.output.line(`${PROGRAM} ${VERSION}`);
    return EXIT_OK;
  }
  if (line.help) {
    io.output.line(helpText(command).trimEnd());
    return EXIT_OK;
  }
  if (line.unknownCommand !== undefined) {
    throw unknownCommand(line.unknownCommand, { flags: line.flags, family: command });
  }
  if (command === undefined || command.subcommands !== undefined) {
    const error = strayFlags(line.flags, command);
    if (error !== undefined) throw error;
    if (command !== undefined) refuseOperands(command, line.operands);
    io.output.line(helpText(command).trimEnd());
    return EXIT_OK;
  }
  return await runCommand(command, line, io);
}

async function runCommand(command: CommandSpec, line: Arguments, io: CliIo): Promise<number> {
  if (command.load === undefined) throw new CliError(laterText(command.name), { code: "later" });
  const { values, given } = readFlags(command, line.flags);
  if (command.operands === undefined) refuseOperands(command, line.operands);
  refuseLaterFlags(command.flags, { values, given });
  for (const name of line.bareFalse) {
    if (!line.json) {
      io.output.note(`${PROGRAM}: --${name} false switches it on: use --${name}=false`);
    }
  }
  const module = await command.load();
  return await module.run({
    flags: values,
    given,
    operands: line.operands,
    commands: COMMANDS,
    io,
  });
}

function refuseOperands(command: CommandSpec, operands: readonly string[]): void {
  const first = operands[0];
  if (first === undefined) return;
  // A key that lost its flag must not end up in somebody's log.
  const shown = /^[0-9a-fA-F]{64}$/.test(first) ? "<64 hex digits>" : `"${first}"`;
  throw new CliError(`${command.name}: unexpected argument ${shown}`, {
    code: "usage",
    hint: "quote texts that have spaces in them",
  });
}

function refuseLaterFlags(
  flags: FlagTable,
  { values, given }: { values: Record<string, AnyFlagValue>; given: ReadonlySet<string> },
): void {
  const later = Object.entries(flags).flatMap(([name, spec]) => {
    const value = values[name];
    if (value === undefined || !given.has(name) || !isLater(spec, value)) return [];
    return [laterText(`--${name}`)];
  });
  if (later.length > 0) throw new CliError(later.join("; "), { code: "later" });
}

function report(
  error: unknown,
  { io, json, detailed }: { io: CliIo; json: boolean; detailed: boolean },
): void {
  const text = errorText(error);
  if (json) {
    // cli.md 3 fixes the object; whoever asks for details reads another one.
    const code = detailed ? failureCode(error) : undefined;
    io.output.note(JSON.stringify({ error: text, code }, null, 2));
    return;
  }
  io.output.note(`${PROGRAM}: ${text}`);
  if (error instanceof CliError && error.hint !== undefined) io.output.note(`  ${error.hint}`);
}
