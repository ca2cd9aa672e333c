/** The nginx configuration of docs/OPERATIONS.md, in front of a node with a password. */
import assert from "node:assert/strict";
import operations from "../../docs/OPERATIONS.md" with { type: "text" };
import { openEventStream } from "#support/event_stream.ts";
import { mayBeLeftOut } from "#support/left_out.ts";
import { run, startApp } from "#support/spawn.ts";

const nginx = await which("nginx");

Deno.test({
  // `.ci/run` installs it where it can.
  name: "the documented nginx configuration passes requests and live events" +
    (nginx === undefined ? " (not run: nginx not installed)" : ""),
  ignore: mayBeLeftOut(nginx !== undefined),
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "skychat-proxy-" });
    await Deno.writeTextFile(`${folder}/password`, await passwordLine(), { mode: 0o600 });
    const app = await startApp([
      "--tcp-listen",
      "127.0.0.1:0",
      "--password-file",
      `${folder}/password`,
    ]);
    const port = freePort();
    await Deno.writeTextFile(
      `${folder}/nginx.conf`,
      configuration({ folder, port, app: app.addr }),
    );
    const proxy = new Deno.Command(nginx ?? "", {
      args: ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", "stderr"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const at = `127.0.0.1:${port}`;
      await untilOpen(port);
      const refused = await fetch(`http://${at}/status`);
      assert.equal(refused.status, 401);
      await refused.body?.cancel();

      const stream = await openEventStream(`http://any:s3cret@${at}/sse`);
      const via = `tcp://${app.pk}@${app.tcpAddr}`;
      const sent = await run(["send", "--via", via, "--sk", "0f".repeat(32), "-m", "through"]);
      assert.equal(sent.code, 0, sent.stderr);
      const [event] = await stream.take(1);
      assert.equal(event?.["message"], "through");
      await stream.close();

      const page = {
        authorization: `Basic ${btoa("any:s3cret")}`,
        origin: "https://chat.example.org",
      };
      const own = await post(at, { ...page, "sec-fetch-site": "same-origin" });
      assert.equal(own, 204);
      const foreign = await post(at, { ...page, "sec-fetch-site": "cross-site" });
      assert.equal(foreign, 403);
    } finally {
      proxy.kill("SIGTERM");
      await proxy.status;
      await app.kill();
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** `POST /unread` with these headers: the cheapest thing that changes something. */
async function post(at: string, headers: Record<string, string>): Promise<number> {
  const body = JSON.stringify({ unread: 0 });
  const reply = await fetch(`http://${at}/unread`, { method: "POST", body, headers });
  await reply.body?.cancel();
  return reply.status;
}

async function passwordLine(): Promise<string> {
  const made = await run(["passwd", "--form", "sha256"], { stdin: "s3cret\n" });
  assert.equal(made.code, 0, made.stderr);
  return made.stdout;
}

/** The documented server, on a port of ours and without TLS, in a configuration that needs no root. */
function configuration(
  { folder, port, app }: { folder: string; port: number; app: string },
): string {
  const server = /<!-- nginx:begin -->\s*```nginx\n(.*?)```/s.exec(operations)?.[1];
  assert.ok(server, "the documentation has lost its nginx configuration");
  const ours = server
    .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
    .replace(/^ *ssl_.*\n/gm, "")
    .replaceAll("127.0.0.1:8002", app);
  assert.notEqual(ours, server);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  return `daemon off; master_process off; pid ${folder}/pid; error_log /dev/null;
events {}
http { access_log off; ${temporary}
${ours}
}
`;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function untilOpen(port: number): Promise<void> {
  const deadline = AbortSignal.timeout(10_000);
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      deadline.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function which(name: string): Promise<string | undefined> {
  for (const folder of [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin"]) {
    try {
      if ((await Deno.stat(`${folder}/${name}`)).isFile) return `${folder}/${name}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}
