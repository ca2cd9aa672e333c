import {
  type CompletionFlag,
  type CompletionModel,
  type Offer,
  withSubcommands,
} from "./completion_model.ts";

/**
 * The script for bash 3.2 and later. It needs no other completion package, runs no program except
 * `skychat alias ls` for names, and works under `set -u`.
 */
export function bashScript({ commands: first, early }: CompletionModel): string {
  const names = first.map(({ name }) => name).join(" ");
  const commands = withSubcommands(first);
  const families = commands.filter(({ subcommands }) => subcommands.length > 0)
    .map(({ name }) => `    ${name}) return 0 ;;`);
  const table = [
    commandCase("", early, `words ${names}`),
    ...commands.map(({ name, flags, operand }) => commandCase(name, flags, offerText(operand))),
  ];
  const offers = [
    ...early.flatMap((flag) => flagCase("", flag)),
    ...commands.flatMap(({ name, flags }) => flags.flatMap((flag) => flagCase(name, flag))),
  ];
  const seconds = commands.flatMap(({ name, beforeAlias, second }) => [
    ...beforeAlias.map((word) => `    '${name} ${word}') operand=aliases ;;`),
    ...second.kind === "nothing" ? [] : [`    '${name} '*) operand='${offerText(second)}' ;;`],
  ]);
  return `${HEAD}
# Sets flags and operand of a command; of none, what may stand before it.
_skychat_command() {
  case $1 in
${table.join("\n")}
    *) flags='--help --version' operand=nothing ;;
  esac
}

# Whether another command has to follow this one.
_skychat_family() {
  case $1 in
${families.join("\n")}
    *) return 1 ;;
  esac
}

# Sets what may stand after the first word of a command.
_skychat_second() {
  case "$1 $2" in
${seconds.join("\n")}
    *) operand=nothing ;;
  esac
}

# Sets what a flag of a command takes: nothing for a value that only the user knows.
_skychat_flag() {
  case "$1 $2" in
${offers.join("\n")}
    *) offer=none ;;
  esac
}
${BODY}`;
}

function commandCase(name: string, flags: readonly CompletionFlag[], operand: string): string {
  const words = flags.map((flag) => `--${flag.name}`).join(" ");
  return `    '${name}') flags='${words}' operand='${operand}' ;;`;
}

/** One line for `--flag` and `-f`; switches take a value only after `=`, which `switch` says. */
function flagCase(command: string, { name, short, isSwitch, offer }: CompletionFlag): string[] {
  const pattern = [`--${name}`, ...short === undefined ? [] : [`-${short}`]]
    .map((flag) => `'${command} ${flag}'`).join(" | ");
  const text = isSwitch ? "switch" : offerText(offer);
  if (isSwitch && offer.kind === "nothing") return [];
  return [`    ${pattern}) offer='${text}' ;;`];
}

function offerText(offer: Offer): string {
  return offer.kind === "words" ? `words ${offer.words.join(" ")}` : offer.kind;
}

const HEAD = `# shellcheck shell=bash
# bash completion for skychat, made by: skychat completion bash
`;

const BODY = `
# Joins what readline cut at = and : again, up to the cursor, into the array words.
_skychat_words() {
  local rest=\${COMP_LINE:0:COMP_POINT} index piece
  words=()
  for ((index = 0; index <= COMP_CWORD; index++)); do
    piece=\${COMP_WORDS[index]-}
    if [[ $index -eq 0 || $rest == [[:space:]]* ]]; then
      rest=\${rest#"\${rest%%[![:space:]]*}"}
      words+=('')
    fi
    if ((index == COMP_CWORD)); then piece=$rest; fi
    words[\${#words[@]} - 1]+=$piece
    rest=\${rest#"$piece"}
  done
}

# Finds the command, the flag whose value comes next, and the number of operands.
_skychat_scan() {
  local index word
  for ((index = 1; index < \${#words[@]} - 1; index++)); do
    word=\${words[index]}
    if [[ -n $pending ]]; then pending='' && continue; fi
    if [[ -n $ended ]]; then count=$((count + 1)) && continue; fi
    case $word in
      --) ended=yes ;;
      --*=* | -?=*) ;;
      -*)
        _skychat_flag "$command" "$word"
        case $offer in none | switch) ;; *) pending=$word ;; esac
        ;;
      *)
        if _skychat_family "$command"; then
          command+=" $word"
          continue
        fi
        if [[ -n $command && ( $command != app || $word != skychat || $count -gt 0 ) ]]; then
          count=$((count + 1))
          if ((count == 1)); then first=$word; fi
          continue
        fi
        case $word in
          cli | config | skychat) ;;
          gen-keys) command=keygen ;;
          *) command=$word ;;
        esac
        ;;
    esac
  done
}

# Aliases, from the JSON object that the program prints.
_skychat_aliases() {
  local text name
  text=$(skychat alias ls --json 2>/dev/null) || return 0
  while [[ $text =~ \\"([^\\"\\\\]+)\\"[[:space:]]*:[[:space:]]*\\"[0-9a-fA-F]+\\" ]]; do
    name=\${BASH_REMATCH[1]}
    text=\${text#*"\${BASH_REMATCH[0]}"}
    printf '%q\\n' "$name"
  done
}

# Puts what an offer means into COMPREPLY, for a value that has been begun.
_skychat_reply() {
  local offer=$1 value=$2 word
  case $offer in
    files)
      # Makes bash quote names and put a slash behind folders; bash 3.2 has no compopt.
      compopt -o filenames 2>/dev/null || true
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$value")
      ;;
    aliases)
      while IFS= read -r word; do
        if [[ $word == "$value"* ]]; then COMPREPLY+=("$word"); fi
      done < <(_skychat_aliases)
      ;;
    'words '*)
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "\${offer#words }" -- "$value")
      ;;
  esac
}

# Takes off what readline keeps: everything up to the last = or : of the word.
_skychat_trim() {
  local cut='' index
  if [[ \${COMP_WORDBREAKS-} == *=* ]]; then cut+='='; fi
  if [[ \${COMP_WORDBREAKS-} == *:* ]]; then cut+=':'; fi
  if [[ -z $cut ]]; then return; fi
  local kept=\${1%"\${1##*["$cut"]}"}
  for ((index = 0; index < \${#COMPREPLY[@]}; index++)); do
    COMPREPLY[index]=\${COMPREPLY[index]#"$kept"}
  done
}

_skychat() {
  local words=() command='' pending='' ended='' offer='' flags='' operand='' first='' count=0 current word
  COMPREPLY=()
  _skychat_words
  current=\${words[\${#words[@]} - 1]}
  _skychat_scan
  _skychat_command "$command"
  if [[ -n $pending ]]; then
    _skychat_flag "$command" "$pending"
    _skychat_reply "$offer" "$current"
  elif [[ -z $ended && ( $current == --*=* || $current == -?=* ) ]]; then
    _skychat_flag "$command" "\${current%%=*}"
    if [[ $offer == switch ]]; then offer='words true false'; fi
    _skychat_reply "$offer" "\${current#*=}"
    for ((word = 0; word < \${#COMPREPLY[@]}; word++)); do
      COMPREPLY[word]=\${current%%=*}=\${COMPREPLY[word]}
    done
  elif [[ -z $ended && $current == -* ]]; then
    _skychat_reply "words $flags" "$current"
  elif ((count == 0)); then
    _skychat_reply "$operand" "$current"
  elif ((count == 1)); then
    _skychat_second "$command" "$first"
    _skychat_reply "$operand" "$current"
  fi
  _skychat_trim "$current"
}

complete -F _skychat skychat
`;
