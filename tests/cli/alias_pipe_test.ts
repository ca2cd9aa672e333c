import assert from "node:assert/strict";
import { run } from "#support/spawn.ts";

Deno.test("a pipe as alias file stops no command", async () => {
  if (Deno.build.os === "windows") return;
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/skywire/skychat-aliases.json`;
    await Deno.mkdir(`${folder}/skywire`);
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const env = { XDG_CONFIG_HOME: folder };
    const send = await run(["send", "-t", "bob", "-m", "x"], { env });
    assert.match(send.stderr, /^skychat: aliases not read: .*: not an ordinary file\n/);
    const list = await run(["alias", "ls"], { env });
    assert.equal(list.stderr, `skychat: ${path}: not an ordinary file\n`);
    assert.equal(list.code, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
