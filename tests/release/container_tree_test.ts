/** The image that the Dockerfile describes, run in namespaces instead of by an engine. */
import assert from "node:assert/strict";
import { mayBeLeftOut } from "#support/left_out.ts";
import { ROOT } from "#support/spawn.ts";
import manifest from "../../deno.json" with { type: "json" };
import { buildContext } from "./build_context.ts";
import {
  healthOf,
  image,
  inContainers,
  makeKey,
  openLab,
  stop,
  untilServing,
  VOLUME,
} from "./container_scene.ts";
import { hadolint } from "./container_tools.ts";

const volume = VOLUME;
/** The secret key of somebody who sends without a node. */
const SENDER = "0f".repeat(32);

const linter = await hadolint();

Deno.test({
  name: "hadolint finds nothing in the Dockerfile" + (linter ? "" : " (not run: no hadolint)"),
  ignore: mayBeLeftOut(linter !== undefined),
  fn: async () => {
    const lint = new Deno.Command(linter ?? "", { args: [`${ROOT}Dockerfile`] });
    const { code, stdout } = await lint.output();
    assert.equal(new TextDecoder().decode(stdout), "");
    assert.equal(code, 0);
  },
});

Deno.test("Dockerfile pins its bases, names no root user and keeps the version in one place", async () => {
  assert.equal(image.bases.length, 2);
  for (const base of image.bases) {
    assert.match(base, /^[a-z]+:\d+\.\d+(\.\d+)?-[a-z-]+(@sha256:\w+)?$/);
  }
  assert.ok(image.user.uid > 0 && image.user.gid > 0);
  assert.equal(image.labels["org.opencontainers.image.version"], "$VERSION");
  const text = await Deno.readTextFile(`${ROOT}Dockerfile`);
  assert.ok(!text.includes(manifest.version), "the version stands in deno.json alone");
  const wrapper = /npx -y deno@[\d.]+ task /.exec(await Deno.readTextFile(`${ROOT}README.md`))?.[0];
  assert.ok(wrapper && text.includes(wrapper), "Deno is that of the README");
  assert.deepEqual(image.volumes, [image.workdir]);
  assert.equal(image.env["HOME"], image.workdir);
});

Deno.test(".dockerignore lets in what the build reads, and no key, store or other folder", async () => {
  const letsIn = await buildContext();
  for (
    const path of ["deno.json", "deno.lock", ...await modulesOf("main.ts", "scripts/build.ts")]
  ) {
    assert.ok(letsIn(path), `${path} is needed`);
  }
  for (
    const path of [".git/config", "dist/skychat", "local/history.db", "lib/local/x", "key.json"]
      .concat("keysA", "cli/key.json", "scripts/a.db-wal", ".cache/x", "skychat.env", "docs/.env")
  ) {
    assert.ok(!letsIn(path), `${path} must stay out`);
  }
});

/** Every file of this repository that the modules import. */
async function modulesOf(...roots: string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const root of roots) {
    const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json", root], cwd: ROOT });
    const { modules } = JSON.parse(new TextDecoder().decode((await info.output()).stdout));
    for (const { local } of modules) {
      if (typeof local === "string" && local.startsWith(ROOT)) found.add(local.slice(ROOT.length));
    }
  }
  assert.ok(found.size > 100, "the modules of the program are found");
  return [...found];
}

await inContainers("says its version, and refuses to start without a key", async (mode) => {
  await using lab = await openLab(mode);
  const version = await lab.run({ volume, command: ["--version"] });
  assert.deepEqual(version, { code: 0, stdout: `skychat ${manifest.version}`, stderr: "" });
  const keyless = await lab.run({ volume });
  assert.equal(keyless.code, 1);
  assert.match(keyless.stderr, /key\.json: no such file/);
});

await inContainers("writes to its volume and /tmp only, without capabilities", async (mode) => {
  await using lab = await openLab(mode);
  const key = await makeKey(lab);
  const node = await untilServing(await lab.start({ volume }));
  for (const path of ["/etc/x", "/usr/local/bin/x", "/x", "/dev/x", "/var/lib/x"]) {
    const { code, stderr } = await node.exec("sh", "-c", `echo x > ${path}`);
    assert.notEqual(code, 0, `${path} can be written`);
    assert.match(stderr, /Read-only file system/);
  }
  for (const path of ["/tmp/x", `${image.workdir}/x`]) {
    const { code, stderr } = await node.exec("sh", "-c", `echo x > ${path}`);
    assert.equal(code, 0, stderr);
  }
  const { stdout } = await node.exec("cat", "/proc/1/status");
  const { uid, gid } = image.user;
  assert.match(stdout, /^Name:\s+skychat$/m);
  assert.match(stdout, new RegExp(`^Uid:(\\s+${uid}){4}$`, "m"));
  assert.match(stdout, new RegExp(`^Gid:(\\s+${gid}){4}$`, "m"));
  assert.match(stdout, /^CapPrm:\s+0+$/m);
  assert.match(stdout, /^CapEff:\s+0+$/m);
  assert.match(stdout, /^NoNewPrivs:\s+1$/m);
  const named = await node.exec("skychat", "alias", "add", "bob", key);
  assert.equal(named.code, 0, named.stderr);
  assert.ok((await node.exec("skychat", "alias", "ls")).stdout.includes("bob"));
  await stop(node);
});

await inContainers("is healthy while its node answers and unhealthy otherwise", async (mode) => {
  await using lab = await openLab(mode);
  await makeKey(lab);
  const node = await untilServing(await lab.start({ volume }));
  assert.equal(await healthOf(node), 0);
  await node.signal("SIGSTOP");
  assert.notEqual(await healthOf(node), 0, "a node that hangs is not healthy");
  await node.signal("SIGCONT");
  assert.equal(await healthOf(node), 0);
  await stop(node);
  const elsewhere = ["app", "--standalone", "--addr", "127.0.0.1:8009"];
  const other = await untilServing(await lab.start({ volume, command: elsewhere }));
  assert.equal(await healthOf(other), 1, "nobody answers where the node should");
  await stop(other);
});

await inContainers("keeps key and history over a stop and over a crash", async (mode) => {
  await using lab = await openLab(mode);
  const key = await makeKey(lab);
  assert.equal(await makeKey(lab), key, "a second time changes nothing");
  let node = await untilServing(await lab.start({ volume }));
  for (const [round, end] of (["stop", "crash"] as const).entries()) {
    const text = `said before the ${end}`;
    const via = ["send", "--via", `tcp://${key}@127.0.0.1:8800`, "-m", text];
    const sent = await node.exec("skychat", ...via, "--sk", SENDER);
    assert.equal(sent.code, 0, sent.stderr);
    if (end === "stop") await stop(node);
    else {
      await node.signal("SIGKILL");
      assert.notEqual((await node.finished()).code, 0);
    }
    node = await untilServing(await lab.start({ volume }));
    assert.match(await node.running.waitForLog("identity pk="), new RegExp(`pk=${key} `));
    const { stdout } = await node.exec("skychat", "history");
    assert.ok(stdout.includes(text), stdout);
    assert.equal(stdout.split("\n").length, round + 1);
  }
  await stop(node);
});

await inContainers("serves every interface with a password, and health knows it", async (mode) => {
  await using lab = await openLab(mode);
  await makeKey(lab);
  const script = "umask 077; echo s3cret | skychat passwd --form sha256 > password";
  const made = await lab.run({ volume, entrypoint: ["sh"], command: ["-ceu", script] });
  assert.equal(made.code, 0, made.stderr);
  const open = [...image.command, "--addr", "*:8001"];
  const refused = await lab.run({ volume, command: open });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /--password-file/);
  const command = [...open, "--password-file", "password"];
  const unknowing = await untilServing(await lab.start({ volume, command }));
  assert.equal(await healthOf(unknowing), 1);
  await stop(unknowing);
  const env = { SKYCHAT_ADDR: "me:s3cret@127.0.0.1:8001" };
  const node = await untilServing(await lab.start({ volume, command, env }));
  assert.equal(await healthOf(node), 0);
  await stop(node);
});
