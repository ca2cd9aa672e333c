import type {
  CompletionCommand,
  CompletionFlag,
  CompletionModel,
  Offer,
} from "./completion_model.ts";

/** The script for fish 3. */
export function fishScript({ commands, early }: CompletionModel): string {
  const first = "__skychat_in ''";
  const lines = [
    ...commands.map(({ name, summary }) =>
      `complete -c skychat -n ${quote(first)} -a ${name} -d ${quote(summary)}`
    ),
    ...early.map((flag) => flagLine(first, flag)),
  ];
  for (const one of commands) {
    lines.push(...commandLines(one));
    for (const { word, summary } of one.subcommands) {
      const below = `__skychat_in ${one.name}; and __skychat_first`;
      lines.push(`complete -c skychat -n ${quote(below)} -a ${word} -d ${quote(summary)}`);
    }
    lines.push(...one.subcommands.flatMap(commandLines));
  }
  const valued = early.filter(({ isSwitch }) => !isSwitch).map(({ name }) => `--${name}`);
  const families = commands.filter(({ subcommands }) => subcommands.length > 0);
  return `${head(valued, families.map(({ name }) => name))}\n${lines.join("\n")}\n`;
}

function commandLines(one: CompletionCommand): string[] {
  const { name, flags, operand, beforeAlias, second, subcommands } = one;
  const condition = `__skychat_in ${name.includes(" ") ? `"${name}"` : name}`;
  const aliases = "-a '(__skychat_aliases)'";
  const start = (then: string) => `complete -c skychat -n ${quote(`${condition}; and ${then}`)}`;
  const lines = [""];
  if (subcommands.length === 0) lines.push(...operandLines(start("__skychat_first"), operand));
  for (const word of beforeAlias) lines.push(`${start(`__skychat_after ${word}`)} ${aliases}`);
  if (second.kind === "aliases") lines.push(`${start("__skychat_second")} ${aliases}`);
  else lines.push(...operandLines(start("__skychat_second"), second));
  return [...lines, ...flags.map((flag) => flagLine(condition, flag))];
}

function operandLines(start: string, offer: Offer): string[] {
  if (offer.kind === "files") return [`${start} -F`];
  return offer.kind === "words" ? [`${start} -a ${quote(offer.words.join(" "))}`] : [];
}

function flagLine(condition: string, flag: CompletionFlag): string {
  const { name, short, help, isSwitch, offer } = flag;
  const letter = short === undefined ? "" : ` -s ${short}`;
  const value = isSwitch ? "" : ` ${valueOf(offer)}`;
  return `complete -c skychat -n ${quote(condition)} -l ${name}${letter}${value} -d ${quote(help)}`;
}

/** `-x`: takes a value, which is no file; `-rF`: a file. */
function valueOf(offer: Offer): string {
  switch (offer.kind) {
    case "files":
      return "-rF";
    case "aliases":
      return "-xa '(__skychat_aliases)'";
    case "words":
      return `-xa ${quote(offer.words.join(" "))}`;
    case "nothing":
      return "-x";
  }
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/**
 * The functions; `valued` are the flags before a command whose value is the next word, `families` the
 * commands that another one has to follow.
 */
function head(valued: readonly string[], families: readonly string[]): string {
  return `# fish completion for skychat, made by: skychat completion fish

# Prints the command of the line, nothing when there is none yet, and then the number of words after it
# that are no flags, and the first of these. The value of a flag counts as such a word unless it is written with =.
function __skychat_scan
    set -l command ''
    set -l first ''
    set -l count 0
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case ${valued.join(" ")}
                set skip yes
            case '-*'
            case cli config skychat
            case gen-keys
                set command keygen
            case '*'
                if test -z "$command"
                    set command $word
                else if contains -- "$command" ${families.join(" ")}
                    set command "$command $word"
                else
                    set count (math $count + 1)
                    test $count = 1; and set first $word
                end
        end
    end
    printf '%s\\n' $command $count $first
end

${QUESTIONS}`;
}

/** What the lines of the script ask. */
const QUESTIONS = `function __skychat_in
    set -l found (__skychat_scan)
    test "$found[1]" = "$argv[1]"
end

# True before the first word that is no flag.
function __skychat_first
    set -l found (__skychat_scan)
    test "$found[2]" = 0
end

# True right after the first such word.
function __skychat_second
    set -l found (__skychat_scan)
    test "$found[2]" = 1
end

# True right after this word, if it is the first one.
function __skychat_after
    set -l found (__skychat_scan)
    test "$found[2]" = 1 -a "$found[3]" = "$argv[1]"
end

# Aliases, from the JSON object that the program prints.
function __skychat_aliases
    skychat alias ls --json 2>/dev/null | string match -arg '"([^"\\\\\\\\]+)"\\\\s*:\\\\s*"[0-9a-fA-F]+"'
end

complete -c skychat -e
complete -c skychat -f
`;
