import { fileURLToPath } from "node:url";
import { RUN_FLAGS } from "../../scripts/permissions.ts";

/**
 * The folder of the repository; where the tests run when they are an executable themselves, which has
 * no sources around it.
 */
export const ROOT: string = Deno.build.standalone
  ? `${Deno.cwd()}/`
  : fileURLToPath(new URL("../..", import.meta.url));

/** Longest wait for a started node to serve, for a log line, and for a one-shot to end. */
const DEADLINE_MS = 20_000;
/** How long a node gets to stop by itself before it is killed. */
const STOP_DEADLINE_MS = 10_000;

/** How to start the program. */
export interface SkychatCommand {
  readonly cmd: string;
  /** Arguments that come before the program's own. */
  readonly args: readonly string[];
}

/**
 * The program under test: the executable that SKYCHAT_BIN names, else the sources with the
 * permissions that are baked into the executable. SKYCHAT_EMULATOR is for executables of other
 * machines: a command and arguments to put before it, separated by spaces.
 */
export function skychatCommand(): SkychatCommand {
  const compiled = Deno.env.get("SKYCHAT_BIN");
  const [emulator, ...options] = Deno.env.get("SKYCHAT_EMULATOR")?.split(" ") ?? [];
  if (compiled && emulator) {
    return { cmd: emulator, args: [...options, Deno.realPathSync(compiled)] };
  }
  if (compiled) return { cmd: Deno.realPathSync(compiled), args: [] };
  return {
    cmd: Deno.execPath(),
    args: ["run", "--config", `${ROOT}deno.json`, ...RUN_FLAGS, `${ROOT}main.ts`],
  };
}

/** What a process may be given besides its arguments. */
export interface SpawnOptions {
  /** Variables added to a bare environment; the tester's own keys and addresses never leak in. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Everything a finished one-shot left behind. */
export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. A process that outlives `timeoutMs` is killed and the call throws. */
export async function run(
  args: readonly string[],
  options: SpawnOptions & { readonly stdin?: string; readonly timeoutMs?: number } = {},
): Promise<RunResult> {
  const { stdin, timeoutMs = DEADLINE_MS } = options;
  const child = spawn(args, { ...options, stdin: stdin === undefined ? "null" : "piped" });
  const output = Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.status,
    stdin === undefined ? undefined : feed(child, stdin),
  ]);
  try {
    const [stdout, stderr, { code }] = await within(output, timeoutMs, `skychat ${args.join(" ")}`);
    return { code, stdout, stderr };
  } catch (error) {
    signal(child, "SIGKILL");
    await output;
    throw error;
  }
}

/** A program that runs as a process of its own. */
export interface Running {
  readonly pid: number;
  /** Every line of its stderr so far. */
  readonly logs: readonly string[];
  /** Every line of its stdout so far. */
  readonly output: readonly string[];
  /** The first line of stderr, past or to come, that contains or matches the pattern. */
  waitForLog(pattern: string | RegExp, timeoutMs?: number): Promise<string>;
  /** The same for stdout. */
  waitForOutput(pattern: string | RegExp, timeoutMs?: number): Promise<string>;
  /** Asks it to stop and returns the exit code; kills it when it does not listen. */
  stop(signal?: "SIGTERM" | "SIGINT"): Promise<number>;
  /** The exit code, once it ended. */
  readonly ended: Promise<number>;
  /** Ends it at once, as a crash would. More than once does no harm. */
  kill(): Promise<void>;
}

/** A node that runs as a process of its own. */
export interface App extends Running {
  /** The control surface's `host:port`, with the real port. */
  readonly addr: string;
  /** Where it accepts links, with the real port; empty when it does not. */
  readonly tcpAddr: string;
  /** Where it serves its feed, with the real port; empty when it does not. */
  readonly cxoAddr: string;
  /** Its public key; empty when it has no network that needs one. */
  readonly pk: string;
}

/**
 * Starts `app --standalone --addr 127.0.0.1:0` with more flags and waits until it serves. Throws with
 * its log when it ends before that. Later flags win, so `--addr` can be given again.
 */
export async function startApp(
  flags: readonly string[] = [],
  options: SpawnOptions & { readonly timeoutMs?: number } = {},
): Promise<App> {
  const args = ["app", "--standalone", "--addr", "127.0.0.1:0", ...flags];
  const app = new AppProcess(spawn(args, options));
  try {
    await app.waitForLog("Serving HTTP on ", options.timeoutMs);
  } catch (error) {
    await app.kill();
    throw error;
  }
  return app;
}

/**
 * Starts the node as a visor does, with this value of `PROC_CONFIG`, and waits until it serves. Its stock
 * arguments begin with `app skychat`.
 */
export async function startEmbedded(
  procConfig: string,
  flags: readonly string[] = [],
  { env, ...options }: SpawnOptions = {},
): Promise<App> {
  const args = ["app", "skychat", "--addr", "127.0.0.1:0", ...flags];
  const app = new AppProcess(spawn(args, { ...options, env: { ...env, PROC_CONFIG: procConfig } }));
  try {
    await app.waitForOutput("Serving HTTP on ");
  } catch (error) {
    await app.kill();
    throw new Error(`${error}\n${app.logs.join("\n")}`);
  }
  return app;
}

/** Starts a command that runs until it is stopped, such as `listen`. */
export function startCommand(args: readonly string[], options: SpawnOptions = {}): Running {
  return new AppProcess(spawn(args, options));
}

/** Starts another program than the one under test, in the same surroundings. */
export function startOther(command: SkychatCommand, options: SpawnOptions = {}): App {
  return new AppProcess(spawn([], { ...options, command }));
}

/** The lines of one stream of a process. */
class Lines {
  readonly all: string[] = [];
  #over = false;
  readonly #waiting = new Set<() => void>();

  waitFor(pattern: string | RegExp, timeoutMs = DEADLINE_MS): Promise<string> {
    const found = Promise.withResolvers<string>();
    const look = () => {
      const line = this.all.find((text) =>
        typeof pattern === "string" ? text.includes(pattern) : text.search(pattern) >= 0
      );
      if (line !== undefined) found.resolve(line);
      else if (this.#over) found.reject(new Error(`Cannot see "${pattern}": the process ended`));
    };
    this.#waiting.add(look);
    look();
    return within(found.promise, timeoutMs, `the line "${pattern}"`)
      .catch((error) => {
        throw new Error(`${error.message}; its lines:\n${this.all.join("\n")}`);
      })
      .finally(() => this.#waiting.delete(look));
  }

  async collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      this.all.push(...lines);
      for (const look of this.#waiting) look();
    }
    if (rest !== "") this.all.push(rest);
    this.#over = true;
    for (const look of this.#waiting) look();
  }
}

class AppProcess implements App {
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<number>;
  readonly #stderr = new Lines();
  readonly #stdout = new Lines();

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    // Both are read always: an unread pipe would stop the process once it is full.
    const read = [this.#stderr.collect(child.stderr), this.#stdout.collect(child.stdout)];
    this.#ended = Promise.all([child.status, ...read]).then(([status]) => status.code);
  }

  get ended(): Promise<number> {
    return this.#ended;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get logs(): readonly string[] {
    return this.#stderr.all;
  }

  get output(): readonly string[] {
    return this.#stdout.all;
  }

  get addr(): string {
    return this.#capture(/Serving HTTP on (\S+)/);
  }

  get tcpAddr(): string {
    return this.#capture(/tcp-direct listening on (\S+)/);
  }

  get cxoAddr(): string {
    return this.#capture(/cxo feed publishing as pk=[0-9a-f]+ on (\S+)/);
  }

  get pk(): string {
    return this.#capture(/(?:tcp-direct identity|cxo feed publishing as) pk=([0-9a-f]+)/);
  }

  waitForLog(pattern: string | RegExp, timeoutMs?: number): Promise<string> {
    return this.#stderr.waitFor(pattern, timeoutMs);
  }

  waitForOutput(pattern: string | RegExp, timeoutMs?: number): Promise<string> {
    return this.#stdout.waitFor(pattern, timeoutMs);
  }

  async stop(name: "SIGTERM" | "SIGINT" = "SIGTERM"): Promise<number> {
    signal(this.#child, name);
    try {
      return await within(this.#ended, STOP_DEADLINE_MS, `the process's end after ${name}`);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  async kill(): Promise<void> {
    signal(this.#child, "SIGKILL");
    await this.#ended;
  }

  #capture(pattern: RegExp): string {
    for (const line of [...this.logs, ...this.output]) {
      const found = pattern.exec(line)?.[1];
      if (found !== undefined) return found;
    }
    return "";
  }
}

interface SpawnCall extends SpawnOptions {
  readonly stdin?: "null" | "piped";
  readonly command?: SkychatCommand;
}

function spawn(
  args: readonly string[],
  { env = {}, cwd = ROOT, stdin = "null", command = skychatCommand() }: SpawnCall,
): Deno.ChildProcess {
  return new Deno.Command(command.cmd, {
    args: [...command.args, ...args],
    cwd,
    clearEnv: true,
    env: { ...surroundings(), ...env },
    stdin,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** The little of the tester's environment that a process needs to run at all. */
function surroundings(): Record<string, string> {
  const kept: Record<string, string> = { NO_COLOR: "1" };
  for (const name of ["PATH", "HOME", "TMPDIR", "DENO_DIR", "TZ"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

async function feed(child: Deno.ChildProcess, text: string): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It ended without reading: its exit code tells the test more than this would.
  }
}

function signal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch {
    // It ended already, which is what the signal was for.
  }
}

async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
