/** The licences that every release carries name whoever wrote what is inside the executable. */
import assert from "node:assert/strict";
import { filesBelow, ROOT } from "../../scripts/source_files.ts";

const LICENCES = await Deno.readTextFile(`${ROOT}packaging/debian/copyright`);
const DEPENDENCIES = await Deno.readTextFile(`${ROOT}docs/DEPENDENCIES.md`);
const MODULES = "lib/crypto/wasm";

/** Packages that are in no executable. */
const ONLY_IN_TESTS = new Set(["fast-check"]);

/** Whom a licence file names in its lines of copyright, without years and addresses. */
function holdersIn(licence: string): string[] {
  const [...claims] = licence.matchAll(/^Copyright \(c\) ([^\n]+(?:\n(?!Permission)[^\n]+)*)/gm);
  return claims.flatMap(([, claim = ""]) => claim.split("\n"))
    .map((line) => line.replace(/^[\d\s,-]+(present,)?|[<(].*$/g, "").trim())
    .filter((name) => name !== "");
}

/** The stanza for a part, by the name it has there. */
function stanzaOf(part: string): string {
  const stanza = LICENCES.split("\n\n").find((text) =>
    /^Files: (.*)/.exec(text)?.[1]?.split(" ").includes(part)
  );
  assert.ok(stanza, `packaging/debian/copyright has no stanza for ${part}`);
  return stanza;
}

/** Expects the stanza of a part to name everybody and a licence whose text is there. */
function expectNamed(part: string, licence: string): void {
  const holders = holdersIn(licence);
  assert.ok(holders.length > 0, `nobody is named in the licence of ${part}`);
  const stanza = stanzaOf(part);
  for (const holder of holders) assert.ok(stanza.includes(holder), `${part}: no ${holder}`);
  const [, id] = /^License: (\S+)$/m.exec(stanza) ?? [];
  assert.match(LICENCES, new RegExp(`^License: ${id}\n .{40}`, "m"));
}

/** Folders of the npm packages that Deno has fetched, one for each registry. */
async function packageFolders(): Promise<string[]> {
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(info.stdout));
  const registries = await Array.fromAsync(Deno.readDir(npmCache));
  return registries.map(({ name }) => `${npmCache}/${name}`);
}

Deno.test("every package in the executable has its stanza", async () => {
  const packages = [...DEPENDENCIES.matchAll(/^\| `([\w@/-]+)` +\| `([\d.]+)` /gm)]
    .map(([, name = "", version = ""]) => ({ name, version }))
    .filter(({ name }) => !ONLY_IN_TESTS.has(name));
  assert.ok(packages.length > 5);
  const folders = await packageFolders();
  for (const { name, version } of packages) {
    const [file] = folders.flatMap((folder) =>
      filesBelow(`${name}/${version}`, folder).filter((path) =>
        /^(LICEN[CS]E)(\.md)?$/.test(path.slice(name.length + version.length + 2))
      ).map((path) => `${folder}/${path}`)
    );
    assert.ok(file, `${name} ${version} comes without a licence`);
    expectNamed(name.replace("@", "").replace("/", "-"), await Deno.readTextFile(file));
  }
});

Deno.test("every embedded module has its stanza", async () => {
  const files = filesBelow(MODULES, ROOT).filter((path) => path.endsWith(".LICENSE"));
  assert.ok(files.length > 1);
  for (const path of files) {
    const part = path.slice(MODULES.length + 1).replace(".LICENSE", ".wasm");
    expectNamed(part, await Deno.readTextFile(`${ROOT}${path}`));
  }
});
