import type {
  CompletionCommand,
  CompletionFlag,
  CompletionModel,
  Offer,
} from "./completion_model.ts";

/** The script for zsh 5: to be sourced, or a file `_skychat` in a folder of `$fpath`. */
export function zshScript({ commands, early }: CompletionModel): string {
  const families = commands.filter(({ subcommands }) => subcommands.length > 0);
  return `${HEAD}_skychat_commands() {
${describe(commands)}
}
${families.map(familyFunctions).join("")}
# The words of one command: words[1] is its name.
_skychat_rest() {
  while [[ $words[1] == (cli|config|skychat) ]] && (( CURRENT > 1 )); do
    shift words
    (( CURRENT-- ))
  done
  if (( CURRENT == 1 )); then
    _skychat_commands
    return
  fi
  if [[ $words[1] == app && $words[2] == skychat ]] && (( CURRENT > 2 )); then
    words[2]=()
    (( CURRENT-- ))
  fi
  case $words[1] in
${commands.map(commandCase).join("\n")}
  esac
}

_skychat() {
  local curcontext=$curcontext state state_descr line ret=1
  local -A opt_args
  _arguments -C -S \\
${early.map(argument).join("\n")}
    '*:: :->rest' && ret=0
  if [[ $state == rest ]]; then _skychat_rest && ret=0; fi
  return ret
}

# In $fpath this file is the body of the function; sourced, it only says which one to use.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _skychat "$@"
else
  compdef _skychat skychat
fi
`;
}

/** Offers these commands. */
function describe(commands: readonly CompletionCommand[]): string {
  const described = commands.map(({ word, summary }) =>
    `    ${quote(`${escapeColons(word)}:${summary}`)}`
  );
  return `  local -a commands
  commands=(
${described.join("\n")}
  )
  _describe -t commands command commands`;
}

/** Completes a command that another one has to follow. */
function familyFunctions({ name, flags, subcommands }: CompletionCommand): string {
  return `
_skychat_${name}_rest() {
  if (( CURRENT == 1 )); then
  ${describe(subcommands).replaceAll("\n", "\n  ")}
    return
  fi
  case $words[1] in
${subcommands.map(commandCase).join("\n")}
  esac
}

_skychat_${name}() {
  local curcontext=$curcontext state state_descr line ret=1
  local -A opt_args
  _arguments -C -S \\
${flags.map(argument).join("\n")}
    '*:: :->rest' && ret=0
  if [[ $state == rest ]]; then _skychat_${name}_rest && ret=0; fi
  return ret
}
`;
}

function commandCase(one: CompletionCommand): string {
  const { name, word, flags, subcommands } = one;
  if (subcommands.length > 0) return `    ${word}) _skychat_${name} ;;`;
  const names = name === "keygen" ? "keygen|gen-keys" : word;
  const action = operandSpec(one);
  const lines = flags.map(argument);
  return [
    `    ${names})`,
    "      _arguments -S \\",
    ...lines.map((line) => `    ${line}`),
    `        ${action}`,
    "      ;;",
  ].join("\n");
}

function operandSpec({ operand, beforeAlias, second }: CompletionCommand): string {
  if (operand.kind === "nothing" && second.kind === "nothing") return "&& return 0";
  const action = beforeAlias.length > 0
    ? `{_skychat_after ${beforeAlias.join(" ")}}`
    : actionOf(second);
  const then = action === " " ? "" : ` '2: :${action}'`;
  return `'1: :${actionOf(operand)}'${then} && return 0`;
}

/** One line of `_arguments`, ending in a backslash. */
function argument({ name, short, help, value, isSwitch, offer }: CompletionFlag): string {
  const text = `[${help.replace(/[\\[\]]/g, "\\$&")}]`;
  const message = isSwitch ? "" : `:${escapeColons(value)}:${actionOf(offer)}`;
  const long = isSwitch ? `--${name}` : `--${name}=`;
  if (short === undefined) return `    ${quote(`${long}${text}${message}`)} \\`;
  const brief = isSwitch ? `-${short}` : `-${short}+`;
  const group = quote(`(-${short} --${name})`);
  return `    ${group}{${brief},${long}}${quote(text + message)} \\`;
}

function actionOf(offer: Offer): string {
  switch (offer.kind) {
    case "files":
      return "_files";
    case "aliases":
      return "_skychat_aliases";
    case "words":
      return `(${offer.words.join(" ")})`;
    case "nothing":
      return " ";
  }
}

function escapeColons(text: string): string {
  return text.replace(/[\\:]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

const HEAD = `#compdef skychat
# zsh completion for skychat, made by: skychat completion zsh

# Aliases, from the JSON object that the program prints.
_skychat_aliases() {
  local text name
  local -a names match mbegin mend
  text=$(skychat alias ls --json 2>/dev/null) || return 1
  while [[ $text =~ '"([^"\\\\]+)"[[:space:]]*:[[:space:]]*"[0-9a-fA-F]+"' ]]; do
    names+=("$match[1]")
    text=\${text[MEND+1,-1]}
  done
  compadd -a names
}

# Aliases, right after one of these words.
_skychat_after() {
  if (( \${@[(Ie)$line[1]]} )); then _skychat_aliases; fi
}

`;
