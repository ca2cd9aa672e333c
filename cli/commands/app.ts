import { configFromFlags, createLog, freeDescriptors } from "#app";
import type { APP_FLAGS } from "../app_flags.ts";
import type { Call } from "../command.ts";
import { wantsColour } from "../environment.ts";
import { CliError } from "../errors.ts";

/** Runs a node until it is told to stop (cli.md 2). */
export async function run({ flags, io }: Call<typeof APP_FLAGS>): Promise<number> {
  const result = configFromFlags(flags, io.environment);
  if ("problems" in result) throw new CliError(result.problems.join("; "), { code: "usage" });
  const log = createLog({
    write: (line) => io.output.log(line),
    clock: io.clock,
    colour: wantsColour(io.environment, io.output.stderr.terminal),
    zone: io.zone,
  });
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
