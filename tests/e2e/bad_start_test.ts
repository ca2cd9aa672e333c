/** The exit codes and texts of cli.md 2.3 and noise.md 4, as users see them. */
import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { systemRandom } from "#kit";
import { denoNetwork } from "#net";
import { classicalHandshake, readToEnd } from "#support/classical_peer.ts";
import { run, type RunResult, startApp } from "#support/spawn.ts";

const SK = "0a".repeat(32);
const LISTENING = ["--tcp-listen", "127.0.0.1:0"];

/** What is wrong, the flags, and the last line of stderr without time and source. */
const refusals: readonly [name: string, flags: readonly string[], last: string | RegExp][] = [
  ["--addr is no address", ["--addr", "8002"], /^ERROR invalid --addr "8002": use :PORT /],
  [
    "--addr is open to others and there is no password",
    ["--addr", "0.0.0.0:0"],
    /^ERROR refusing to serve 0\.0\.0\.0:0 without a password, .*--password-file FILE.*--no-password/,
  ],
  ["--sk is bad", [...LISTENING, "--sk", "zz"], "ERROR tcp-direct: --sk: Invalid secret key"],
  [
    "the -c file is missing",
    [...LISTENING, "-c", "/no/such"],
    "ERROR tcp-direct: -c /no/such: read /no/such: no such file or directory",
  ],
  [
    "no key of the whitelist is valid",
    [...LISTENING, "--sk", SK, "--tcp-whitelist", "x"],
    "ERROR tcp-direct: --tcp-whitelist holds no valid key: refusing to listen, " +
    "since an empty list would let everybody in",
  ],
  ["a flag does not exist", ["--tcp-lisen", ":1"], /^skychat: unknown option '--tcp-lisen'/],
  ["a value is missing", ["--tcp-listen"], /^skychat: .*--tcp-listen/],
  [
    "a flag is not in this build yet",
    ["--os-notify"],
    "skychat: --os-notify: not in this build yet",
  ],
  [
    "the password file is a folder",
    ["--password-file", "/"],
    /^ERROR password file \/: is a directory/,
  ],
];

/** The line of stderr that says why, without the time and source of a log line. */
function verdict(stderr: string): string {
  const lines = stderr.trimEnd().split("\n").filter((line) => !line.startsWith("  "));
  return (lines.at(-1) ?? "").replace(/^\[\S+\] (\w+) \[skychat-standalone\]:/, "$1");
}

function assertRefused(
  { code, stdout, stderr }: { code: number; stdout: string; stderr: string },
  expected: string | RegExp,
): void {
  const said = verdict(stderr);
  if (typeof expected === "string") assert.equal(said, expected);
  else assert.match(said, expected);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.doesNotMatch(stderr, /Serving HTTP|Uncaught/);
}

for (const [name, flags, last] of refusals) {
  Deno.test(`app exits 1 and says why when ${name}`, async () => {
    const ended = await run(["app", "--standalone", "--addr", "127.0.0.1:0", ...flags]);
    assertRefused(ended, last);
  });
}

Deno.test("app exits 1 and says why when the file of -c is no JSON, without quoting it", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, `{"sk": ${SK}}`);
    const ended = await run(["app", "--standalone", ...LISTENING, "-c", path]);
    assertRefused(ended, `ERROR tcp-direct: -c ${path}: parse ${path}: not valid JSON`);
    assert.ok(!ended.stderr.includes(SK));
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("app exits 1 and says why when its control port is taken", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const addr = `127.0.0.1:${listener.addr.port}`;
  const ended = await run(["app", "--standalone", "--addr", addr, ...LISTENING, "--sk", SK]);
  assertRefused(
    ended,
    `ERROR HTTP server error on ${addr}: listen tcp ${addr}: bind: address already in use — ` +
      "is another skychat running? stop it, or choose another --addr",
  );
  assert.doesNotMatch(ended.stderr, /tcp-direct listening/);
});

/** Runs `send --via`, with or without `SKYWIRE_REQUIRE_PQ`. */
function sendVia(
  peer: { pk: string; address: string },
  { env = {}, wait }: { env?: Readonly<Record<string, string>>; wait: string },
): Promise<RunResult> {
  const via = `tcp://${peer.pk}@${peer.address}`;
  return run(["send", "--via", via, "--sk", SK, "-w", wait, "-m", "hello"], { env });
}

Deno.test("send --via refuses a classical peer under SKYWIRE_REQUIRE_PQ, else warns", async () => {
  const secret = SecretKey.generate(systemRandom);
  const listener = denoNetwork.listen("127.0.0.1", 0);
  const peer = { pk: secret.publicKey.hex, address: listener.address };
  const serveOne = async () => {
    const stream = await listener.accept();
    if (await classicalHandshake(stream, { local: secret }) === "established") {
      await readToEnd(stream);
    }
  };
  try {
    let served = serveOne();
    const refused = await sendVia(peer, { env: { SKYWIRE_REQUIRE_PQ: "1" }, wait: "0" });
    await served;
    assertRefused(
      refused,
      `skychat: tcpnoise: handshake (server pinned to ${peer.pk}): post-quantum required ` +
        "(SKYWIRE_REQUIRE_PQ) but the session negotiated classical-only — refusing the handshake",
    );
    served = serveOne();
    const sent = await sendVia(peer, { wait: "0" });
    await served;
    assert.match(sent.stderr, /^skychat: post-quantum DOWNGRADE: /);
    assert.equal(sent.stdout, `Message sent to ${peer.pk} via tcp\n`);
    assert.equal(sent.code, 0);
  } finally {
    listener.close();
  }
});

Deno.test("a node and send --via speak ML-KEM with each other under SKYWIRE_REQUIRE_PQ", async () => {
  const env = { SKYWIRE_REQUIRE_PQ: "1" };
  const app = await startApp(LISTENING, { env });
  try {
    const sent = await sendVia({ pk: app.pk, address: app.tcpAddr }, { env, wait: "8s" });
    assert.match(sent.stdout, new RegExp(`^Acked by ${app.pk} in `));
    assert.deepEqual([sent.code, sent.stderr], [0, ""]);
  } finally {
    await app.kill();
  }
});
