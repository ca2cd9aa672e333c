/**
 * A copy of this machine to install packages into, thrown away as a whole: the file system with a layer in
 * memory over it, processes, network and control groups of its own. Needs root, and no container engine.
 */

/** How long a command inside may take; dpkg also runs what other packages hang onto it. */
const COMMAND_LIMIT_MS = 120_000;

/**
 * Holds the copy until its stdin ends, which is also what happens when the test is killed. Nothing is left
 * then: the layer is memory of a mount namespace, and the processes are those of a process namespace.
 */
const HOLDER = `
folder=$(mktemp -d /tmp/skychat-scratch-XXXXXX)
unshare --mount --propagation private --pid --fork --kill-child --net --ipc --uts --cgroup \\
  sh -c "$1" scratch "$folder" "$2" </dev/null &
cat >/dev/null
kill -KILL $!
wait
rmdir "$folder"
`;

/** Runs as the first process inside, and says which process that is as soon as all is in place. */
const SETUP = `
set -e
read -r pid rest </proc/self/stat
mount -t tmpfs -o mode=755 scratch "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" scratch "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p .outside
pivot_root . .outside
cd /
umount -l .outside
ip link set lo up
if [ "$2" = systemd ]; then
  mkdir -p /sys/fs/cgroup
  mount -t cgroup2 cgroup /sys/fs/cgroup
  # Only what follows: the units of this machine would mount its disks and set up its kernel.
  for folder in /usr/lib/systemd/system /etc/systemd/system /usr/lib/systemd/system-generators; do
    mkdir -p "$folder"
    mount -t tmpfs -o mode=755 tmpfs "$folder"
  done
  for name in sysinit basic multi-user network-online time-sync shutdown umount; do
    printf '[Unit]\\nDefaultDependencies=no\\n' >"/usr/lib/systemd/system/$name.target"
  done
  # Container images forbid services to start; this is a machine that runs them.
  rm -f /usr/sbin/policy-rc.d
  echo "$pid"
  export container=scratch
  exec /lib/systemd/systemd --unit=multi-user.target --log-target=null >/dev/null 2>&1
fi
echo "$pid"
exec sleep infinity
`;

/** What a command inside left behind. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of this machine to its end, in the language that the tests expect. */
export async function runProgram(program: string, args: readonly string[]): Promise<Outcome> {
  const command = new Deno.Command(program, {
    args: [...args],
    env: { LC_ALL: "C.UTF-8" },
    stdin: "null",
  });
  return outcomeOf(await command.output());
}

/** Whether this machine has a program: a name, or a path. */
export async function isInstalled(program: string): Promise<boolean> {
  return (await runProgram("sh", ["-c", 'command -v "$1"', "sh", program])).code === 0;
}

function outcomeOf({ code, stdout, stderr }: Deno.CommandOutput): Outcome {
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** One copy of the machine. */
export class ScratchRoot implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;
  readonly #pid: string;

  private constructor(holder: Deno.ChildProcess, pid: string) {
    this.#holder = holder;
    this.#pid = pid;
  }

  /** Makes a copy, with systemd as its first process or with none. */
  static async make(kind: "systemd" | "bare"): Promise<ScratchRoot> {
    const holder = new Deno.Command("sh", {
      args: ["-c", HOLDER, "holder", SETUP, kind],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const pid = await firstLine(holder.stdout);
    const scratch = new ScratchRoot(holder, pid);
    if (pid === "") {
      await scratch[Symbol.asyncDispose]();
      throw new Error("Cannot make a scratch root: see stderr");
    }
    return scratch;
  }

  /** Starts a program inside, as root and with a bare environment. */
  start(args: readonly string[], options: { stdin?: "piped" | "null" } = {}): Deno.ChildProcess {
    const inside = [
      "--target",
      this.#pid,
      "--mount",
      "--pid",
      "--net",
      "--ipc",
      "--uts",
      "--cgroup",
    ];
    return new Deno.Command("nsenter", {
      args: [...inside, "--root", "--wd", "--", ...args],
      clearEnv: true,
      env: {
        PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        LC_ALL: "C.UTF-8",
        HOME: "/root",
        DEBIAN_FRONTEND: "noninteractive",
      },
      stdin: options.stdin ?? "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Runs a program inside to its end. */
  async run(...args: readonly string[]): Promise<Outcome> {
    const child = this.start(args);
    const timer = setTimeout(() => child.kill("SIGKILL"), COMMAND_LIMIT_MS);
    try {
      return outcomeOf(await child.output());
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs a program that must succeed and returns its stdout. */
  async must(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Writes a file inside. */
  async put(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const child = this.start(["dd", "status=none", `of=${path}`], { stdin: "piped" });
    const output = child.output();
    const writer = child.stdin.getWriter();
    await writer.write(bytes);
    await writer.close();
    const { success, stderr } = await output;
    if (!success) throw new Error(`Cannot write ${path}: ${new TextDecoder().decode(stderr)}`);
  }

  /** Ends everything inside, and forgets it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close().catch(() => {});
    await this.#holder.status;
  }
}

/** The first line of a stream, which is then left alone; "" when it ends before. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += new TextDecoder().decode(value);
  }
  await reader.cancel();
  return text.trim();
}
