/** What `scripts/install.sh` leaves alone where it installs to, and whom it lets change what it made. */
import assert from "node:assert/strict";
import { inScene, install, start, tools, tree } from "./install_scene.ts";

Deno.test("install.sh neither replaces nor removes another program of that name", () =>
  inScene(async (scene) => {
    await Deno.mkdir(`${scene.prefix}/bin`, { recursive: true });
    const others = ["#!/bin/sh\necho skychat of somebody else\n", "#!/bin/sh\nexit 1\n", "data"];
    for (const other of others) {
      await Deno.writeTextFile(scene.installed, other, { mode: 0o755 });
      for (const args of [[], ["--dry-run"], ["--uninstall"], ["--uninstall", "--dry-run"]]) {
        const { code, stderr } = await install(scene, ...args);
        assert.equal(code, 11, stderr);
        assert.match(stderr, /\/bin\/skychat is another program\n[^]*--prefix/);
        assert.equal(await Deno.readTextFile(scene.installed), other);
      }
    }
    await Deno.remove(scene.installed);
    await Deno.symlink("nowhere", scene.installed);
    assert.equal((await install(scene)).code, 0);
  }));

Deno.test("install.sh leaves what a Debian package installed to apt", () =>
  inScene(async (scene) => {
    assert.equal((await install(scene)).code, 0);
    await tools(scene, { "dpkg-query": `[ "$1 $2" = "-S ${scene.installed}" ]` });
    for (const args of [[], ["--uninstall"]]) {
      const { code, stderr } = await install(scene, ...args);
      assert.equal(code, 11, stderr);
      assert.match(stderr, /belongs to a Debian package\n[^]*apt/);
    }
    assert.equal((await Deno.stat(scene.installed)).isFile, true);
  }));

Deno.test("install.sh makes nothing that others may write to, whatever the umask is", () =>
  inScene(async (scene) => {
    const script = 'umask 000; exec sh "$@"';
    const args = [`${scene.files}/install.sh`, "--completions", "--prefix", scene.prefix];
    // Without rights to begin with: what root installs has a mask of its own.
    await tools(scene, { id: "echo 1000" });
    const { code, stderr } = await start(scene, ["sh", "-c", script, "sh", ...args]);
    assert.equal(code, 0, stderr);
    const modes = tree(scene.prefix).map((line) => Number(line.split(" ").at(-2)));
    assert.equal(modes.length, 12);
    assert.deepEqual(modes.filter((mode) => (mode & 0o022) !== 0), []);
  }));
