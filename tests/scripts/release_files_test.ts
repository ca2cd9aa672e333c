import assert from "node:assert/strict";
import {
  executableName,
  isReleased,
  removeExecutables,
  VERSION,
  writeSums,
} from "../../scripts/release_files.ts";

Deno.test("a release is executables, packages, the lists of parts and licences, and the installer", () => {
  const released = [
    "skychat-1.0.0-x86_64-unknown-linux-gnu",
    "skychat-1.0.0-x86_64-pc-windows-msvc.exe",
    "skychat-1.0.0.cdx.json",
    "skychat-1.0.0.licences.txt",
    "skychat_1.0.0_arm64.deb",
    "install.sh",
  ];
  for (const name of released) assert.ok(isReleased(name, "1.0.0"), name);
});

Deno.test("copies, other versions, unfinished files and the sums are no part of a release", () => {
  const others = [
    "skychat",
    "SHA256SUMS",
    "SHA256SUMS.sig",
    "skychat-1.0.1-x86_64-unknown-linux-gnu",
    "skychat-1.0.0.cdx.json.part",
    "skychat_1.0.0_arm64.deb.part",
    "skychat_1.0.0~rc.1_arm64.deb",
  ];
  for (const name of others) assert.ok(!isReleased(name, "1.0.0"), name);
});

Deno.test("packages of a candidate have Debian's form of its version", () => {
  assert.ok(isReleased("skychat_1.0.0~rc.1_amd64.deb", "1.0.0-rc.1"));
  assert.ok(isReleased("skychat-1.0.0-rc.1-x86_64-unknown-linux-gnu", "1.0.0-rc.1"));
  assert.ok(!isReleased("skychat_1.0.0-rc.1_amd64.deb", "1.0.0-rc.1"));
});

Deno.test("the sums are those of sha256sum, sorted by name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "skychat-sums-" });
  try {
    await Deno.writeTextFile(`${folder}/skychat-${VERSION}-two`, "abc");
    await Deno.writeTextFile(`${folder}/install.sh`, "");
    await Deno.writeTextFile(`${folder}/skychat`, "not released");
    await writeSums(folder);
    // The sums of nothing and of "abc" are those of FIPS 180-2.
    const expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" +
      "  install.sh\n" +
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" +
      `  skychat-${VERSION}-two\n`;
    assert.equal(await Deno.readTextFile(`${folder}/SHA256SUMS`), expected);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("executables of targets that are left out go, the others stay", async () => {
  const folder = await Deno.makeTempDir({ prefix: "skychat-left-out-" });
  try {
    const targets = ["x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"];
    for (const target of targets.slice(0, 2)) {
      await Deno.writeTextFile(`${folder}/${executableName(target)}`, "");
    }
    await removeExecutables(targets.slice(1), folder);
    const left = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assert.deepEqual(left, [executableName(targets[0] ?? "")]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
