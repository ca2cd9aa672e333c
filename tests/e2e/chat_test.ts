import assert from "node:assert/strict";
import { mayBeLeftOut } from "#support/left_out.ts";
import { type Pty, startInPty } from "#support/pty.ts";
import { hasProgram } from "#support/shell_completion.ts";
import { type App, run, startApp } from "#support/spawn.ts";

const ignore = mayBeLeftOut(hasProgram("python3"));
const reason = ignore ? " (python3, which makes the terminal, is not installed here)" : "";

/** Two nodes that know each other; the chat runs at the first. */
async function withTwoNodes(body: (near: App, far: App) => Promise<void>): Promise<void> {
  const far = await startApp(["--tcp-listen", "127.0.0.1:0", "--sk", "0b".repeat(32)]);
  let near: App | undefined;
  try {
    const peer = `tcp://${far.pk}@${far.tcpAddr}`;
    near = await startApp(["--tcp-peer", peer, "--sk", "0a".repeat(32)]);
    await near.waitForLog("tcp-peer connected to");
    await body(near, far);
  } finally {
    await near?.kill();
    await far.kill();
  }
}

/** The program has given the terminal back in every respect. */
async function assertRestored(pty: Pty): Promise<void> {
  const { code, restored } = await pty.ended();
  assert.equal(code, 0, pty.output);
  assert.equal(restored, true, "raw mode is still on");
  assert.equal(pty.output.split("\x1b[?1049h").length, 2);
  assert.ok(pty.output.endsWith("\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"), pty.output);
}

Deno.test({
  name: `chat sends, receives, and gives the terminal back after Esc${reason}`,
  ignore,
  fn: () =>
    withTwoNodes(async (near, far) => {
      const chat = await startInPty(["chat", "--addr", near.addr, "-t", far.pk]);
      try {
        await chat.waitFor(/Enter sends/);
        await chat.type("hello far\r");
        await chat.waitFor(/✓ {2}me: hello far/);
        // The node at the other end learns whom it talks to from the link.
        const args = [
          "send",
          "--addr",
          far.addr,
          "-t",
          await ownKey(near),
          "-m",
          "hello\x1b[2J near",
        ];
        const sent = await run(args);
        assert.equal(sent.code, 0, sent.stderr);
        await chat.waitFor(/: hello\\x1b\[2J near/);
        await chat.type("\x1b");
        await assertRestored(chat);
      } finally {
        await chat.kill();
      }
    }),
});

Deno.test({
  name: `chat gives the terminal back after SIGTERM, and while the app is away${reason}`,
  ignore,
  async fn() {
    const pk = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    const app = await startApp([]);
    const chat = await startInPty(["chat", "--addr", app.addr, "-t", pk]);
    try {
      await chat.waitFor(/Enter sends/);
      await app.kill();
      await chat.waitFor(/app lost: /);
      chat.signal("SIGTERM");
      await assertRestored(chat);
    } finally {
      await chat.kill();
      await app.kill();
    }
  },
});

Deno.test("chat says that it needs a terminal", async () => {
  const pk = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
  const { code, stdout, stderr } = await run(["chat", "-t", pk]);
  assert.deepEqual([code, stdout, stderr], [1, "", "skychat: chat needs a terminal\n"]);
});

async function ownKey(app: App): Promise<string> {
  const answer = await fetch(`http://${app.addr}/status`);
  return (await answer.json()).visor_pk;
}
