import assert from "node:assert/strict";
import {
  type Environment,
  IdentityError,
  type IdentitySources,
  resolveIdentity,
  SmallFileError,
} from "#app";
import { SecretKey } from "#crypto";
import { SeededRandom } from "#support/seeded_random.ts";

const FLAG = "0a".repeat(32);
const ENV = "0b".repeat(32);
const FILE = "0c".repeat(32);

/** What the sources are, with a file `/keys.json` that holds the third key. */
function sources(given: Partial<IdentitySources> = {}): IdentitySources {
  return {
    sk: undefined,
    env: {},
    configPath: undefined,
    allowEphemeral: true,
    random: new SeededRandom(3),
    readFile: (path) =>
      path === "/keys.json"
        ? Promise.resolve({ text: JSON.stringify({ sk: FILE }), mode: 0o600 })
        : Promise.reject(new SmallFileError("not-found", "no such file or directory")),
    ...given,
  };
}

const env: Environment = { DMSGCURL_SK: ENV };
const configPath = "/keys.json";

const order: readonly [given: Partial<IdentitySources>, source: string, secret: string][] = [
  [{ sk: FLAG, env, configPath }, "flag", FLAG],
  [{ sk: FLAG.toUpperCase() }, "flag", FLAG],
  [{ env, configPath }, "env", ENV],
  [{ sk: "", env, configPath: "" }, "env", ENV],
  [{ configPath }, "config", FILE],
  [{ env: { DMSGCURL_SK: "" }, configPath }, "config", FILE],
];

for (const [given, source, secret] of order) {
  Deno.test(`resolveIdentity takes ${Object.keys(given).join(", ")} from ${source}`, async () => {
    const identity = await resolveIdentity(sources(given));
    assert.equal(identity.source, source);
    assert.ok(identity.secret.equals(SecretKey.parse(secret)));
    assert.deepEqual(identity.warnings, []);
  });
}

Deno.test("resolveIdentity makes a random key when nothing is given, and warns", async () => {
  const random = new SeededRandom(3);
  const first = await resolveIdentity(sources({ random }));
  const second = await resolveIdentity(sources({ random }));
  assert.equal(first.source, "ephemeral");
  assert.ok(!first.secret.equals(second.secret));
  assert.match(first.warnings.join("\n"), /^skychat: no identity given: .*changes at every start/);
});

Deno.test("resolveIdentity passes over a bad DMSGCURL_SK with a warning that hides it", async () => {
  const bad = `${ENV}00`;
  const found = await resolveIdentity(sources({ env: { DMSGCURL_SK: bad }, configPath }));
  assert.equal(found.source, "config");
  assert.deepEqual(found.warnings, ["skychat: ignoring DMSGCURL_SK: Invalid secret key length"]);
});

Deno.test("resolveIdentity warns about a file that others can read, unless nobody can tell", async () => {
  for (const [mode, warns] of [[0o600, false], [0o400, false], [0o640, true], [0o604, true]]) {
    const readFile = () => Promise.resolve({ text: `{"sk":"${FILE}"}`, mode: Number(mode) });
    const { warnings } = await resolveIdentity(sources({ configPath, readFile }));
    assert.equal(warnings.length, warns ? 1 : 0, String(mode));
    if (warns) assert.match(warnings[0] ?? "", /\/keys\.json can be read by other users/);
  }
  const readFile = () => Promise.resolve({ text: `{"sk":"${FILE}"}`, mode: undefined });
  assert.deepEqual((await resolveIdentity(sources({ configPath, readFile }))).warnings, []);
});

const errors: readonly [
  name: string,
  given: Partial<IdentitySources>,
  text: string,
  code: string,
][] = [
  ["--sk is no hex", { sk: "zz", env }, "--sk: Invalid secret key", "bad-flag"],
  ["--sk is short", { sk: "00" }, "--sk: Invalid secret key length", "bad-flag"],
  ["--sk is zero", { sk: "00".repeat(32) }, "--sk: Invalid secret key", "bad-flag"],
  ["--sk ends with a space", { sk: `${FLAG} ` }, "--sk: Invalid secret key", "bad-flag"],
  [
    "there is no file",
    { configPath: "/no" },
    "-c /no: read /no: no such file or directory",
    "bad-config",
  ],
  [
    "nothing is given and a random key does not do",
    { allowEphemeral: false },
    "TCP-direct enabled but no identity configured " +
    "(set --sk, DMSGCURL_SK env, or -c /path/to/skywire.json)",
    "no-identity",
  ],
  [
    "only a bad variable is given",
    { allowEphemeral: false, env: { DMSGCURL_SK: "x" } },
    "TCP-direct enabled but no identity configured " +
    "(set --sk, DMSGCURL_SK env, or -c /path/to/skywire.json)",
    "no-identity",
  ],
];

for (const [name, given, text, code] of errors) {
  Deno.test(`resolveIdentity fails when ${name}`, async () => {
    await assert.rejects(resolveIdentity(sources(given)), (error: unknown) => {
      assert.ok(error instanceof IdentityError);
      assert.equal(error.message, text);
      assert.equal(error.code, code);
      return true;
    });
  });
}

const files: readonly [content: string, text: string][] = [
  ["", "parse /f: not valid JSON"],
  ["{", "parse /f: not valid JSON"],
  [`{"sk": ${FILE}}`, "parse /f: not valid JSON"],
  [`\ufeff{"sk":"${FILE}"}`, "parse /f: not valid JSON"],
  ["[]", "parse /f: not a JSON object"],
  ['"x"', "parse /f: not a JSON object"],
  ['{"sk":7}', "parse /f: sk is not a string"],
  ["null", "/f has no sk field"],
  ["{}", "/f has no sk field"],
  ['{"sk":""}', "/f has no sk field"],
  ['{"sk":null}', "/f has no sk field"],
  ['{"SK":"x","inner":{"sk":"y"}}', "/f has no sk field"],
  ['{"sk":"zz"}', "/f sk: Invalid secret key"],
  [`{"sk":"${FILE}\\n"}`, "/f sk: Invalid secret key"],
  [`{"sk":"${FILE}0a"}`, "/f sk: Invalid secret key length"],
];

for (const [content, text] of files) {
  Deno.test(`resolveIdentity refuses a file with ${JSON.stringify(content.slice(0, 20))}`, async () => {
    const readFile = () => Promise.resolve({ text: content, mode: 0o600 });
    await assert.rejects(resolveIdentity(sources({ configPath: "/f", readFile })), (error) => {
      assert.ok(error instanceof IdentityError);
      assert.equal(error.message, `-c /f: ${text}`);
      assert.equal(error.code, "bad-config");
      assert.ok(!error.message.includes(FILE.slice(0, 8)), "the text holds a piece of the key");
      return true;
    });
  });
}
