import { ROOT, skychatCommand } from "./spawn.ts";

/** Longest wait for something on the screen, and for the end of the program, ms. */
const DEADLINE_MS = 20_000;

/** Runs a program in a terminal of 24 rows and 80 columns, and tells about it in JSON at the end. */
const DRIVER = `
import fcntl, json, os, select, struct, sys, termios
master, slave = os.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(slave, number)
    os.execvp(sys.argv[1], sys.argv[1:])
print(pid, file=sys.stderr, flush=True)
keys = [0]
code = None
while True:
    ready = select.select([master] + keys, [], [], 0.02)[0]
    if master in ready:
        os.write(1, os.read(master, 65536))
        continue
    if 0 in ready:
        typed = os.read(0, 65536)
        if typed: os.write(master, typed)
        else: keys = []
        continue
    if code is not None:
        break
    done, status = os.waitpid(pid, os.WNOHANG)
    if done: code = os.waitstatus_to_exitcode(status)
print(json.dumps({"code": code, "restored": termios.tcgetattr(slave) == before}), file=sys.stderr)
`;

/** How a program in a terminal ended. */
export interface PtyEnd {
  readonly code: number;
  /** Whether echo, line editing and the like are as they were before. */
  readonly restored: boolean;
}

/** The program under test in a terminal of its own. */
export interface Pty {
  /** Everything that was written to the terminal so far. */
  readonly output: string;
  type(text: string): Promise<void>;
  /** Waits until the terminal was sent something that matches. */
  waitFor(pattern: RegExp): Promise<void>;
  signal(name: Deno.Signal): void;
  /** Waits for the end. */
  ended(): Promise<PtyEnd>;
  /** Ends it at once; more than once does no harm. */
  kill(): Promise<void>;
}

/** Starts the program in a terminal. Needs python3, whose standard library has one. */
export async function startInPty(args: readonly string[]): Promise<Pty> {
  const command = skychatCommand();
  const child = new Deno.Command("python3", {
    args: ["-c", DRIVER, command.cmd, ...command.args, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", TERM: "xterm-256color" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const pty = new PtyProcess(child);
  await pty.started();
  return pty;
}

class PtyProcess implements Pty {
  output = "";
  #report = "";
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #read: Promise<unknown>;
  readonly #waiting = new Set<() => void>();

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#keys = child.stdin.getWriter();
    this.#read = Promise.all([
      this.#collect(child.stdout, (text) => this.output += text),
      this.#collect(child.stderr, (text) => this.#report += text),
    ]);
  }

  async started(): Promise<void> {
    await this.#until(() => this.#report.includes("\n"), "the program's start");
  }

  async type(text: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(text));
  }

  async waitFor(pattern: RegExp): Promise<void> {
    await this.#until(() => pattern.test(this.output), String(pattern));
  }

  signal(name: Deno.Signal): void {
    Deno.kill(Number.parseInt(this.#report), name);
  }

  async ended(): Promise<PtyEnd> {
    await this.#until(() => this.#report.includes("{"), "the program's end");
    await this.#close();
    return JSON.parse(this.#report.slice(this.#report.indexOf("{")));
  }

  async kill(): Promise<void> {
    if (!this.#report.includes("{")) this.signal("SIGKILL");
    await this.#close();
  }

  async #close(): Promise<void> {
    await this.#keys.close().catch(() => {});
    await this.#read;
    await this.#child.status;
  }

  async #collect(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    take: (text: string) => void,
  ): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      take(text);
      for (const look of this.#waiting) look();
    }
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    const found = Promise.withResolvers<void>();
    const look = () => {
      if (holds()) found.resolve();
    };
    const timer = setTimeout(() => {
      const seen = JSON.stringify(this.output.slice(-2_000) + this.#report);
      found.reject(new Error(`Waited ${DEADLINE_MS} ms for ${what}; seen: ${seen}`));
    }, DEADLINE_MS);
    this.#waiting.add(look);
    look();
    try {
      await found.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }
}
