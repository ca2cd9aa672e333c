import assert from "node:assert/strict";
import { runTest } from "#support/cli_run.ts";
import { FakeApp } from "#support/fake_app.ts";

const ID = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";

async function group(args: readonly string[], { headers = "" }: { headers?: string } = {}) {
  const app = new FakeApp((_request, reply) => reply.write(`HTTP/1.1 204 X\r\n${headers}\r\n`));
  const result = await runTest(["group", ...args], { network: app.network });
  const asked = app.requests.map(({ method, path, body }) => `${method} ${path} ${body}`.trim());
  return { ...result, asked };
}

const texts: readonly [args: readonly string[], text: string][] = [
  [["send", ID, "hello"], "hello"],
  [["send", ID, "hello", "", "big  world"], "hello  big  world"],
  [["send", ID, "-m", "hello world"], "hello world"],
  [["send", "--message=--raw", ID], "--raw"],
  [["send", ID, "--", "-m", "x"], "-m x"],
  [["send", ID, "list", "help"], "list help"],
  [["send", ID, '{"skychat_delete":{}}\n'], '{"skychat_delete":{}}\n'],
];

for (const [args, text] of texts) {
  Deno.test(`group ${JSON.stringify(args.slice(1))} sends ${JSON.stringify(text)}`, async () => {
    const asked = [`POST /group/${ID}/send ${JSON.stringify({ text })}`];
    assert.deepEqual(await group(args), { code: 0, stdout: `sent to ${ID}\n`, stderr: "", asked });
    const json = await group(["--json", ...args]);
    assert.deepEqual(json, { code: 0, stdout: "", stderr: "", asked });
  });
}

Deno.test("group send asks for an id as it is in the path, and tells of a full disk", async () => {
  const { asked } = await group(["send", "the team/ä?#%", "x"]);
  assert.deepEqual(asked, ['POST /group/the%20team%2F%C3%A4%3F%23%25/send {"text":"x"}']);
  const headers = "X-Skychat-Ts-Nano: 1789000000123456789\r\nX-Skychat-Stored: false\r\n";
  const unkept = await group(["send", ID, "x"], { headers });
  assert.equal(unkept.stdout, `sent to ${ID}\n`);
  assert.match(unkept.stderr, /^the app could not write it to its disk/);
  const json = await group(["send", ID, "x", "--json"], { headers });
  assert.deepEqual([json.stdout, json.stderr], ["", ""]);
});

for (
  const [word, nanos] of [
    ["1789000000123456789", "1789000000123456789"],
    ["2026-09-10T00:26:40.123456789Z", "1789000000123456789"],
    ["2026-09-10T02:26:40+02:00", "1789000000000000000"],
  ] as const
) {
  Deno.test(`group unsend takes ${word} back`, async () => {
    assert.deepEqual(await group(["unsend", ID, word]), {
      code: 0,
      stdout: `unsent ${nanos} from ${ID}\n`,
      stderr: "",
      asked: [`DELETE /group/${ID}/message?ts=${nanos}`],
    });
  });
}

const mistakes: readonly [args: readonly string[], text: string][] = [
  [["send"], "group send: wants ID and a text"],
  [["send", ID], "group send: what? give a text behind the id"],
  [["send", ID, ""], "group send: what? give a text behind the id"],
  [["send", ID, "-m", ""], "group send: what? give a text behind the id"],
  [["send", ID, "-m", "a", "b"], "group send: give the text as words or with --message, not both"],
  [["unsend", ID], "group unsend: wants ID and TIME"],
  ...["0", "-5", "1.5", "x", "9223372036854775808", "2026-09-10", "1969-01-01T00:00:00Z"].map(
    (ts): typeof mistakes[number] => [
      ["unsend", ID, "--", ts],
      `invalid ts (want UnixNano int): "${ts}" is no time of a message`,
    ],
  ),
];

for (const [args, text] of mistakes) {
  Deno.test(`group ${JSON.stringify(args)} is refused before anybody is asked`, async () => {
    const { code, stdout, stderr, asked } = await group(args);
    assert.equal(stderr.split("\n")[0], `skychat: ${text}`);
    assert.deepEqual({ code, stdout, asked }, { code: 1, stdout: "", asked: [] });
  });
}
