/**
 * Containers without an engine: the tree of the image in namespaces of its own, set up the way
 * `docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges` does.
 *
 * One process holds the whole laboratory: number 1 of a PID namespace, it ends when its stdin closes,
 * that is when the test ends in whatever way, and the kernel then ends everything inside and takes
 * the mounts away.
 */
import type { Image } from "./container_file.ts";
import { findProgram, makeTree } from "./container_tree.ts";
import { type Running, startOther } from "#support/spawn.ts";

/** As an engine started by root does it, or as one of an ordinary user: with a user namespace. */
export type Mode = "rootful" | "rootless";

/** How a container is started. */
export interface ContainerOptions {
  /** Takes the place of the image's CMD. */
  readonly command?: readonly string[];
  /** Takes the place of the image's ENTRYPOINT. */
  readonly entrypoint?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Name of the volume; containers of one name share it. */
  readonly volume: string;
  /** Name of the machine: one of those that the laboratory was opened with. */
  readonly host?: string;
}

/** What a command that has ended left behind. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const ONE_SHOT_LIMIT_MS = 30_000;

/** Why no container can be made here, or undefined. */
export async function whyNoContainers(mode: Mode): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "not Linux";
  for (const name of ["unshare", "nsenter", "setpriv", "mount", "ip", "ldd"]) {
    if (await findProgram(name) === undefined) return `${name} not installed`;
  }
  if (mode === "rootful" && Deno.uid() !== 0) return "not root";
  const args = [...namespacesOf(mode), "ip", "link", "add", "one", "type", "veth"];
  const { success } = await new Deno.Command("unshare", { args, stderr: "null" }).output();
  return success ? undefined : "no namespaces for this user";
}

function namespacesOf(mode: Mode): string[] {
  const user = mode === "rootless" ? ["--user", "--map-root-user"] : [];
  return [...user, "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
}

/** Machines on one bridge, or a single one with nothing but its loopback. */
const OPEN_SCRIPT = `set -eu
mount -t tmpfs tmpfs /run
[ $# -eq 1 ] || { ip link add bridge type bridge; ip link set bridge up; }
number=1
for host; do
  ip netns add "$host"
  ip -n "$host" link set lo up
  if [ $# -gt 1 ]; then
    number=$((number + 1))
    ip link add "to-$host" type veth peer name eth0 netns "$host"
    ip link set "to-$host" master bridge up
    ip -n "$host" addr add "10.77.0.$number/24" dev eth0
    ip -n "$host" link set eth0 up
  fi
done
echo ready
exec cat`;

/** Process 1 of a container, until it becomes the program. */
const START_SCRIPT = `set -eu
tree=$1 state=$2 volume=$3 hosts=$4; shift 4
mount --bind "$tree" "$tree"
mount --bind "$state" "$tree$volume"
mount --bind "$hosts" "$tree/etc/hosts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$tree/tmp"
mount -t tmpfs -o mode=0755,nosuid tmpfs "$tree/dev"
for name in null zero full random urandom; do
  : > "$tree/dev/$name"
  mount --bind "/dev/$name" "$tree/dev/$name"
done
mount -o remount,bind,ro,nosuid "$tree/dev"
mount -t proc proc "$tree/proc"
mount -o remount,bind,ro,nosuid,nodev "$tree"
exec "$@"`;

/** The place where containers of one image run. */
export class Lab {
  readonly #mode: Mode;
  readonly #image: Image;
  readonly #folder: string;
  readonly #holder: Deno.ChildProcess;
  #inside = 0;

  private constructor(mode: Mode, { image, folder, holder }: {
    image: Image;
    folder: string;
    holder: Deno.ChildProcess;
  }) {
    this.#mode = mode;
    this.#image = image;
    this.#folder = folder;
    this.#holder = holder;
  }

  /** Makes the tree and the machines; {@link Lab.close} takes everything away again. */
  static async open(
    mode: Mode,
    { image, built, hosts = ["node"] }: {
      image: Image;
      built: Readonly<Record<string, string>>;
      hosts?: readonly string[];
    },
  ): Promise<Lab> {
    const folder = await Deno.makeTempDir({ prefix: "skychat-image-" });
    // Others have to get through it: in a rootful container the node is another user than we are.
    await Deno.chmod(folder, 0o711);
    const holder = new Deno.Command("unshare", {
      args: [...namespacesOf(mode), "sh", "-c", OPEN_SCRIPT, "sh", ...hosts],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lab = new Lab(mode, { image, folder, holder });
    try {
      const plan = { image, built, root: `${folder}/tree`, mayChown: mode === "rootful" };
      await makeTree(plan);
      const names = hosts.map((host, index) => `10.77.0.${index + 2} ${host}\n`);
      await Deno.writeTextFile(`${folder}/hosts`, ["127.0.0.1 localhost\n", ...names].join(""));
      await lab.#untilReady();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  async #untilReady(): Promise<void> {
    const reader = this.#holder.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    if (!new TextDecoder().decode(value).includes("ready")) {
      throw new Error("Cannot make the namespaces");
    }
    const inside = await childOf(this.#holder.pid);
    if (inside === undefined) throw new Error("Cannot find the process that holds the namespaces");
    this.#inside = inside;
  }

  /** Starts a container, as `docker run` does. */
  async start(options: ContainerOptions): Promise<Container> {
    const words = [
      ...(options.entrypoint ?? this.#image.entrypoint),
      ...(options.command ?? this.#image.command),
    ];
    const env = { PATH, ...this.#image.env, ...options.env };
    const running = startOther({ cmd: "nsenter", args: await this.#runArgs(options, words) }, {
      env,
      cwd: "/",
    });
    return new Container(running, (pid, command) => ({
      cmd: "nsenter",
      args: this.#execArgs(pid, command),
      env,
    }));
  }

  /** Runs a container to its end, as `docker run --rm` does. */
  async run(options: ContainerOptions): Promise<Finished> {
    const container = await this.start(options);
    return await container.finished();
  }

  async #runArgs(
    { volume, host = "node" }: ContainerOptions,
    words: readonly string[],
  ): Promise<string[]> {
    const { user: { uid, gid }, workdir, volumes: [path = ""] } = this.#image;
    const tree = `${this.#folder}/tree`;
    const identity = this.#mode === "rootful"
      ? [`--setgid=${gid}`, `--setuid=${uid}`]
      : [`--map-user=${uid}`, `--map-group=${gid}`];
    return [
      ...this.#enter(),
      ...["nsenter", `--net=/run/netns/${host}`],
      ...["unshare", "--mount", "--pid", "--fork"],
      ...["sh", "-c", START_SCRIPT, "sh", tree, await this.#volume(volume, path), path],
      `${this.#folder}/hosts`,
      ...["setpriv", "--no-new-privs"],
      ...["unshare", `--root=${tree}`, `--wd=${workdir}`, ...identity, "--"],
      ...words,
    ];
  }

  /** As `docker exec`: the namespaces, the root and the user of the container. */
  #execArgs(pid: number, command: readonly string[]): string[] {
    const { user: { uid, gid } } = this.#image;
    const identity = this.#mode === "rootful"
      ? [`--setgid=${gid}`, `--setuid=${uid}`]
      : ["--user", "--preserve-credentials"];
    return [
      ...this.#enter(),
      ...["setpriv", "--no-new-privs", "nsenter", `--target=${pid}`, "--mount", "--net", "--pid"],
      ...["--root", "--wd", ...identity, "--"],
      ...command,
    ];
  }

  #enter(): string[] {
    const user = this.#mode === "rootless" ? ["--user", "--preserve-credentials"] : [];
    return [`--target=${this.#inside}`, ...user, "--mount", "--pid", "--"];
  }

  /** A new named volume gets owner and mode of the folder in the image that it is mounted on. */
  async #volume(name: string, path: string): Promise<string> {
    const folder = `${this.#folder}/volume-${name}`;
    try {
      await Deno.mkdir(folder);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return folder;
      throw error;
    }
    const { uid, gid, mode } = await Deno.stat(`${this.#folder}/tree${path}`);
    await Deno.chmod(folder, (mode ?? 0o700) & 0o777);
    if (this.#mode === "rootful") await Deno.chown(folder, uid, gid);
    return folder;
  }

  /** Ends every container, and with them their mounts, and removes the files. */
  async close(): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.status;
    if (!this.#holder.stdout.locked) await this.#holder.stdout.cancel();
    await Deno.remove(this.#folder, { recursive: true });
  }

  /** For `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

type ExecCommand = { cmd: string; args: string[]; env: Record<string, string> };

/** A container that was started. */
export class Container {
  readonly running: Running;
  readonly #exec: (pid: number, command: readonly string[]) => ExecCommand;

  constructor(
    running: Running,
    exec: (pid: number, command: readonly string[]) => ExecCommand,
  ) {
    this.running = running;
    this.#exec = exec;
  }

  /** Runs a command inside, as `docker exec` does. */
  async exec(...command: string[]): Promise<Finished> {
    const status = await Deno.readTextFile(
      `/proc/${await lastDescendant(this.running.pid)}/status`,
    );
    // Its numbers in our namespace, in that of the laboratory, and in its own, which has to be 1.
    const numbers = /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split(/\s+/).map(Number) ?? [];
    if (numbers.at(-1) !== 1) throw new Error(`Cannot exec: process 1 is ${numbers}`);
    const { cmd, args, env } = this.#exec(numbers.at(-2) ?? 0, command);
    return await finish(startOther({ cmd, args }, { env, cwd: "/" }));
  }

  /** Sends a signal to process 1, as `docker kill --signal` does. */
  async signal(name: Deno.Signal): Promise<void> {
    Deno.kill(await lastDescendant(this.running.pid), name);
  }

  /** What it left behind, once it has ended. */
  finished(): Promise<Finished> {
    return finish(this.running);
  }
}

async function finish(running: Running): Promise<Finished> {
  let isLate = false;
  const timer = setTimeout(async () => {
    isLate = true;
    Deno.kill(await lastDescendant(running.pid), "SIGKILL");
  }, ONE_SHOT_LIMIT_MS);
  try {
    const code = await running.ended;
    const [stdout, stderr] = [running.output.join("\n"), running.logs.join("\n")];
    // Killed, it has a code that could pass for a refusal.
    if (isLate) throw new Error(`Waited ${ONE_SHOT_LIMIT_MS} ms for its end:\n${stderr}`);
    return { code, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

async function childOf(pid: number): Promise<number | undefined> {
  const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return children.trim() === "" ? undefined : Number(children.trim().split(" ")[0]);
}

/** The last of a line of processes, each with one child: those before it only wait for it. */
async function lastDescendant(pid: number): Promise<number> {
  const child = await childOf(pid);
  return child === undefined ? pid : await lastDescendant(child);
}
