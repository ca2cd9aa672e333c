import assert from "node:assert/strict";
import { toHex } from "#kit";
import { selectedBackends, sha256 } from "#crypto";
import { aeadBackends, curveBackends, kemBackends } from "../../lib/crypto/backends.ts";

const WEBASSEMBLY = {
  curve: "libsecp256k1-wasm",
  aead: "libsodium-wasm",
  kem: "libsodium-wasm",
};

const FOLDER = new URL("../../lib/crypto/wasm/", import.meta.url);

/** What `lib/crypto/wasm/README.md` says each file is. */
const MODULES = [
  {
    file: "secp256k1.base64",
    hash: "378270933e73660b3dec0e3778045c9f3a99a551c9f7c95913dab38f22be4808",
    imports: ["a.a", "a.b", "a.c", "a.d", "a.e"],
  },
  {
    file: "libsodium.base64",
    hash: "36ee2d34e4b659a2dc41ffc6871b934974b1dc88626c42e3e020b593415d89e7",
    imports: ["a.a", "a.b", "a.c", "a.d"],
  },
];

/** Runs a module text as a program of its own, at the root of this tree. */
async function evaluate(code: string, flags: readonly string[]): Promise<unknown> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", ...flags, code],
    cwd: new URL("../..", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("WebAssembly is preferred for the curve, the AEAD and the KEM, noble is there to compare", async () => {
  assert.deepEqual(selectedBackends(), WEBASSEMBLY);
  assert.deepEqual((await curveBackends()).map(({ name }) => name), ["libsecp256k1-wasm", "noble"]);
  assert.deepEqual((await aeadBackends()).map(({ name }) => name), ["libsodium-wasm", "noble"]);
  assert.deepEqual((await kemBackends()).map(({ name }) => name), ["libsodium-wasm", "noble"]);
});

Deno.test("the WebAssembly modules are the documented bytes and reach nothing outside", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", FOLDER));
  for (const { file, hash, imports } of MODULES) {
    const bytes = Uint8Array.fromBase64(await Deno.readTextFile(new URL(file, FOLDER)));
    assert.equal(toHex(sha256(bytes)), hash, file);
    assert.ok(readme.includes(hash), file);
    const wanted = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
    assert.deepEqual(wanted.map(({ module, name }) => `${module}.${name}`), imports);
    assert.ok(wanted.every(({ kind }) => kind === "function"));
  }
});

Deno.test("a runtime without WebAssembly falls back to noble and computes the same", async () => {
  const program = `
    import {
      cipherOf, ecdh, encapsulate, generateKemKeyPair, SecretKey, selectedBackends,
    } from "./lib/crypto/mod.ts";
    const random = { bytes: (count) => new Uint8Array(count).fill(7) };
    const pair = generateKemKeyPair(random);
    const { ciphertext, sharedSecret } = encapsulate(pair.encapsulationKey, random);
    const secret = SecretKey.parse("11".repeat(32));
    const cipher = cipherOf(secret.reveal());
    console.log(JSON.stringify([
      selectedBackends(),
      ecdh(secret, secret.publicKey).toHex(),
      cipher.seal(1n, new Uint8Array(3)).toHex(),
      pair.encapsulationKey.toHex(),
      ciphertext.toHex(),
      sharedSecret.toHex(),
      pair.decapsulate(ciphertext).toHex(),
    ]));`;
  const [chosen, ...plain] = await evaluate(program, []) as unknown[];
  const [fallback, ...jitless] = await evaluate(program, ["--v8-flags=--jitless"]) as unknown[];
  assert.deepEqual(chosen, WEBASSEMBLY);
  assert.deepEqual(fallback, { curve: "noble", aead: "noble", kem: "noble" });
  assert.deepEqual(jitless, plain);
});
