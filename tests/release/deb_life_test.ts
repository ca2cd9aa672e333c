/** The Debian packages in a copy of this machine: installed, run, upgraded, removed, purged. */
import assert from "node:assert/strict";
import { canAnalyze, canEmulate, cleanUpInTheEnd, debTest, packageFor } from "./deb_orders.ts";
import { handRunService, managedService, type NodeService } from "./deb_service.ts";
import { isInstalled, type Outcome, runProgram, ScratchRoot } from "./scratch_root.ts";

const NEWER = "99.0.0";

const ROOT_ONLY = "root, systemd, util-linux, iproute2 and curl";

const canScratch = canAnalyze && Deno.uid() === 0 && await isInstalled("curl") &&
  await isInstalled("ip") && (await runProgram("unshare", ["-mpfnCiu", "true"])).code === 0;
const canBoot = canScratch && await isInstalled("/lib/systemd/systemd");

cleanUpInTheEnd();

debTest(
  "lives from install to purge without a service manager",
  canScratch,
  ROOT_ONLY,
  async () => {
    await using scratch = await ScratchRoot.make("bare");
    // A user of that name who has no group of that name, as whoever made it by hand may have left it.
    await scratch.must("useradd", "--no-user-group", "--gid", "nogroup", "_skychat");
    const program = "/usr/bin/skychat";
    const service = handRunService(scratch);
    await life(scratch, { architecture: "amd64", program, service, startsItself: false });
  },
);

debTest(
  "the arm64 package lives from install to purge, its program under qemu",
  canScratch && canEmulate,
  `qemu-user-static, ${ROOT_ONLY}`,
  async () => {
    await using scratch = await ScratchRoot.make("bare");
    // dpkg puts the program aside, and what runs it stands in its place.
    const program = "/usr/bin/skychat.arm64";
    const divert = ["--local", "--rename", "--add", "/usr/bin/skychat"];
    await scratch.must("dpkg-divert", "--divert", program, ...divert);
    const wrapper =
      `#!/bin/sh\nexec qemu-aarch64-static -L /usr/aarch64-linux-gnu ${program} "$@"\n`;
    await scratch.put("/usr/bin/skychat", new TextEncoder().encode(wrapper));
    await scratch.must("chmod", "755", "/usr/bin/skychat");
    const service = handRunService(scratch);
    await life(scratch, { architecture: "arm64", program, service, startsItself: false });
  },
);

debTest("lives from install to purge under systemd", canBoot, ROOT_ONLY, async () => {
  await using scratch = await ScratchRoot.make("systemd");
  const program = "/usr/bin/skychat";
  const service = managedService(scratch);
  await life(scratch, { architecture: "amd64", program, service, startsItself: true });
});

const STATE = "/var/lib/skychat";
const CONFIG = "/etc/skychat/skychat.conf";

interface Life {
  /** Debian's name of the machine. */
  readonly architecture: string;
  /** Where the package's program is. */
  readonly program: string;
  readonly service: NodeService;
  /** Whether installing starts the node. */
  readonly startsItself: boolean;
}

async function life(scratch: ScratchRoot, given: Life): Promise<void> {
  const { architecture, service, startsItself } = given;
  await install(scratch, await packageFor(architecture));
  assert.equal((await isServing(scratch, startsItself)).code === 0, startsItself);
  const verified = await scratch.run("systemd-analyze", "verify", "skychat.service");
  assert.deepEqual(verified, { code: 0, stdout: "", stderr: "" });

  await service.start();
  const key = await visorKey(scratch);
  const files = await scratch.must("stat", "-c", "%a %U:%G %n", STATE, `${STATE}/key.json`);
  assert.equal(files, `700 _skychat:_skychat ${STATE}\n600 _skychat:_skychat ${STATE}/key.json\n`);
  assert.equal(await service.stop(), 0);

  const links = 's/^LINKS=""$/LINKS="--tcp-listen 127.0.0.1:8800"/';
  await scratch.must("sed", "-i", links, CONFIG);
  await service.start();
  assert.equal(await visorKey(scratch), key);
  const via = ["--via", `tcp://${key}@127.0.0.1:8800`, "--sk", "0f".repeat(32), "-w", "20s"];
  await scratch.must("skychat", "send", ...via, "-m", "kept across the upgrade");
  if (startsItself) await upgradeWhileRunning(scratch);
  else {
    assert.equal(await service.stop(), 0);
    await install(scratch, await packageFor(architecture, NEWER));
    await service.start();
  }
  assert.equal(await visorKey(scratch), key);
  assert.match(await scratch.must("cat", CONFIG), /^LINKS="--tcp-listen 127\.0\.0\.1:8800"$/m);
  assert.match(await scratch.must("skychat", "history"), /kept across the upgrade/);
  assert.equal(await service.stop(), 0);
  await removeAndPurge(scratch, given);
}

/** The running node is replaced by the new one; one that its owner switched off stays off. */
async function upgradeWhileRunning(scratch: ScratchRoot): Promise<void> {
  const show = (name: string) => scratch.must("systemctl", "show", "-P", name, "skychat");
  const before = await show("MainPID");
  const newer = await packageFor("amd64", NEWER);
  await install(scratch, newer);
  assert.equal(await show("ActiveState"), "active\n");
  assert.notEqual(await show("MainPID"), before);
  await scratch.must("systemctl", "disable", "--now", "skychat");
  await install(scratch, newer);
  assert.equal(await show("ActiveState"), "inactive\n");
  assert.equal((await scratch.run("systemctl", "is-enabled", "skychat")).stdout, "disabled\n");
  await scratch.must("systemctl", "enable", "--now", "skychat");
  // Whoever tries out flags restarts it often, which is no reason to give it up.
  await scratch.must("systemctl", "reset-failed", "skychat");
  for (let round = 0; round < 6; round++) await scratch.must("systemctl", "restart", "skychat");
}

/** Removing stops the node and keeps its state and configuration, purging leaves neither. */
async function removeAndPurge(scratch: ScratchRoot, { program, service }: Life): Promise<void> {
  const state = [`${STATE}/key.json`, `${STATE}/history.db`];
  const version = await scratch.must("dpkg-query", "-W", "-f", "${Version}", "skychat");
  assert.equal(version, NEWER);
  await service.start();
  await isServing(scratch, true);
  const isManaged = (await scratch.run("systemctl", "is-active", "skychat")).code === 0;
  if (!isManaged) await service.stop();
  await scratch.must("dpkg", "--remove", "skychat");
  assert.notEqual((await isServing(scratch, false)).code, 0);
  assert.notEqual((await scratch.run("test", "-e", program)).code, 0);
  await scratch.must("ls", ...state, CONFIG);
  // On a disk of its own the folder itself cannot go; what is in it must.
  if (!isManaged) await scratch.must("mount", "--bind", STATE, STATE);
  await scratch.must("dpkg", "--purge", "skychat");
  if (!isManaged) await scratch.must("sh", "-c", `umount ${STATE} && rmdir ${STATE}`);
  const left = await scratch.run("ls", "-d", STATE, "/etc/skychat", "/usr/libexec/skychat");
  assert.equal(left.stdout, "");
  assert.notEqual((await scratch.run("dpkg-query", "-W", "skychat")).code, 0);
}

async function install(scratch: ScratchRoot, path: string): Promise<void> {
  await scratch.put("/root/skychat.deb", await Deno.readFile(path));
  // A package for another machine depends on that machine's libraries, which qemu is given by its path.
  const force = ["--force-architecture", "--force-depends"];
  const isOwn = path.endsWith("_amd64.deb");
  await scratch.must("dpkg", ...(isOwn ? [] : force), "--install", "/root/skychat.deb");
}

/** Asks for the health of the node; curl itself waits for one that is about to serve. */
function isServing(scratch: ScratchRoot, wait: boolean): Promise<Outcome> {
  const patience = wait ? ["--retry", "20", "--retry-delay", "1", "--retry-connrefused"] : [];
  return scratch.run("curl", "-sf", "-m", "60", ...patience, "http://127.0.0.1:8001/healthz");
}

/** The public key that the node says it has, once it serves and is well. */
async function visorKey(scratch: ScratchRoot): Promise<string> {
  assert.deepEqual(await isServing(scratch, true), { code: 0, stdout: "ok\n", stderr: "" });
  const status: unknown = JSON.parse(
    await scratch.must("curl", "-sf", "http://127.0.0.1:8001/status"),
  );
  const { visor_pk: key, persistence_enabled: keeps } = status as Record<string, unknown>;
  assert.equal(keeps, true);
  assert.match(String(key), /^0[23][0-9a-f]{64}$/);
  return String(key);
}
