import { configFromFlags, createLog, embeddedLogLook, freeDescriptors } from "#app";
import type { APP_FLAGS } from "../app_flags.ts";
import type { Call } from "../command.ts";
import { wantsColour } from "../environment.ts";
import { CliError } from "../errors.ts";
import type { CliIo } from "../io.ts";

type LogLook = Omit<Parameters<typeof createLog>[0], "clock" | "zone">;

function standaloneLog({ environment, output }: CliIo): LogLook {
  return {
    write: (line) => output.log(line),
    colour: wantsColour(environment, output.stderr.terminal),
  };
}

/** As a visor reads it: what goes to stderr is an error to it (visor.md 9). */
async function embeddedLog({ environment, output }: CliIo, procConfig: string): Promise<LogLook> {
  const { stderr, stdout } = output;
  const terminal = stdout.terminal && stderr.terminal;
  return {
    write: (line, level) =>
      level === "INFO" || level === "DEBUG" ? output.plainLog(line) : output.log(line),
    colour: terminal && wantsColour(environment, terminal),
    ...await embeddedLogLook(procConfig),
  };
}

/** Runs a node until it is told to stop (cli.md 2). */
export async function run({ flags, io }: Call<typeof APP_FLAGS>): Promise<number> {
  const result = configFromFlags(flags, io.environment);
  if ("problems" in result) throw new CliError(result.problems.join("; "), { code: "usage" });
  const { visor } = result.config;
  const look = visor === undefined ? standaloneLog(io) : await embeddedLog(io, visor.procConfig);
  const log = createLog({ clock: io.clock, zone: io.zone, ...look });
  for (const warning of result.warnings) log.warn(warning);
  return await io.startNode(result.config, {
    network: await io.network(),
    clock: io.clock,
    random: io.random,
    log,
    env: io.environment,
    signal: io.interrupt(),
    countDescriptors: freeDescriptors,
    memory: io.memory,
    onServing: io.onServing,
  });
}
