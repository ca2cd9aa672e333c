import assert from "node:assert/strict";
import {
  withAsciiOnly,
  withoutMachineNames,
  withoutMachinePaths,
} from "../../scripts/bundle_names.ts";
import { cutRuntime, keepPinned } from "../../scripts/pinned_runtime.ts";
import { fileSha256, sha256 } from "../../scripts/release_files.ts";
import { wheelMember } from "../../scripts/wheel.ts";
import { concat, utf8, utf8Text } from "#kit";

/** A zip archive of files that are all deflated, with only the fields that a reader needs. */
async function zip(files: Readonly<Record<string, string>>): Promise<Uint8Array<ArrayBuffer>> {
  const bodies: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const packed = await deflate(text);
    const local = new DataView(new ArrayBuffer(30));
    local.setUint32(0, 0x04034b50, true);
    local.setUint16(26, name.length, true);
    const entry = new DataView(new ArrayBuffer(46));
    entry.setUint32(0, 0x02014b50, true);
    entry.setUint16(10, 8, true);
    entry.setUint32(20, packed.length, true);
    entry.setUint16(28, name.length, true);
    entry.setUint32(42, offset, true);
    const body = concat(new Uint8Array(local.buffer), utf8(name), packed);
    bodies.push(body);
    directory.push(new Uint8Array(entry.buffer), utf8(name));
    offset += body.length;
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint32(16, offset, true);
  return new Uint8Array(concat(...bodies, ...directory, new Uint8Array(end.buffer)));
}

async function deflate(text: string): Promise<Uint8Array> {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** A file as `deno compile` makes it: the runtime, a section, and the trailer. */
function compiled(runtime: string, section: string, magic = 0x501e): Uint8Array<ArrayBuffer> {
  const trailer = new DataView(new ArrayBuffer(16));
  trailer.setUint32(0, magic, true);
  trailer.setBigUint64(8, BigInt(section.length), true);
  return new Uint8Array(concat(utf8(runtime), utf8(section), new Uint8Array(trailer.buffer)));
}

Deno.test("wheelMember unpacks the one file asked for", async () => {
  const wheel = await zip({ "a.data/scripts/tool": "the program", "a/METADATA": "words" });
  assert.equal(utf8Text(await wheelMember(wheel, ".data/scripts/tool")), "the program");
  assert.equal(utf8Text(await wheelMember(wheel, "METADATA")), "words");
});

Deno.test("wheelMember refuses none, several, and what is no archive", async () => {
  const wheel = await zip({ "a/tool": "1", "b/tool": "2" });
  await assert.rejects(() => wheelMember(wheel, "/tool"), /2 files match/);
  await assert.rejects(() => wheelMember(wheel, "gone"), /0 files match/);
  await assert.rejects(() => wheelMember(new Uint8Array(40), "x"), /not a zip/);
});

Deno.test("cutRuntime gives back what came before the section", () => {
  assert.equal(utf8Text(cutRuntime(compiled("runtime", "section"))), "runtime");
});

Deno.test("cutRuntime refuses files that deno compile did not make", () => {
  assert.throws(() => cutRuntime(compiled("runtime", "section", 0x501f)), /no program made by/);
  assert.throws(() => cutRuntime(new Uint8Array(5)), /no program made by/);
  const tooLong = compiled("", "section").subarray(3);
  assert.throws(() => cutRuntime(tooLong), /no program made by/);
});

Deno.test("withoutMachinePaths keeps the package and drops where it was cached", () => {
  const cached = (start: string) =>
    `// ${start}/npm/registry.example/@noble/hashes/2.4.0/_u64.js\n`;
  const wanted = "// npm:@noble/hashes/2.4.0/_u64.js\n";
  assert.equal(withoutMachinePaths(cached("../../home/me/.cache/deno")), wanted);
  assert.equal(withoutMachinePaths(cached("/deno-dir")), wanted);
  assert.equal(withoutMachinePaths("// lib/kit/bytes.ts\n"), "// lib/kit/bytes.ts\n");
});

Deno.test("withoutMachineNames gives the same parts whatever the hashes were", () => {
  const bundle = (one: string, two: string, cache: string) =>
    new Map([
      [`two-${two}.js`, `// ${cache}/npm/registry.example/b/1.0.0/b.js\nexport const b = 1;\n`],
      ["main.js", `import "./one-${one}.js";\nawait import('./two-${two}.js');\n`],
      [`one-${one}.js`, `import { b } from "./two-${two}.js";\n`],
    ]);
  const tidy = withoutMachineNames(bundle("ABCD2345", "EFGH2345", "../../cache"));
  assert.deepEqual(tidy, withoutMachineNames(bundle("ZYXW7654", "VUTS7654", "/elsewhere")));
  assert.deepEqual([...tidy.keys()], ["main.js", "one_1.js", "two_2.js"]);
  assert.equal(tidy.get("main.js"), `import "./one_1.js";\nawait import('./two_2.js');\n`);
  assert.equal(tidy.get("two_2.js"), "// npm:b/1.0.0/b.js\nexport const b = 1;\n");
});

Deno.test("withoutMachineNames refuses a bundle with a part missing", () => {
  const parts = new Map([["main.js", `import "./gone-ABCD2345.js";`]]);
  assert.throws(() => withoutMachineNames(parts), /Cannot find gone-ABCD2345.js/);
});

Deno.test("withAsciiOnly keeps what code means and leaves nothing but ASCII", () => {
  const code = "/* d·P */ ['µs — 𝒳', /^[a-zµ]+$/.test('µs'), `é`.length]";
  const ascii = withAsciiOnly(code);
  assert.match(ascii, /^[\x20-\x7e]*$/);
  const values = (text: string): unknown => new Function(`return ${text}`)();
  assert.deepEqual(values(ascii), values(code));
  assert.equal(withAsciiOnly("const plain = 1;\n"), "const plain = 1;\n");
});

Deno.test("keepPinned fetches what is missing or was changed, once, and keeps nothing wrong", async () => {
  const folder = await Deno.makeTempDir({ prefix: "skychat-pinned-" });
  try {
    const path = `${folder}/denort`;
    const right = new TextEncoder().encode("the runtime");
    const expected = await sha256(right);
    let fetched = 0;
    const make = () => Promise.resolve(right).finally(() => fetched++);
    await keepPinned(path, { sha256: expected, make });
    await keepPinned(path, { sha256: expected, make });
    assert.equal(fetched, 1);
    await Deno.writeTextFile(path, "another runtime");
    await keepPinned(path, { sha256: expected, make });
    assert.equal(fetched, 2);
    assert.equal(await fileSha256(path), expected);
    assert.ok(((await Deno.stat(path)).mode ?? 0) & 0o100);

    await Deno.remove(path);
    const wrong = () => Promise.resolve(new TextEncoder().encode("not that"));
    await assert.rejects(
      () => keepPinned(path, { sha256: expected, make: wrong }),
      /Cannot trust denort/,
    );
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
