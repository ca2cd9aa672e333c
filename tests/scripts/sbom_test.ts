import assert from "node:assert/strict";
import { ROOT } from "../../scripts/source_files.ts";
import { bundledPackages, type Component, sbom } from "../../scripts/sbom.ts";

/** The parts list of a bundle whose code is this. */
async function listOf(code: string): Promise<{ components: Component[]; text: string }> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-sbom-" });
  try {
    await Deno.writeTextFile(`${folder}/main.js`, code);
    await Deno.writeTextFile(`${folder}/deno.json`, "// npm:hono/9.9.9/no-code.js");
    const text = await sbom(folder, "2.6.10");
    return { components: JSON.parse(text).components, text };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("bundled packages are those that the bundler names, once each, sorted", () => {
  const code = "// npm:hono/4.13.19/dist/hono.js\n// npm:@noble/hashes/2.4.0/_u64.js\n" +
    "// npm:@noble/hashes/2.4.0/sha2.js\n// npm:two/1.0.0/a.js\n// npm:two/2.0.0-rc.1/a.js\n";
  assert.deepEqual(bundledPackages(code), [
    { name: "@noble/hashes", version: "2.4.0" },
    { name: "hono", version: "4.13.19" },
    { name: "two", version: "1.0.0" },
    { name: "two", version: "2.0.0-rc.1" },
  ]);
});

Deno.test("the list has the package with licence and the sum of the lock, the runtime, the modules", async () => {
  const { components } = await listOf("// npm:@noble/hashes/2.4.0/_u64.js\n");
  const hashes = components.find(({ name }) => name === "@noble/hashes");
  assert.equal(hashes?.purl, "pkg:npm/%40noble/hashes@2.4.0");
  assert.deepEqual(hashes?.licenses, [{ license: { id: "MIT" } }]);
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const integrity: string = lock.npm["@noble/hashes@2.4.0"].integrity;
  const hex = Uint8Array.fromBase64(integrity.replace("sha512-", "")).toHex();
  assert.deepEqual(hashes?.hashes, [{ alg: "SHA-512", content: hex }]);
  const deno = components.find(({ type }) => type === "platform");
  assert.equal(deno?.purl, "pkg:github/denoland/deno@v2.6.10");
  const modules = components.filter(({ hashes }) => hashes?.[0]?.alg === "SHA-256");
  const files = (await Array.fromAsync(Deno.readDir(`${ROOT}lib/crypto/wasm`)))
    .filter(({ name }) => name.endsWith(".base64"));
  assert.ok(files.length > 0);
  assert.equal(modules.length, files.length);
});

Deno.test("every part has a reference of its own, and the product depends on all", async () => {
  const { components, text } = await listOf("// npm:hono/4.13.19/a.js\n");
  const references = components.map((part) => part["bom-ref"]);
  assert.equal(new Set(references).size, references.length);
  assert.deepEqual(JSON.parse(text).dependencies[0].dependsOn, references);
});

Deno.test("a package without a row in docs/DEPENDENCIES.md stops the build", async () => {
  await assert.rejects(() => listOf("// npm:left-pad/1.3.0/a.js\n"), /no row for it/);
  await assert.rejects(() => listOf("// npm:hono/1.0.0/a.js\n"), /hono 1\.0\.0/);
});
