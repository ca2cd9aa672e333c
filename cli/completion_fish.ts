import type { CompletionModel } from "./completion_model.ts";

/** The script for fish. */
export function fishScript(model: CompletionModel): string {
  return `# ${model.commands.length}\n`;
}
