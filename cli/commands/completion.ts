import type { Call } from "../command.ts";
import { CliError, EXIT_OK } from "../errors.ts";
import { bashScript } from "../completion_bash.ts";
import { fishScript } from "../completion_fish.ts";
import { type CompletionModel, completionModel } from "../completion_model.ts";
import { zshScript } from "../completion_zsh.ts";

const SCRIPTS: ReadonlyMap<string, (model: CompletionModel) => string> = new Map([
  ["bash", bashScript],
  ["zsh", zshScript],
  ["fish", fishScript],
]);

/** Prints the completion script of a shell. */
export function run({ commands, operands, io }: Call): Promise<number> {
  const [shell = "", ...more] = operands;
  const script = SCRIPTS.get(shell);
  if (script === undefined || more.length > 0) {
    const problem = shell === "" ? "which shell?" : `unknown shell "${operands.join(" ")}"`;
    const known = [...SCRIPTS.keys()].join(", ");
    throw new CliError(`completion: ${problem} (use one of: ${known})`, { code: "usage" });
  }
  io.output.stdout.write(script(completionModel(commands)));
  return Promise.resolve(EXIT_OK);
}
