/**
 * The man page skychat(1), made from the tables that parse the flags, so that it says what the program
 * does. `package_deb.ts` puts it into the Debian package.
 */
import { type CommandSpec, isBuilt } from "../cli/command.ts";
import { COMMANDS } from "../cli/command_table.ts";
import { ENVIRONMENT_VARIABLES } from "../cli/environment.ts";
import type { FlagSpec } from "../cli/flag.ts";
import { describeFlag, placeholder, PROGRAM } from "../cli/program.ts";

/** What each variable that the program reads is for. */
const VARIABLES: Readonly<Record<string, string>> = {
  DMSGCURL_SK: "Secret key, 64 hex digits, where --sk is not given.",
  SKYCHAT_ADDR: "Control surface of the app to talk to, where --addr is not given.",
  SKYWIRE_REQUIRE_PQ: "With 1, only peers that do the post-quantum key exchange are talked to.",
  PROC_CONFIG: "Set by a visor that starts the program; not read with --standalone.",
  XDG_CONFIG_HOME: "Folder of settings, ~/.config where it is not set; aliases are below it.",
  HOME: "Home folder of the user.",
  NO_COLOR: "Set to anything but nothing: no colours.",
  FORCE_COLOR: "Colours even where the output is no terminal.",
  CLICOLOR_FORCE: "The same.",
};

const EXAMPLE = `skychat keygen
skychat app --standalone -c key.json --tcp-listen :8800 --persist
skychat send -t PK -m "hello"
skychat send --via tcp://PK@host:8800 -c key.json -w 8s -m ping
skychat listen`;

const FILES: readonly (readonly [string, string])[] = [
  ["/etc/skychat/skychat.conf", "Flags of the service that the Debian package runs."],
  ["/var/lib/skychat", "Its key and its messages."],
  ["~/.config/skywire/skychat-aliases.json", "Names for public keys, of skychat alias."],
];

/**
 * The page in roff. `date` stands in its footer; the same version and date make the same page.
 *
 * @throws {Error} when a variable that the program reads has no description here.
 */
export function manPage({ version, date }: { version: string; date: Date }): string {
  const day = date.toISOString().slice(0, 10);
  return [
    `.TH SKYCHAT 1 "${day}" "skychat ${escapeRoff(version)}" "User Commands"`,
    ".SH NAME",
    "skychat \\- encrypted chat for people who run their own nodes",
    ".SH SYNOPSIS",
    ".B skychat",
    ".I command",
    ".RI [ flags ]",
    ".SH DESCRIPTION",
    "Two nodes that know each other's public key talk over TCP, encrypted with Noise and a",
    "post\\-quantum key exchange. There is no server and no account.",
    ".B skychat app",
    "runs a node; the other commands talk to one, or straight to a peer.",
    ".PP",
    "Flags are written \\fB\\-\\-flag value\\fR or \\fB\\-\\-flag=value\\fR; a switch is turned off with",
    "\\fB\\-\\-flag=false\\fR. The last one wins.",
    "Every command has \\fB\\-\\-help\\fR, and \\fBskychat \\-\\-version\\fR shows the version.",
    ".SH COMMANDS",
    ...COMMANDS.filter(isBuilt).flatMap(commandLines),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT_VARIABLES.flatMap((name) => term(name, variableText(name))),
    ".SH FILES",
    ...FILES.flatMap(([path, text]) => term(path, text)),
    ".SH EXIT STATUS",
    "0 for success, 1 for every failure. The outcomes of \\fBsend\\fR are told apart by",
    "\\fB\\-\\-exit\\-codes detailed\\fR, see there.",
    ".SH EXAMPLES",
    ...verbatim(EXAMPLE.split("\n")),
    ".SH SEE ALSO",
    ".BR systemctl (1),",
    ".BR journalctl (1)",
    ".PP",
    "The Debian package has its own guide in /usr/share/doc/skychat/README.Debian.",
    "",
  ].join("\n");
}

function variableText(name: string): string {
  const text = VARIABLES[name];
  if (text === undefined) throw new Error(`Describe the variable ${name} in scripts/man_page.ts`);
  return text;
}

/** The section of a command, and those of the commands below it. */
function commandLines(spec: CommandSpec): string[] {
  const usage = [PROGRAM, spec.name, spec.subcommands === undefined ? spec.operands : "COMMAND"]
    .filter((word) => word !== undefined).join(" ");
  return [
    `.SS "${escapeRoff(usage.replaceAll('"', "'"))}"`,
    line(sentence(spec.summary)),
    ...noteLines(spec.notes),
    ...flagLines(spec.flags),
    ...(spec.subcommands ?? []).flatMap(commandLines),
  ];
}

function flagLines(flags: CommandSpec["flags"]): string[] {
  let group: string | undefined;
  return Object.entries(flags).flatMap(([name, flag]) => {
    const heading = flag.group === group || flag.group === undefined
      ? []
      : [".PP", `.I ${escapeRoff(flag.group)}`];
    group = flag.group;
    return [...heading, ...term(flagTerm(name, flag), describeFlag(flag))];
  });
}

function flagTerm(name: string, flag: FlagSpec): string {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  return `${short}--${name}${flag.type === "bool" ? "" : ` <${placeholder(flag)}>`}`;
}

/** Notes as they stand, lines that are indented in a table kept apart from the running text. */
function noteLines(notes: string | undefined): string[] {
  if (notes === undefined) return [];
  const lines = notes.split("\n");
  const table = lines.filter((text) => text.startsWith(" "));
  const running = lines.filter((text) => !text.startsWith(" "));
  return [".PP", ...running.map(line), ...(table.length === 0 ? [] : verbatim(table))];
}

function verbatim(lines: readonly string[]): string[] {
  return [".PP", ".nf", ".RS 2", ...lines.map((text) => line(text)), ".RE", ".fi"];
}

function term(name: string, text: string): string[] {
  return [".TP", `\\fB${escapeRoff(name)}\\fR`, line(text)];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** One line of text; a point or a quote at its start would be a request to the formatter. */
function line(text: string): string {
  const escaped = escapeRoff(text.trim());
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** Text as roff shows it: minus signs that can be copied, and nothing that means something else. */
function escapeRoff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha").replaceAll("`", "\\(ga").replaceAll("'", "\\(aq");
}
