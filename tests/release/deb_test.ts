/** The Debian packages, made from the executables in `dist/`: what is in them. */
import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { buildDeb } from "../../scripts/package_deb.ts";
import { debianVersion, fileSha256 } from "../../scripts/release_files.ts";
import {
  canAnalyze,
  canCheck,
  canEmulate,
  canRead,
  canUnpack,
  cleanUpInTheEnd,
  debTest,
  EPOCH,
  freshPackage,
  packageFor,
  tempFolder,
} from "./deb_orders.ts";
import { runProgram } from "./scratch_root.ts";

cleanUpInTheEnd();

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
