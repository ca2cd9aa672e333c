/** The lines of the user document, as they stand there, with this program installed as `skywire`. */
import assert from "node:assert/strict";
import { mayBeLeftOut } from "#support/left_out.ts";
import { skychatCommand } from "#support/spawn.ts";

const PEER_SK = "0c".repeat(32);

/** A shell in a folder where `skywire` is this program, and what its lines printed. */
class Shell {
  readonly folder: string;
  readonly #started: Deno.ChildProcess[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Shell> {
    const folder = await Deno.makeTempDir({ prefix: "skychat-document-" });
    const { cmd, args } = skychatCommand();
    const words = [cmd, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    await Deno.writeTextFile(`${folder}/skywire`, `#!/bin/sh\nexec ${words} "$@"\n`, {
      mode: 0o755,
    });
    return new Shell(folder);
  }

  /** Runs one line to its end. */
  async line(text: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await this.#command(text).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: decode(stdout), stderr: decode(stderr) };
  }

  /** Starts a node with one line; resolves with the addresses from its log when it serves. */
  async start(text: string): Promise<{ http: string; tcp: string; pk: string }> {
    const child = this.#command(`exec ${text}`).spawn();
    this.#started.push(child);
    const log: string[] = [];
    const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`The node ended:\n${log.join("")}`);
      log.push(value);
      const http = /Serving HTTP on (\S+)/.exec(log.join(""))?.[1];
      if (http === undefined) continue;
      void drain(reader);
      const found = (pattern: RegExp) => pattern.exec(log.join(""))?.[1] ?? "";
      const tcp = found(/tcp-direct listening on (\S+)/);
      return { http, tcp, pk: found(/identity pk=([0-9a-f]{66})/) };
    }
  }

  /** Stops everything that was started, by id, and removes the folder. */
  async close(): Promise<void> {
    for (const child of this.#started) {
      child.kill("SIGTERM");
      await child.stdout.cancel();
      await child.status;
    }
    await Deno.remove(this.folder, { recursive: true });
  }

  #command(text: string): Deno.Command {
    return new Deno.Command("bash", {
      args: ["-c", text],
      cwd: this.folder,
      env: { PATH: `${this.folder}:${Deno.env.get("PATH") ?? ""}`, NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}

/** Programs that the document's lines call besides ours. */
async function missing(names: readonly string[]): Promise<string[]> {
  const looked = await Promise.all(names.map(async (name) => {
    const found = await new Deno.Command("bash", {
      args: ["-c", `command -v ${name}`],
      stdout: "null",
    }).output();
    return found.success ? [] : [name];
  }));
  return looked.flat();
}

const absent = await missing(["curl", "jq", "nc"]);

Deno.test({
  // `.ci/run` installs them where it can; the walkthrough test does without.
  name: "the user document's lines work: server, verification with curl, jq and nc, history" +
    (absent.length > 0 ? ` (not run: ${absent.join(", ")} not installed)` : ""),
  ignore: mayBeLeftOut(absent.length === 0),
  fn: async () => {
    const shell = await Shell.open();
    try {
      await Deno.writeTextFile(`${shell.folder}/peer.json`, JSON.stringify({ sk: PEER_SK }), {
        mode: 0o600,
      });
      const keys = await shell.line("skywire cli config gen-keys");
      const [, serverSk = ""] = keys.stdout.split("\n");
      await Deno.writeTextFile(
        `${shell.folder}/skywire-config.json`,
        JSON.stringify({ version: "x", sk: serverSk, dmsg: {} }),
        { mode: 0o600 },
      );
      const { SecretKey } = await import("#crypto");
      const peer = SecretKey.parse(PEER_SK).publicKey.hex;
      await Deno.writeTextFile(`${shell.folder}/persist-peers.txt`, `# friends\n${peer}\n`);

      const { http, tcp, pk } = await shell.start(
        `skywire app skychat --standalone --addr 127.0.0.1:0 --tcp-listen :0 ` +
          `--tcp-whitelist ${peer} -c ./skywire-config.json --persist ` +
          `--persist-db ./data/history.db --persist-per-peer-cap 500 --persist-ttl 30 ` +
          `--persist-seed 50 --persist-whitelist ./persist-peers.txt`,
      );
      const port = tcp.slice(tcp.lastIndexOf(":") + 1);

      const status = await shell.line(`curl -s http://${http}/status | jq`);
      assert.equal(status.code, 0, status.stderr);
      assert.equal(JSON.parse(status.stdout).persistence_enabled, true);
      assert.ok(status.stdout.split("\n").length > 10, "jq prints one key a line");

      const reachable = await shell.line(`nc -zv 127.0.0.1 ${port}`);
      assert.equal(reachable.code, 0, reachable.stderr);

      const ping = await shell.line(
        `skywire cli skychat send --via tcp://${pk}@127.0.0.1:${port} ` +
          `-c ./peer.json -w 8s -m "ping"`,
      );
      assert.match(
        ping.stdout,
        new RegExp(`^Acked by ${pk} in \\d+ms \\(id=[0-9a-f]{16}, via tcp\\)\n$`),
      );
      assert.equal(ping.code, 0, ping.stderr);

      const stored = await shell.line(`curl -s http://${http}/history | jq -r '.[].text'`);
      assert.equal(stored.stdout, "ping\n");
      const shown = await shell.line(`skywire cli skychat history --addr ${http}`);
      assert.match(shown.stdout, /^\S+Z \[in @ [0-9a-f]{66}\] ping\n$/);
      const refused = await shell.line(`skywire cli skychat pair list --addr ${http}`);
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /pair-rpc-disabled .*pairing disabled \(visor RPC unavailable\)/,
      );
    } finally {
      await shell.close();
    }
  },
});
