import assert from "node:assert/strict";
import { ROOT, skychatCommand, startOther } from "#support/spawn.ts";

/** How the README and the task itself tell people to run any command. */
const PREFIX = "npx -y deno@2.9.6 task -q skychat";

/** What `deno task start` runs, with this Deno instead of the one in the path. */
async function startTask(): Promise<{ cmd: string; args: readonly string[] }> {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [program, ...args] = config.tasks.start.command.split(" ");
  assert.equal(program, "deno");
  return { cmd: Deno.execPath(), args };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

// Where the tests are an executable themselves there are no sources to start.
const ignore = Deno.build.standalone;
const NAME = "deno task start prints a command that sends to the node it started" +
  (ignore ? " (not run: there are no sources here)" : "");

Deno.test(NAME, { ignore }, async () => {
  // Always from source: the task is for people who have the sources.
  const node = startOther(await startTask());
  try {
    await node.waitForOutput("Stop with Ctrl-C.");
    const text = node.output.join("\n");
    assert.match(text, new RegExp(`^key:   ${node.pk}$`, "m"));
    assert.match(text, new RegExp(`^page:  http://${node.addr}/$`, "m"));
    const printed = /^ {2}npx [^]*?-m "hello"$/m.exec(text)?.[0] ?? "";
    assert.equal(printed.split(PREFIX).length, 3, text);
    const { cmd, args } = skychatCommand();
    const script = printed.replaceAll(PREFIX, [cmd, ...args].map(quoted).join(" "));
    const send = startOther({ cmd: "sh", args: ["-c", script] });
    await send.waitForOutput(`Acked by ${node.pk} in `);
    assert.equal(await node.stop("SIGINT"), 0);
    await send.kill();
  } finally {
    await node.kill();
  }
});
