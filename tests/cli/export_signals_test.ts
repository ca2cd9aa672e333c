import assert from "node:assert/strict";
import { skychatCommand } from "#support/spawn.ts";

/** The files of a folder by name. */
function contents(folder: string): Record<string, string> {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  return Object.fromEntries(
    names.map((name) => [name, Deno.readTextFileSync(`${folder}/${name}`)]),
  );
}

/** Lets a real `export` get into the middle of its archive, sends the signal, and lists the folder. */
async function interrupted(signal: Deno.Signal): Promise<Record<string, string>> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/backup`, "good");
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    if (new URL(url).pathname === "/status") return Response.json({ persistence_enabled: true });
    return new Response(
      new ReadableStream({
        start(archive) {
          archive.enqueue(new TextEncoder().encode('{"format":"skychat-archive",'));
          begin();
        },
      }),
    );
  });
  const { cmd, args } = skychatCommand();
  const addr = `127.0.0.1:${server.addr.port}`;
  const child = new Deno.Command(cmd, {
    args: [...args, "export", `${folder}/backup`, "--addr", addr],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await begun;
    assert.equal(Object.keys(contents(folder)).length, 2, "the draft is there");
    child.kill(signal);
    await child.status;
    return contents(folder);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
}

for (const signal of ["SIGHUP", "SIGTERM", "SIGINT"] as const) {
  Deno.test(`export leaves the old file and no draft behind on ${signal}`, async () => {
    // Windows ends processes without a word.
    if (Deno.build.os === "windows") return;
    assert.deepEqual(await interrupted(signal), { backup: "good" });
  });
}
