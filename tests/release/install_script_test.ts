/**
 * `scripts/install.sh` beside a release: what it installs, what it refuses, and what it leaves alone.
 *
 * Stand-ins of three lines take the place of the executables except where the real ones matter. A
 * false `uname` decides which machine it is.
 */
import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { ROOT } from "#support/spawn.ts";
import { fileSha256 } from "../../scripts/release_files.ts";

import {
  changeSums,
  inScene,
  install,
  machine,
  release,
  type Scene,
  SCRIPT,
  standIn,
  start,
  testWith,
  tools,
  tree,
  which,
  X86,
} from "./install_scene.ts";

const REAL = `${ROOT}dist/skychat-${manifest.version}-${Deno.build.target}`;
/** A user without rights, on every Linux. */
const NOBODY = 65534;
/** Every program that the script starts, besides those that make sums. */
const NEEDED = "uname getconf ldd awk mktemp mkdir cp chmod sync mv rm id cat".split(" ");

/** Expects a refusal with this code that says something like this and leaves nothing behind. */
async function expectRefusal(scene: Scene, code: number, text: RegExp): Promise<void> {
  const { code: found, stderr } = await install(scene);
  assert.equal(found, code, stderr);
  assert.match(stderr, text);
  const left = tree(scene.prefix).filter((line) => /skychat/.test(line.slice(scene.root.length)));
  assert.deepEqual(left, []);
}

for (const shell of [["dash"], ["bash"], ["busybox", "sh"]]) {
  testWith(
    shell[0] ?? "",
    `install.sh installs and upgrades under ${shell}`,
    () =>
      inScene(async (scene) => {
        const command = [...shell, "./-rel/install.sh", "--prefix=to here"];
        const first = await start(scene, command);
        assert.equal(first.code, 0, first.stderr);
        assert.equal(first.stderr, "");
        assert.match(first.stdout, /^Installed skychat 1\.2\.3: .*\/to here\/bin\/skychat\n/);
        assert.match(first.stdout, /is not on your PATH[^]*export PATH=".*\/to here\/bin:\$PATH"/);
        assert.equal(((await Deno.stat(scene.installed)).mode ?? 0) & 0o7777, 0o755);
        assert.equal(await Deno.readTextFile(scene.installed), standIn("1.2.3"));

        await release(scene, { [X86]: standIn("1.10.0-rc.1") }, "1.10.0-rc.1");
        const second = await start(scene, command);
        assert.equal(second.code, 0, second.stderr);
        assert.match(second.stdout, /^Replaced skychat 1\.2\.3 by 1\.10\.0-rc\.1: /);
        assert.equal(await Deno.readTextFile(scene.installed), standIn("1.10.0-rc.1"));
        assert.deepEqual(tree(`${scene.prefix}/bin`).length, 1);
      }),
  );
}

testWith(
  REAL,
  "install.sh replaces the released executable while that runs",
  () =>
    inScene(async (scene) => {
      const name = REAL.slice(REAL.lastIndexOf("/") + 1);
      await Deno.link(REAL, `${scene.files}/${name}`).catch(() =>
        Deno.copyFile(REAL, `${scene.files}/${name}`)
      );
      await Deno.writeTextFile(`${scene.files}/SHA256SUMS`, `${await fileSha256(REAL)}  ${name}\n`);
      await Deno.remove(`${scene.root}/tools/uname`);
      const first = await install(scene, "--completions");
      assert.equal(first.code, 0, first.stderr);
      const script = `${scene.prefix}/share/bash-completion/completions/skychat`;
      assert.match(await Deno.readTextFile(script), /^complete .*skychat$/m);

      const node = new Deno.Command(scene.installed, {
        args: ["app", "--standalone", "--addr", "127.0.0.1:0"],
        env: { HOME: `${scene.root}/home` },
        stdout: "null",
        stderr: "piped",
      }).spawn();
      try {
        const reader = node.stderr.getReader();
        assert.equal((await reader.read()).done, false);
        const before = (await Deno.stat(scene.installed)).ino;
        const again = await install(scene);
        assert.equal(again.code, 0, again.stderr);
        assert.match(
          again.stdout,
          /again: .*\nA node that is running goes on with the old program/,
        );
        assert.notEqual((await Deno.stat(scene.installed)).ino, before);
        assert.match(await Deno.readLink(`/proc/${node.pid}/exe`), / \(deleted\)$/);
        await reader.cancel();
      } finally {
        node.kill("SIGKILL");
        await node.status;
      }
    }),
);

Deno.test("install.sh takes the executable of the machine", () =>
  inScene(async (scene) => {
    for (
      const [processor, text] of [["aarch64", "# arm"], ["arm64", "# arm"], ["amd64", ""]] as const
    ) {
      await tools(scene, { uname: machine("Linux", processor) });
      assert.equal((await install(scene)).code, 0);
      assert.equal(await Deno.readTextFile(scene.installed), standIn("1.2.3", text));
    }
  }));

Deno.test("install.sh says for which machines there is no build, and what to do", () =>
  inScene(async (scene) => {
    const cases: [Record<string, string>, RegExp][] = [
      [{ uname: machine("Linux", "armv7l") }, /32-bit ARM\n.*64-bit Raspberry Pi OS/],
      [{ uname: machine("Linux", "riscv64") }, /processor is riscv64\n/],
      [{ uname: machine("FreeBSD", "amd64") }, /Run it on a Linux machine/],
      [{ uname: machine("MINGW64_NT-10.0", "x86_64") }, /not for Windows\n.*windows-msvc\.exe/],
      [{ uname: machine("Darwin", "arm64") }, /has none for aarch64-apple-darwin/],
      [
        { uname: machine("Linux", "aarch64"), getconf: "echo 32" },
        /kernel is 64-bit but its programs are 32-bit\n.*Raspberry Pi OS, 64-bit/,
      ],
      [{ getconf: "exit 1", ldd: "echo 'musl libc (x86_64)' >&2; exit 1" }, /musl.*glibc 2\.27/],
      [{ getconf: "echo glibc 2.26" }, /it has glibc 2\.26, and skychat needs glibc 2\.27/],
    ];
    for (const [programs, text] of cases) {
      await tools(scene, { uname: machine("Linux", "x86_64"), ...programs });
      await expectRefusal(scene, 3, text);
    }
    await tools(scene, { getconf: "[ $1 = LONG_BIT ] && echo 64 || echo glibc 2.27" });
    assert.equal((await install(scene)).code, 0);
  }));

Deno.test("install.sh takes the files of another folder, whatever that is called", () =>
  inScene(async (scene) => {
    await Deno.rename(`${scene.files}/install.sh`, `${scene.root}/script`);
    const command = ["sh", "script", "--from", "-rel", "--prefix=--to"];
    const { code, stderr } = await start(scene, command);
    assert.equal(code, 0, stderr);
    assert.equal((await Deno.stat(`${scene.root}/--to/bin/skychat`)).isFile, true);
    assert.equal((await start(scene, ["sh", "script"])).code, 4);
  }));

Deno.test("install.sh reads sums as sha256sum and Windows write them", () =>
  inScene(async (scene) => {
    const forms: ((text: string) => string)[] = [
      (text) => text.replaceAll("\n", "\r\n"),
      (text) => text.replaceAll("  skychat", " *skychat"),
      (text) => text.replaceAll("  skychat", "  ./skychat"),
      (text) => `${"0".repeat(64)}  skychat_1.2.3_amd64.deb\nnonsense\n${text.trimEnd()}`,
    ];
    for (const form of forms) {
      await release(scene, { [X86]: standIn("1.2.3") });
      await changeSums(scene, form);
      const { code, stderr } = await install(scene);
      assert.equal(code, 0, stderr);
    }
  }));

Deno.test("install.sh refuses what SHA256SUMS does not vouch for", () =>
  inScene(async (scene) => {
    const name = `skychat-1.2.3-${X86}`;
    const sums = await Deno.readTextFile(`${scene.files}/SHA256SUMS`);
    const expectForSums = async (text: string, code: number, said: RegExp) => {
      await Deno.writeTextFile(`${scene.files}/SHA256SUMS`, text);
      await expectRefusal(scene, code, said);
    };
    await expectForSums("f".repeat(64) + sums.slice(64), 6, /not the file that was released/);
    await expectForSums(sums.slice(1), 5, /no sum for skychat-1\.2\.3-x86_64/);
    await expectForSums("", 5, /no sum for/);
    const other = `${"f".repeat(64)}  ${name}\n`;
    await expectForSums(sums + other, 5, /more than one executable/);
    await expectForSums(sums + other.replace("1.2.3", "1.2.4"), 5, /more than one executable/);

    await Deno.writeTextFile(`${scene.files}/SHA256SUMS`, sums);
    await Deno.writeTextFile(`${scene.files}/${name}`, "#", { append: true });
    await expectRefusal(scene, 6, /not the file that was released[^]*do not run it/);
    await Deno.remove(`${scene.files}/${name}`);
    await expectRefusal(scene, 4, /cannot read .*which SHA256SUMS names/);
    await Deno.remove(`${scene.files}/SHA256SUMS`);
    await expectRefusal(scene, 4, /cannot read .*SHA256SUMS\n.*Download SHA256SUMS/);
  }));

for (const maker of ["sha256sum", "shasum", "openssl", undefined]) {
  testWith(
    maker ?? "/bin/sh",
    `install.sh makes sums with ${maker ?? "nothing: it refuses"}`,
    () =>
      inScene(async (scene) => {
        const only = `${scene.root}/only`;
        await Deno.mkdir(only);
        // shasum is a Perl script that names its interpreter by way of the PATH.
        for (const program of ["sh", ...NEEDED, ...(maker ? [maker, "perl", "env"] : [])]) {
          const path = which(program);
          if (path !== undefined) await Deno.symlink(path, `${only}/${program}`);
        }
        const command = ["sh", `${scene.files}/install.sh`, "--prefix", scene.prefix];
        const path = `${scene.root}/tools:${only}`;
        const intact = await start(scene, command, path);
        assert.equal(intact.code, maker ? 0 : 7, intact.stderr);
        if (maker === undefined) assert.match(intact.stderr, /Install one of these/);
        await changeSums(scene, (text) => "f".repeat(64) + text.slice(64));
        assert.equal((await start(scene, command, path)).code, maker ? 6 : 7);
      }),
  );
}

Deno.test("install.sh keeps the old program when the new one fails or the script is ended", () =>
  inScene(async (scene) => {
    assert.equal((await install(scene)).code, 0);
    const before = tree(scene.prefix).filter((line) => line.includes("/bin/"));
    const faults: [string, number, RegExp][] = [
      ["#!/bin/sh\necho no such library >&2; exit 127\n", 8, /it answered: no such library/],
      [standIn("1.2.4"), 8, /it answered: skychat 1\.2\.4/],
      ["\x7fELF and nothing else", 8, /does not run here/],
      [standIn("1.2.3", "kill -TERM $PPID"), 143, /^$/],
    ];
    for (const [text, code, said] of faults) {
      await release(scene, { [X86]: text });
      const outcome = await install(scene);
      assert.equal(outcome.code, code, outcome.stderr);
      assert.match(outcome.stderr, said);
      assert.deepEqual(tree(scene.prefix).filter((line) => line.includes("/bin/")), before);
    }
  }));

testWith(
  "setpriv",
  "install.sh as a user without rights: ~/.local, and no further",
  () =>
    inScene(async (scene) => {
      const root = Deno.uid() === 0;
      const as = root
        ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"]
        : [];
      if (root) await Deno.chown(`${scene.root}/home`, NOBODY, NOBODY);
      await Deno.mkdir(scene.prefix, { mode: 0o555 });
      const command = [...as, "sh", `${scene.files}/install.sh`];
      const refused = await start(scene, [...command, "--prefix", scene.prefix]);
      assert.equal(refused.code, 9, refused.stderr);
      assert.match(refused.stderr, /cannot write to .*\n.*sudo.*--prefix/);
      const own = await start(scene, command);
      assert.equal(own.code, 0, own.stderr);
      assert.equal((await Deno.stat(`${scene.root}/home/.local/bin/skychat`)).isFile, true);
    }),
);

Deno.test("install.sh --dry-run checks the same and changes nothing", () =>
  inScene(async (scene) => {
    const before = tree(scene.root);
    const { code, stdout, stderr } = await install(scene, "--dry-run", "--completions");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Would install skychat 1\.2\.3[^]*Nothing was changed\.\n$/);
    assert.equal((await install(scene, "--dry-run", "--uninstall")).code, 10);
    await changeSums(scene, (text) => text.slice(1));
    assert.equal((await install(scene, "--dry-run")).code, 5);
    await changeSums(scene, () => "");
    assert.deepEqual(
      tree(scene.root).filter((line) => !line.includes("SHA256SUMS")),
      before.filter((line) => !line.includes("SHA256SUMS")),
    );
  }));

Deno.test("install.sh --uninstall takes away what it brought and nothing else", () =>
  inScene(async (scene) => {
    const files = () =>
      tree(scene.prefix).filter((line) => /skychat/.test(line.slice(scene.root.length)));
    assert.equal((await install(scene, "--completions")).code, 0);
    assert.equal(files().length, 4);
    await Deno.writeTextFile(`${scene.prefix}/bin/skychat-history.db`, "kept");
    await Deno.remove(`${scene.files}/SHA256SUMS`);
    const { code, stdout, stderr } = await install(scene, "--uninstall");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Removed .*\/bin\/skychat\n[^]*were not touched\.\n$/);
    assert.deepEqual(files().map((line) => line.split(" ").at(-4)?.split("/").at(-1)), [
      "skychat-history.db",
    ]);
    assert.equal((await install(scene, "--uninstall")).code, 10);
  }));

Deno.test("install.sh refuses wrong usage and a folder in its place", () =>
  inScene(async (scene) => {
    for (const args of [["--from"], ["--prefix="], ["--from", "--dry-run"], ["more"]]) {
      const { code, stderr } = await install(scene, ...args);
      assert.equal(code, 2, stderr);
    }
    await Deno.mkdir(scene.installed, { recursive: true });
    assert.equal((await install(scene)).code, 9);
    assert.deepEqual(tree(scene.installed), []);
  }));

Deno.test("install.sh that was cut off anywhere does nothing", () =>
  inScene(async (scene) => {
    // No machine of ours: not even a script that does run installs anything.
    await tools(scene, { uname: `echo called >>"${scene.root}/called"; echo odd` });
    const text = await Deno.readTextFile(SCRIPT);
    const lastLine = text.trimEnd().lastIndexOf("\n") + 1;
    const cuts = [...text.matchAll(/\n/g)].map(({ index }) => index + 1).filter((at) =>
      at <= lastLine
    );
    const end = text.trimEnd().length;
    for (let at = lastLine + 1; at < end; at++) cuts.push(at);
    assert.ok(cuts.length > 300);
    const cut = `${scene.files}/cut.sh`;
    for (const at of cuts) {
      await Deno.writeTextFile(cut, text.slice(0, at));
      const { stdout } = await start(scene, ["sh", cut]);
      assert.equal(stdout, "", `cut at ${at}`);
      assert.deepEqual(
        tree(scene.root).filter((line) => line.includes("/called ")),
        [],
        `at ${at}`,
      );
    }
    await Deno.writeTextFile(cut, text.slice(0, end));
    assert.equal((await start(scene, ["sh", cut])).code, 3);
  }));

testWith("shellcheck", "install.sh satisfies shellcheck with all its checks", async () => {
  const child = new Deno.Command("shellcheck", { args: ["--enable=all", SCRIPT] });
  const { code, stdout } = await child.output();
  assert.equal(new TextDecoder().decode(stdout), "");
  assert.equal(code, 0);
});
