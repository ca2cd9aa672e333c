/** The Debian packages, made from the executables in `dist/`: what is in them, and their whole life. */
import assert from "node:assert/strict";
import { mayBeLeftOut } from "#support/left_out.ts";
import manifest from "../../deno.json" with { type: "json" };
import { buildDeb, executableOf } from "../../scripts/package_deb.ts";
import { debianVersion, fileSha256 } from "../../scripts/release_files.ts";
import { handRunService, managedService, type NodeService } from "./deb_service.ts";
import { isInstalled, type Outcome, runProgram, ScratchRoot } from "./scratch_root.ts";

/** Any moment will do; this one stands in the listing. */
const EPOCH = 1_700_000_000;

const NEWER = "99.0.0";

const ROOT_ONLY = "root, systemd, util-linux, iproute2 and curl";

const canUnpack = await isInstalled("dpkg-deb");
const canCheck = canUnpack && await isInstalled("lintian");
const canRead = canUnpack && await isInstalled("man");
const canEmulate = canUnpack && await isInstalled("qemu-aarch64-static");
const canAnalyze = canUnpack && await isInstalled("systemd-analyze");
const canScratch = canAnalyze && Deno.uid() === 0 && await isInstalled("curl") &&
  await isInstalled("ip") && (await runProgram("unshare", ["-mpfnCiu", "true"])).code === 0;
const canBoot = canScratch && await isInstalled("/lib/systemd/systemd");

/** Folders to remove in the end. */
const folders: string[] = [];
/** Packages by what was ordered: made once, by the first test that needs it. */
const made = new Map<string, Promise<string>>();

/** Executables by architecture. */
const copies = new Map<string, Promise<string>>();

Deno.test.afterAll(async () => {
  await Promise.allSettled(made.values());
  for (const folder of folders) await Deno.remove(folder, { recursive: true });
});

/** A test that is left out, saying so, where something is missing. */
function debTest(name: string, can: boolean, needs: string, fn: () => Promise<void>): void {
  Deno.test({
    name: can ? name : `${name} (not run: needs ${needs})`,
    ignore: mayBeLeftOut(can),
    fn,
  });
}

async function tempFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-deb-test-" });
  folders.push(folder);
  return folder;
}

/** The package for that machine, quickly compressed. */
function packageFor(architecture: string, version = manifest.version): Promise<string> {
  const key = `${architecture} ${version}`;
  const known = made.get(key) ?? freshPackage(architecture, version);
  made.set(key, known);
  return known;
}

async function freshPackage(architecture: string, version = manifest.version): Promise<string> {
  const [executable, folder] = [await executableFor(architecture), await tempFolder()];
  return await buildDeb({ architecture, version, executable, folder, epoch: EPOCH, level: 1 });
}

/** A copy of the executable: one that is built anew meanwhile must not make two packages differ. */
function executableFor(architecture: string): Promise<string> {
  const known = copies.get(architecture) ?? copyOf(executableOf(architecture));
  copies.set(architecture, known);
  return known;
}

async function copyOf(path: string): Promise<string> {
  const copy = `${await tempFolder()}/skychat`;
  await Deno.copyFile(path, copy);
  return copy;
}

/** Runs a program that must succeed and returns its stdout. */
async function outputOf(program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args);
  assert.equal(code, 0, `${program} ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

/** Unpacks a package into a folder of its own. */
async function unpacked(architecture: string): Promise<string> {
  const folder = await tempFolder();
  await outputOf("dpkg-deb", "-x", await packageFor(architecture), folder);
  return folder;
}

const LISTING = `-rw-r--r-- root/root ./etc/skychat/skychat.conf
-rwxr-xr-x root/root ./usr/bin/skychat
-rw-r--r-- root/root ./usr/lib/systemd/system/skychat.service
-rwxr-xr-x root/root ./usr/libexec/skychat/make-key
-rw-r--r-- root/root ./usr/share/bash-completion/completions/skychat
-rw-r--r-- root/root ./usr/share/doc/skychat/README.Debian
-rw-r--r-- root/root ./usr/share/doc/skychat/changelog.Debian.gz
-rw-r--r-- root/root ./usr/share/doc/skychat/copyright
-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/skychat.fish
-rw-r--r-- root/root ./usr/share/lintian/overrides/skychat
-rw-r--r-- root/root ./usr/share/man/man1/skychat.1.gz
-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_skychat`;

for (const architecture of ["amd64", "arm64"]) {
  debTest(`${architecture}: files, modes and control fields`, canUnpack, "dpkg-deb", async () => {
    const path = await packageFor(architecture);
    const lines = (await outputOf("dpkg-deb", "-c", path)).trimEnd().split("\n")
      .map((line) => line.split(/\s+/));
    const shown = lines.map(([mode, owner, , , , name]) => `${mode} ${owner} ${name}`);
    const isFolder = (line: string) => line.startsWith("d");
    assert.deepEqual(shown.filter((line) => !isFolder(line)), LISTING.split("\n"));
    for (const line of shown.filter(isFolder)) assert.match(line, /^drwxr-xr-x root\/root /);
    for (const [, , , day] of lines) assert.equal(day, "2023-11-14");

    const fields = await outputOf("dpkg-deb", "-f", path);
    assert.ok(fields.includes(`\nVersion: ${debianVersion(manifest.version)}\n`), fields);
    assert.ok(fields.includes(`\nArchitecture: ${architecture}\n`), fields);
    assert.match(fields, /\nDepends: adduser, libc6 \(>= 2\.27\), libgcc-s1\n/);
    assert.match(fields, /\nSection: net\n/);
    assert.match(fields, /\nInstalled-Size: \d{5}\n/);
    assert.equal(
      await outputOf("dpkg-deb", "-I", path, "conffiles"),
      "/etc/skychat/skychat.conf\n",
    );
  });
}

debTest("every file is in md5sums, with its sum", canUnpack, "dpkg-deb", async () => {
  const folder = await unpacked("amd64");
  const sums = await outputOf("dpkg-deb", "-I", await packageFor("amd64"), "md5sums");
  assert.equal(sums.trimEnd().split("\n").length, LISTING.split("\n").length - 1);
  await Deno.writeTextFile(`${folder}/sums`, sums);
  await outputOf("env", "-C", folder, "md5sum", "--check", "--strict", "--quiet", "sums");
});

debTest("lintian finds no error and no warning", canCheck, "lintian", async () => {
  const paths = [await packageFor("amd64"), await packageFor("arm64")];
  const args = ["--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0"];
  const { code, stdout } = await runProgram("lintian", [...args, ...paths]);
  assert.equal(stdout, "");
  assert.equal(code, 0);
});

debTest("two builds are the same bytes", canUnpack, "dpkg-deb", async () => {
  for (const architecture of ["amd64", "arm64"]) {
    const [once, again] = [await packageFor(architecture), await freshPackage(architecture)];
    assert.notEqual(once, again);
    assert.equal(await fileSha256(once), await fileSha256(again));
  }
});

debTest("the man page is formatted without a warning", canRead, "man", async () => {
  const page = `${await unpacked("amd64")}/usr/share/man/man1/skychat.1.gz`;
  const { code, stdout, stderr } = await runProgram("env", [
    "MANROFFSEQ=",
    "MANWIDTH=200",
    "man",
    "--warnings",
    "-E",
    "UTF-8",
    "-l",
    "-Tutf8",
    page,
  ]);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  // deno-lint-ignore no-control-regex -- a letter is made bold by writing it twice in one place
  const text = stdout.replace(/.\u0008/g, "");
  for (
    const line of ["skychat app", "--tcp-whitelist <pk,pk>", "skychat group create", "5  no ack"]
  ) {
    assert.ok(text.includes(line), line);
  }
});

debTest("completions are what the program prints", canUnpack, "dpkg-deb", async () => {
  const folder = await unpacked("amd64");
  const paths = {
    bash: "bash-completion/completions/skychat",
    zsh: "zsh/vendor-completions/_skychat",
    fish: "fish/vendor_completions.d/skychat.fish",
  };
  for (const [shell, path] of Object.entries(paths)) {
    const printed = await outputOf(`${folder}/usr/bin/skychat`, "completion", shell);
    assert.equal(await Deno.readTextFile(`${folder}/usr/share/${path}`), printed, shell);
  }
});

debTest("the arm64 program starts", canEmulate, "qemu-user-static", async () => {
  const program = `${await unpacked("arm64")}/usr/bin/skychat`;
  const args = ["-L", "/usr/aarch64-linux-gnu", program, "--version"];
  assert.equal(await outputOf("qemu-aarch64-static", ...args), `skychat ${manifest.version}\n`);
});

debTest("the service is exposed less than 2.0", canAnalyze, "systemd-analyze", async () => {
  const unit = `${await unpacked("amd64")}/usr/lib/systemd/system/skychat.service`;
  const args = ["security", "--offline=true", "--no-pager", "--threshold=20", unit];
  const { code, stdout } = await runProgram("systemd-analyze", args);
  assert.match(stdout, /Overall exposure level for skychat.service: 1\.\d/);
  assert.equal(code, 0, stdout);
});

debTest("a package that cannot be made says why", canUnpack, "dpkg-deb", async () => {
  const order = { architecture: "arm64", folder: await tempFolder(), epoch: EPOCH };
  await assert.rejects(
    () => buildDeb({ ...order, executable: "/nowhere/skychat" }),
    /^Error: No \/nowhere\/skychat: run deno task build --target aarch64-unknown-linux-gnu$/,
  );
  const args = ["run", "-A", "--no-check", "scripts/package_deb.ts"];
  const { code, stdout } = await runProgram("env", ["PATH=/nowhere", Deno.execPath(), ...args]);
  assert.equal(stdout, "dpkg-deb is not installed: packages are made on Debian or Ubuntu\n");
  assert.equal(code, 1);
});

debTest("a candidate comes before its release", canUnpack, "dpkg", async () => {
  assert.equal(debianVersion("1.2.3"), "1.2.3");
  const candidate = debianVersion("1.2.3-rc.1-a");
  assert.equal(candidate, "1.2.3~rc.1.a");
  await outputOf("dpkg", "--compare-versions", candidate, "lt", "1.2.3");
});

debTest(
  "lives from install to purge without a service manager",
  canScratch,
  ROOT_ONLY,
  async () => {
    await using scratch = await ScratchRoot.make("bare");
    // A user of that name who has no group of that name, as whoever made it by hand may have left it.
    await scratch.must("useradd", "--no-user-group", "--gid", "nogroup", "_skychat");
    await life(scratch, { service: handRunService(scratch), startsItself: false });
  },
);

debTest("lives from install to purge under systemd", canBoot, ROOT_ONLY, async () => {
  await using scratch = await ScratchRoot.make("systemd");
  await life(scratch, { service: managedService(scratch), startsItself: true });
});

const STATE = "/var/lib/skychat";
const CONFIG = "/etc/skychat/skychat.conf";

interface Life {
  readonly service: NodeService;
  /** Whether installing starts the node. */
  readonly startsItself: boolean;
}

async function life(scratch: ScratchRoot, { service, startsItself }: Life): Promise<void> {
  await install(scratch, await packageFor("amd64"));
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
  const via = ["--via", `tcp://${key}@127.0.0.1:8800`, "--sk", "0f".repeat(32), "-w", "8s"];
  await scratch.must("skychat", "send", ...via, "-m", "kept across the upgrade");
  if (startsItself) await upgradeWhileRunning(scratch);
  else {
    assert.equal(await service.stop(), 0);
    await install(scratch, await packageFor("amd64", NEWER));
    await service.start();
  }
  assert.equal(await visorKey(scratch), key);
  assert.match(await scratch.must("cat", CONFIG), /^LINKS="--tcp-listen 127\.0\.0\.1:8800"$/m);
  assert.match(await scratch.must("skychat", "history"), /kept across the upgrade/);
  assert.equal(await service.stop(), 0);
  await removeAndPurge(scratch, service);
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
async function removeAndPurge(scratch: ScratchRoot, service: NodeService): Promise<void> {
  const state = [`${STATE}/key.json`, `${STATE}/history.db`];
  const version = await scratch.must("dpkg-query", "-W", "-f", "${Version}", "skychat");
  assert.equal(version, NEWER);
  await service.start();
  await isServing(scratch, true);
  const isManaged = (await scratch.run("systemctl", "is-active", "skychat")).code === 0;
  if (!isManaged) await service.stop();
  await scratch.must("dpkg", "--remove", "skychat");
  assert.notEqual((await isServing(scratch, false)).code, 0);
  assert.notEqual((await scratch.run("test", "-e", "/usr/bin/skychat")).code, 0);
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
  await scratch.must("dpkg", "--install", "/root/skychat.deb");
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
