import type { CompletionFlag, CompletionModel, Offer } from "./completion_model.ts";

/** The script for fish 3. */
export function fishScript({ commands, early }: CompletionModel): string {
  const first = "__skychat_in ''";
  const lines = [
    ...commands.map(({ name, summary }) =>
      `complete -c skychat -n ${quote(first)} -a ${name} -d ${quote(summary)}`
    ),
    ...early.map((flag) => flagLine(first, flag)),
  ];
  for (const { name, flags, operand, beforeAlias } of commands) {
    const condition = `__skychat_in ${name}`;
    lines.push("", ...operandLines(condition, operand));
    for (const word of beforeAlias) {
      const after = `${condition}; and __skychat_after ${word}`;
      lines.push(`complete -c skychat -n ${quote(after)} -a '(__skychat_aliases)'`);
    }
    lines.push(...flags.map((flag) => flagLine(condition, flag)));
  }
  const valued = early.filter(({ isSwitch }) => !isSwitch).map(({ name }) => `--${name}`);
  return `${head(valued)}\n${lines.join("\n")}\n`;
}

function operandLines(condition: string, offer: Offer): string[] {
  const start = `complete -c skychat -n ${quote(`${condition}; and __skychat_first`)}`;
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

/** The functions; `valued` are the flags before a command whose value is the next word. */
function head(valued: readonly string[]): string {
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
                else
                    set count (math $count + 1)
                    test $count = 1; and set first $word
                end
        end
    end
    printf '%s\\n' $command $count $first
end

function __skychat_in
    set -l found (__skychat_scan)
    test "$found[1]" = "$argv[1]"
end

# True before the first word that is no flag.
function __skychat_first
    set -l found (__skychat_scan)
    test "$found[2]" = 0
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
}
