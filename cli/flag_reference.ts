import { COMMANDS } from "./command_table.ts";
import { describeFlag, placeholder } from "./program.ts";

/**
 * Every flag of every working command as Markdown: one heading and one table a command, made from the
 * tables that parse them. The README holds this text, and a script compares the two.
 */
export function flagReference(): string {
  return COMMANDS.filter((spec) => spec.load !== undefined)
    .map((spec) => [`### ${spec.name}`, "", ...tableOf(spec.flags), ""].join("\n"))
    .join("\n");
}

function tableOf(flags: (typeof COMMANDS)[number]["flags"]): string[] {
  const rows = Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? "" : `-${flag.short}, `;
    const value = flag.type === "bool" ? "" : ` <${placeholder(flag)}>`;
    const meaning = escapeText(describeFlag(flag));
    return `| \`${short}--${name}${escapeBars(value)}\` | ${escapeBars(meaning)} |`;
  });
  return ["| flag | meaning |", "| --- | --- |", ...rows];
}

/** Bars end a cell even inside code. */
function escapeBars(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** What would be an HTML tag or emphasis outside code. */
function escapeText(text: string): string {
  return text.replace(/[<*]/g, "\\$&");
}
