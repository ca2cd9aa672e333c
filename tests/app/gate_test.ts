import assert from "node:assert/strict";
import { TestNode } from "#support/test_node.ts";

/** A password file with these contents, for one test. */
async function withFile(text: string, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, text);
  try {
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

// SHA-256 of "s3cretNaCl" (http-api.md 2.1).
const LINE = "4e61436c:7626a65e9e5690c9abf77ece242da4785f4856a133c0c1a90425e6bfb677665b";

for (
  const [what, text] of [
    ["no separator", "s3cret\n"],
    ["a digest that is too short", "4e61436c:00ff\n"],
    ["a bcrypt line", "$2y$10$abcdefghijklmnopqrstuv\n"],
  ] as const
) {
  Deno.test(`a node does not start when its password file holds ${what}`, async () => {
    await withFile(text, async (path) => {
      const { code, lines } = await TestNode.fail({ config: { passwordFile: path } });
      assert.equal(code, 1);
      const last = lines.at(-1) ?? "";
      assert.ok(last.startsWith(`ERROR password file ${path}: `), last);
      assert.ok(!last.includes(text.trim()), "the line must not be repeated");
    });
  });
}

Deno.test("a good password file closes every route and opens other addresses", async () => {
  await withFile(`  ${LINE}\n\n`, async (path) => {
    const node = await TestNode.start({ config: { passwordFile: path, addr: "0.0.0.0:0" } });
    try {
      const reply = await fetch(`${node.url.replace("0.0.0.0", "127.0.0.1")}/status`);
      assert.deepEqual([reply.status, await reply.text()], [
        401,
        "skychat: authentication required\n",
      ]);
    } finally {
      await node.stop();
    }
  });
});

Deno.test("--internal-token lets a proxy in without the password, and nothing else does", async () => {
  await withFile(LINE, async (passwordFile) => {
    const node = await TestNode.start({ config: { passwordFile, internalToken: "t0ken" } });
    const statusWith = async (token: string) => {
      const headers = { "X-Skychat-Internal-Token": token };
      const reply = await fetch(`${node.url}/status`, { headers });
      await reply.body?.cancel();
      return reply.status;
    };
    try {
      assert.equal(await statusWith("t0ken"), 200);
      assert.equal(await statusWith("token"), 401);
    } finally {
      await node.stop();
    }
    const without = await TestNode.start({ config: { passwordFile } });
    const headers = { "X-Skychat-Internal-Token": "undefined" };
    const reply = await fetch(`${without.url}/status`, { headers });
    await reply.body?.cancel();
    assert.equal(reply.status, 401);
    await without.stop();
  });
});

for (const [what, text] of [["blank", " \n"], ["missing", undefined]] as const) {
  Deno.test(`a password file that is ${what} protects nothing, and the log says so`, async () => {
    await withFile(text ?? "", async (path) => {
      const passwordFile = text === undefined ? `${path}.none` : path;
      const node = await TestNode.start({ config: { passwordFile, internalToken: "t" } });
      const reply = await fetch(`${node.url}/status`);
      await reply.body?.cancel();
      assert.equal(reply.status, 200);
      await node.stop();
      assert.ok(node.log.lines.includes(
        `WARN password file ${passwordFile}: missing or blank: the control surface has no password`,
      ));
      const open = await TestNode.fail({ config: { passwordFile, addr: "0.0.0.0:0" } });
      assert.match(open.lines.at(-1) ?? "", /refusing to serve 0\.0\.0\.0:0 without a password/);
    });
  });
}
