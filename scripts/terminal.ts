/** How the scripts talk: plain lines on stdout, and children whose output is kept. */

/** Writes one line to stdout. */
export function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** What a finished child process left behind. */
export interface ChildResult {
  readonly ok: boolean;
  /** stdout and then stderr, colours stripped. */
  readonly output: string;
}

/**
 * Runs a program to its end without a terminal. Its environment is ours, except that ordinary errors
 * stay short (no RUST_BACKTRACE) and that TLS also trusts the machine's own authorities, which a
 * proxy that re-signs needs. A child that outlives `timeoutMs` is killed and counts as failed.
 */
export async function runChild(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<ChildResult> {
  const child = new Deno.Command(command, {
    args: [...args],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    clearEnv: true,
    env: { ...childEnvironment(), ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(options.timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(options.timeoutMs) }),
  });
  try {
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { ok: success, output: withoutColours(decoder.decode(stdout) + decoder.decode(stderr)) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { ok: false, output: `${command} is not installed\n` };
  }
}

function childEnvironment(): Record<string, string> {
  const { RUST_BACKTRACE: _, ...kept } = Deno.env.toObject();
  return { DENO_TLS_CA_STORE: "system,mozilla", DENO_NO_UPDATE_CHECK: "1", ...kept };
}

/** The same text without terminal colours. */
export function withoutColours(text: string): string {
  // deno-lint-ignore no-control-regex -- the escape character starts every colour
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}
