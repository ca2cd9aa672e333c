import { fileURLToPath } from "node:url";

/** A server that a part started in a process of its own. */
export interface FloorProcess<Ports> {
  readonly pid: number;
  /** What it printed when it was ready. */
  readonly ready: Ports;
  stop(): Promise<void>;
}

/**
 * Starts a script of `floor/` with this runtime and waits for the JSON line it prints when it is ready.
 * It ends when its standard input does, so it never outlives the bench.
 */
export async function startFloor<Ports>(
  script: string,
  args: readonly string[] = [],
): Promise<FloorProcess<Ports>> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "-A", "--config", CONFIG, floorScript(script), ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot use floor/${script}: it ended before it was ready`);
    text += value;
  }
  return {
    pid: child.pid,
    ready: JSON.parse(text),
    async stop() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}

/** The repository's configuration, so that scripts of `floor/` see the same aliases. */
export const CONFIG: string = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** Path of a script of `floor/`. */
export function floorScript(name: string): string {
  return fileURLToPath(new URL(`floor/${name}`, import.meta.url));
}

/** Milliseconds of processor time that all threads of a process have used (Linux). */
export async function processorTime(pid: number): Promise<number> {
  let nanoseconds = 0;
  for await (const task of Deno.readDir(`/proc/${pid}/task`)) {
    try {
      const text = await Deno.readTextFile(`/proc/${pid}/task/${task.name}/schedstat`);
      nanoseconds += Number(text.split(" ")[0]);
    } catch {
      // A thread that ended in between: the others are what counts.
    }
  }
  return nanoseconds / 1_000_000;
}

/** Resident memory of a process in KiB (Linux). */
export async function residentKibibytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

/**
 * Runs an action while this process and the others share one processor, then frees them again. Without
 * `taskset` it just runs the action and the result says so.
 */
export async function onOneProcessor<T>(
  pids: readonly number[],
  action: () => Promise<T>,
): Promise<{ result: T; pinned: boolean }> {
  const all = [Deno.pid, ...pids];
  const pinned = await setProcessors(all, "0");
  try {
    return { result: await action(), pinned };
  } finally {
    if (pinned) await setProcessors(all, `0-${navigator.hardwareConcurrency - 1}`);
  }
}

async function setProcessors(pids: readonly number[], list: string): Promise<boolean> {
  try {
    const done = await Promise.all(
      pids.map((pid) =>
        new Deno.Command("taskset", {
          args: ["-acp", list, String(pid)],
          stdout: "null",
          stderr: "null",
        }).output()
      ),
    );
    return done.every(({ success }) => success);
  } catch {
    return false;
  }
}
