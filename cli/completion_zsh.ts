import type { CompletionModel } from "./completion_model.ts";

/** The script for zsh. */
export function zshScript(model: CompletionModel): string {
  return `# ${model.commands.length}\n`;
}
