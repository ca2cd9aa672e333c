import type { CompletionModel } from "./completion_model.ts";

/** The script for bash. */
export function bashScript(model: CompletionModel): string {
  return `# ${model.commands.length}\n`;
}
