/**
 * What the built executables may do, as they themselves hold it: the runtime reads its permissions from
 * a JSON text that `deno compile` put into the file.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ENVIRONMENT_VARIABLES } from "../../cli/environment.ts";
import { DIST } from "../../scripts/release_files.ts";

/** Every permission that a program can be given. */
const KINDS = ["env", "ffi", "import", "net", "read", "run", "sys", "write"];
/** Those that ours has without limits: an empty list stands for everything. */
const EVERYTHING = ["net", "read", "write"];

/** The part of the text that has the permissions, and whether there is a key for a code cache. */
async function bakedIn(path: string): Promise<Record<string, unknown>> {
  const bytes = Buffer.from(await Deno.readFile(path));
  const start = bytes.lastIndexOf('"code_cache_key":');
  const end = bytes.indexOf("}", start);
  assert.ok(start > 0 && end > start, `${path} has no permissions`);
  const text = bytes.subarray(start, end).toString().replace('"permissions":{', "");
  return JSON.parse(`{${text}}`);
}

const names = [...Deno.readDirSync(DIST)].map(({ name }) => name)
  .filter((name) => /^skychat-.*-(linux|apple|windows)|^skychat$/.test(name));

Deno.test("the executables may do what permissions.ts says, ask nobody for more and keep no code", async () => {
  assert.ok(names.length > 1);
  for (const name of names) {
    const baked = await bakedIn(`${DIST}/${name}`);
    assert.equal(baked["prompt"], false, name);
    assert.equal(baked["code_cache_key"], null, name);
    const given = KINDS.filter((kind) => baked[`allow_${kind}`] !== null);
    // Remote modules: the runtime of an executable has no way to fetch one, whatever this list says.
    assert.deepEqual(given, ["env", "import", "net", "read", "write"], name);
    for (const kind of EVERYTHING) assert.deepEqual(baked[`allow_${kind}`], [], name);
    assert.deepEqual(baked["allow_env"], ENVIRONMENT_VARIABLES, name);
  }
});
