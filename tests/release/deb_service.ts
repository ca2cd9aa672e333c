/** The two ways to run the service of the Debian package in a scratch root. */
import type { ScratchRoot } from "./scratch_root.ts";

const UNIT = "/usr/lib/systemd/system/skychat.service";

/** Starts and stops the node of the package. */
export interface NodeService {
  /** Starts it unless it runs, and returns once the start was accepted. */
  start(): Promise<void>;
  /** Sends SIGTERM and returns the exit code. */
  stop(): Promise<number>;
}

/** As the service manager of the scratch root runs it, with everything that the unit forbids. */
export function managedService(scratch: ScratchRoot): NodeService {
  return {
    start: async () => {
      await scratch.must("systemctl", "start", "skychat");
    },
    stop: async () => {
      await scratch.must("systemctl", "stop", "skychat");
      const result = await scratch.must("systemctl", "show", "-P", "Result", "skychat");
      if (result !== "success\n") throw new Error(`The service stopped with ${result}`);
      return Number(await scratch.must("systemctl", "show", "-P", "ExecMainStatus", "skychat"));
    },
  };
}

/**
 * As the unit's own lines say, by hand: its user, folder and mask, its ExecStartPre and ExecStart with the
 * variables of its EnvironmentFile, and no service manager.
 */
export function handRunService(scratch: ScratchRoot): NodeService {
  let node: Deno.ChildProcess | undefined;
  return {
    start: async () => {
      const unit = settingsOf(await scratch.must("cat", UNIT));
      const file = await scratch.must("cat", need(unit, "EnvironmentFile"));
      const [prepare, run] = ["ExecStartPre", "ExecStart"].map((name) =>
        asUser(unit, commandLine(need(unit, name), settingsOf(file)))
      );
      await scratch.must(...prepare ?? []);
      node = scratch.start(run ?? []);
    },
    stop: async () => {
      if (node === undefined) throw new Error("The node was not started");
      await scratch.must("sh", "-c", "kill -TERM $(cat /run/node.pid)");
      const { code } = await node.output();
      node = undefined;
      return code;
    },
  };
}

/** `NAME=value` lines of a unit or an environment file; quotes around a value are not part of it. */
function settingsOf(text: string): ReadonlyMap<string, string> {
  const found = text.matchAll(/^(\w+)=("?)(.*)\2$/gm);
  return new Map([...found].map(([, name = "", , value = ""]) => [name, value]));
}

function need(settings: ReadonlyMap<string, string>, name: string): string {
  const value = settings.get(name);
  if (value === undefined) throw new Error(`The unit has no ${name}`);
  return value;
}

/** Words as systemd makes them: a `$NAME` of its own becomes the words of that variable. */
function commandLine(line: string, variables: ReadonlyMap<string, string>): string[] {
  return line.split(" ").flatMap((word) => {
    if (!word.startsWith("$")) return [word];
    const value = variables.get(word.slice(1));
    if (value === undefined) throw new Error(`The configuration does not set ${word}`);
    return value.split(" ").filter((part) => part !== "");
  });
}

/** The command as the unit's user. The shells give way to it, so its process is the one that is noted. */
function asUser(unit: ReadonlyMap<string, string>, command: readonly string[]): string[] {
  const [user, group, mask] = ["User", "Group", "UMask"].map((name) => need(unit, name));
  const change = ["setpriv", `--reuid=${user}`, `--regid=${group}`, "--init-groups"];
  const surroundings = ["env", "-i", "-C", need(unit, "WorkingDirectory"), "PATH=/usr/bin:/bin"];
  const script = `echo $$ >/run/node.pid; umask ${mask}; exec "$@"`;
  return ["sh", "-c", script, "sh", ...change, ...surroundings, ...command];
}
