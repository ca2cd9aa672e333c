import { CLIENT_FLAGS } from "./client_flags.ts";
import { type CommandSpec, isBuilt } from "./command.ts";
import { COMMANDS } from "./command_table.ts";
import { describeFlag, placeholder, PROGRAM } from "./program.ts";

/**
 * Every flag of every working command as Markdown: one heading and one table a command, made from the
 * tables that parse them. The README holds this text, and a script compares the two.
 */
export function flagReference(): string {
  return COMMANDS.filter(isBuilt).flatMap(sectionsOf).join("\n");
}

/** The section of a command; of those below it, the ones that have flags of their own follow. */
function sectionsOf(spec: CommandSpec): string[] {
  const below = spec.subcommands ?? [];
  const commands = below.length === 0 ? [] : [...commandTable(below), ""];
  const section = [`### ${spec.name}`, "", ...commands, ...tableOf(spec.flags), ""].join("\n");
  const own = below.filter(({ flags }) => flags !== CLIENT_FLAGS);
  return [section, ...own.flatMap(sectionsOf)];
}

function commandTable(specs: readonly CommandSpec[]): string[] {
  const rows = specs.map(({ name, operands, summary }) => {
    const usage = [PROGRAM, name, operands ?? ""].join(" ").trim();
    return `| \`${escapeBars(usage)}\` | ${escapeBars(escapeText(summary))} |`;
  });
  return ["| command | meaning |", "| --- | --- |", ...rows];
}

function tableOf(flags: CommandSpec["flags"]): string[] {
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
