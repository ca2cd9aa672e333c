/** Executables from a bundle, with the runtime of this Deno or with the pinned one. */
import { PINNED_TARGETS, PINNED_VERSION, pinnedRuntime } from "./pinned_runtime.ts";
import { ROOT } from "./source_files.ts";
import { type ChildResult, runChild, say } from "./terminal.ts";

/** Enough to download a runtime on a slow line; a machine without the way fails at once. */
const ORDINARY_TIMEOUT_MS = 120_000;

/** Every target that Deno has a runtime for and that people are given an executable for. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/** What to compile. */
export interface CompileRequest {
  /** Where {@link bundle} left `main.js`. */
  readonly bundle: string;
  /** Permissions and flags of the engine that are baked in. */
  readonly flags: readonly string[];
  readonly target: string;
  /** The executable. Its name is embedded, so two builds agree only under the same name. */
  readonly output: string;
}

/** With which runtime executables are made: all of a release with the same. */
export class Compiler {
  /** The version of Deno inside what it makes. */
  readonly version: string;
  /** Targets that it can compile for. */
  readonly targets: readonly string[];
  readonly #pinned: boolean;

  private constructor(pinned: boolean) {
    this.#pinned = pinned;
    this.version = pinned ? PINNED_VERSION : Deno.version.deno;
    this.targets = pinned ? PINNED_TARGETS : TARGETS;
  }

  /** The pinned runtime, whatever can be downloaded. */
  static pinned(): Compiler {
    return new Compiler(true);
  }

  /**
   * This Deno's own runtime where a trial shows that it can be downloaded, else the pinned one. Says
   * which and why.
   */
  static async find(trial: CompileRequest): Promise<Compiler> {
    const { ok, output } = await run(Deno.execPath(), trial, { timeoutMs: ORDINARY_TIMEOUT_MS });
    if (ok) return new Compiler(false);
    const reason = output.trim().split("\n").at(-1)?.replace(/^\s*\d+: /, "") ?? "";
    say(`the runtime of Deno ${Deno.version.deno} cannot be downloaded here (${reason})`);
    say(`using the pinned runtime ${PINNED_VERSION} from the Python package registry instead`);
    return new Compiler(true);
  }

  /**
   * Compiles for one target.
   *
   * @throws {Error} with what the compiler said
   */
  async compile(request: CompileRequest): Promise<void> {
    const { ok, output } = await this.#run(request);
    if (!ok) throw new Error(`Cannot compile for ${request.target}\n${output}`);
  }

  async #run(request: CompileRequest): Promise<ChildResult> {
    if (!this.#pinned) return run(Deno.execPath(), request, { timeoutMs: ORDINARY_TIMEOUT_MS });
    const { compiler, denort } = await pinnedRuntime(request.target);
    return run(compiler, request, { env: { DENORT_BIN: denort } });
  }
}

function run(
  compiler: string,
  { bundle, flags, target, output }: CompileRequest,
  options: { env?: Record<string, string>; timeoutMs?: number },
): Promise<ChildResult> {
  const args = [
    "compile",
    "--quiet",
    `--config=${bundle}/deno.json`,
    "--no-lock",
    "--no-check",
    // The code cache would live in a shared folder under a name that anybody can guess.
    "--no-code-cache",
    ...flags,
    `--target=${target}`,
    `--output=${output}`,
    `${bundle}/main.js`,
  ];
  return runChild(compiler, args, { cwd: ROOT, ...options });
}
