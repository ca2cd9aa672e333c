import { dirname } from "node:path";

/** The shells that completion scripts are for. */
export type Shell = "bash" | "zsh" | "fish";

/** Longest wait for a shell, ms. */
const DEADLINE_MS = 30_000;

/** Whether this machine has a program. */
export function hasProgram(name: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}

/** What to complete. */
export interface CompletionCase {
  /** The completion script. */
  readonly script: string;
  /** What was typed before the tab. */
  readonly line: string;
  /** What a program called `skychat` prints, which is asked for aliases. */
  readonly aliases?: string;
  /** `COMP_WORDBREAKS` of bash. */
  readonly breaks?: string;
}

/** The candidates that a real shell finds, sorted, as it would insert them. */
export async function completeIn(shell: Shell, question: CompletionCase): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/script`;
    await Deno.writeTextFile(file, question.script);
    const program = `${folder}/skychat`;
    const answer = question.aliases ?? "";
    await Deno.writeTextFile(program, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\n`);
    await Deno.chmod(program, 0o755);
    await Deno.writeTextFile(`${folder}/a file.json`, "");
    await Deno.writeTextFile(`${folder}/a=b:c.json`, "");
    const output = await runShell(shell, DRIVERS[shell](file, question), folder);
    return output.split("\n").filter((text) => text !== "").sort();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a script with this shell and nothing of the tester's configuration. */
export async function runShell(shell: Shell, script: string, cwd: string): Promise<string> {
  const bare = { bash: ["--norc", "--noprofile"], zsh: ["-f"], fish: ["--no-config"] };
  const { code, stdout, stderr } = await new Deno.Command(shell, {
    args: [...bare[shell], "-c", script],
    cwd,
    clearEnv: true,
    env: {
      PATH: `${cwd}:${Deno.env.get("PATH")}:${dirname(Deno.execPath())}`,
      HOME: cwd,
      TERM: "xterm",
      LC_ALL: "C.UTF-8",
    },
    stdin: "null",
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).output();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`${shell} ended with ${code}: ${text.decode(stderr)}`);
  if (stderr.length > 0) throw new Error(`${shell} complains: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

const DRIVERS: Readonly<Record<Shell, (file: string, question: CompletionCase) => string>> = {
  bash: bashDriver,
  zsh: zshDriver,
  fish: (file, { line }) =>
    `source ${file}; complete -C ${quote(line)} | string replace -r '\\t.*' ''; true`,
};

/** Does what readline does: cuts the line, calls the function, prints what it found. */
function bashDriver(file: string, { line, breaks = " \t\n\"'><=;|&(:" }: CompletionCase): string {
  const cutting = [..."=:"].filter((character) => breaks.includes(character)).join("");
  const pattern = cutting === "" ? /\S+/g : new RegExp(`[${cutting}]+|[^\\s${cutting}]+`, "g");
  const words = [...line.match(pattern) ?? []];
  if (/\s$/.test(line)) words.push("");
  return `set -eu
COMP_WORDBREAKS=${quote(breaks)}
source ${file}
COMP_WORDS=(${words.map(quote).join(" ")})
COMP_CWORD=${words.length - 1}
COMP_LINE=${quote(line)}
COMP_POINT=\${#COMP_LINE}
complete -p skychat | grep -q -- '-F _skychat'
_skychat
for word in \${COMPREPLY[@]+"\${COMPREPLY[@]}"}; do printf '%s\\n' "$word"; done`;
}

/** Types the line and a tab into an interactive zsh whose `compadd` also tells what it is given. */
function zshDriver(file: string, { line }: CompletionCase): string {
  const setup = `PS1= RPS1=; setopt nounset; autoload -Uz compinit; compinit -D -u; source ${file}
compadd() {
  local -a hits
  [[ " $* " == *" -"[OAD]" "* ]] || { builtin compadd -A hits "$@"; print -rl -- "$IPREFIX"$^hits >> hits }
  builtin compadd "$@"
}
finish() { print -r -- "@@"end"@@"; exit }
comppostfuncs=(finish)`;
  return `zmodload zsh/zpty; : > hits
zpty shell zsh -f -i
zpty -w shell ${quote(setup)}
zpty -w -n shell ${quote(line)}$'\\t'
zpty -r shell output '*@@end@@*'
zpty -d shell
cat hits`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
