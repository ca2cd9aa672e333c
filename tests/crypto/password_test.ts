import { match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import {
  hashPassword,
  MAX_PASSWORD_BYTES,
  parsePasswordLine,
  PasswordFileError,
  type PasswordVerifier,
  sha256,
} from "#crypto";
import { concat, fromHex, systemClock, toHex, utf8 } from "#kit";
import { SeededRandom } from "#support/seeded_random.ts";
import * as fc from "fast-check";

const random = new SeededRandom(3);

function verifier(line: string): PasswordVerifier {
  const parsed = parsePasswordLine(line);
  if (parsed === "blank") throw new Error("blank");
  return parsed;
}

/** RFC 7914 section 12, those within our bounds: password, salt, cost, 64 bytes. */
const RFC_7914: readonly [string, string, string, string][] = [
  [
    "password",
    "NaCl",
    "ln=10,r=8,p=16",
    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
  ],
  [
    "pleaseletmein",
    "SodiumChloride",
    "ln=14,r=8,p=1",
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
  ],
];

for (const [password, salt, cost, hex] of RFC_7914) {
  Deno.test(`parsePasswordLine verifies the vector of RFC 7914 with ${cost}`, async () => {
    const hash = fromHex(hex) ?? new Uint8Array();
    const line = `$scrypt$${cost}$${utf8(salt).toBase64()}$${hash.toBase64()}`;
    const { slow, verify } = verifier(line);
    strictEqual(slow, true);
    strictEqual(await verify(utf8(password)), true);
    strictEqual(await verify(utf8(password + "x")), false);
    hash[63] = (hash[63] ?? 0) ^ 1;
    const other = verifier(`$scrypt$${cost}$${utf8(salt).toBase64()}$${hash.toBase64()}`);
    strictEqual(await other.verify(utf8(password)), false);
  });
}

Deno.test("parsePasswordLine reads the example of the specification", async () => {
  const { slow, verify } = verifier(`4e61436c:${toHex(sha256(utf8("s3cretNaCl")))}`);
  strictEqual(slow, false);
  strictEqual(await verify(utf8("s3cret")), true);
  strictEqual(await verify(utf8("s3cre")), false);
  strictEqual(await verify(utf8("")), false);
});

Deno.test("parsePasswordLine ignores surrounding whitespace and the case of hex", async () => {
  const line = `4E61436C:${toHex(sha256(utf8("s3cretNaCl"))).toUpperCase()}`;
  for (const text of [`${line}\n`, `\ufeff${line}\r\n\n`, ` \t${line} `]) {
    strictEqual(await verifier(text).verify(utf8("s3cret")), true);
  }
});

Deno.test("parsePasswordLine takes a salt of any length", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 80 }),
      async (salt, password) => {
        fc.pre(!password.includes(0));
        const line = `${toHex(salt)}:${toHex(sha256(concat(password, salt)))}`;
        strictEqual(await verifier(line).verify(password), true);
        strictEqual(await verifier(line).verify(concat(password, utf8("!"))), false);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("parsePasswordLine calls whitespace blank", () => {
  for (const text of ["", "\n", " \t\r\n\n", "\ufeff"]) {
    strictEqual(parsePasswordLine(text), "blank");
  }
});

const DIGEST = "a".repeat(64);
const SALT = utf8("0123456789abcdef").toBase64();
const HASH = new Uint8Array(32).toBase64();
const BAD: readonly [string, string, RegExp][] = [
  ["password-file-malformed", "hunter2", /neither/],
  ["password-file-malformed", `zz:${DIGEST}`, /salt .* not hex/],
  ["password-file-malformed", `abc:${DIGEST}`, /salt .* not hex/],
  ["password-file-malformed", `ab:${DIGEST.slice(1)}g`, /digest .* not hex/],
  ["password-file-malformed", `ab:${DIGEST.slice(2)}`, /64 hex digits/],
  ["password-file-malformed", `ab:${DIGEST}aa`, /64 hex digits/],
  ["password-file-malformed", `ab:`, /64 hex digits/],
  ["password-file-malformed", `ab:${DIGEST}:`, /not hex/],
  ["password-file-malformed", `ab:${DIGEST}\nab:${DIGEST}`, /more than one line/],
  ["password-file-malformed", `${"ab".repeat(10_000)}:${DIGEST}`, /more than 16384/],
  [
    "password-file-bcrypt",
    "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
    /bcrypt/,
  ],
  [
    "password-file-bcrypt",
    "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
    /bcrypt/,
  ],
  ["password-file-malformed", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA", /neither/],
  ["password-file-malformed", `$scrypt$ln=15,r=8,p=1$${SALT}`, /goes on otherwise/],
  ["password-file-malformed", `$scrypt$ln=15,r=8$${SALT}$${HASH}`, /goes on otherwise/],
  ["password-file-malformed", `$scrypt$ln=15,r=8,p=1$a$${HASH}`, /goes on otherwise/],
  ["password-file-malformed", `$scrypt$ln=999,r=8,p=1$${SALT}$${HASH}`, /goes on otherwise/],
  ["password-file-malformed", `$scrypt$ln=15,r=8,p=1$${SALT}$AAAA`, /16 to 64 bytes/],
  [
    "password-file-malformed",
    `$scrypt$ln=15,r=8,p=1$${"A".repeat(88)}$${HASH}`,
    /more than 64 bytes/,
  ],
  ["password-file-costly", `$scrypt$ln=9,r=8,p=1$${SALT}$${HASH}`, /ln 10 to 17/],
  ["password-file-costly", `$scrypt$ln=18,r=1,p=1$${SALT}$${HASH}`, /ln 10 to 17/],
  ["password-file-costly", `$scrypt$ln=31,r=8,p=1$${SALT}$${HASH}`, /ln 10 to 17/],
  ["password-file-costly", `$scrypt$ln=17,r=9,p=1$${SALT}$${HASH}`, /at most 134217728/],
  ["password-file-costly", `$scrypt$ln=15,r=8,p=5$${SALT}$${HASH}`, /at most 134217728/],
  ["password-file-costly", `$scrypt$ln=15,r=0,p=1$${SALT}$${HASH}`, /r 1 to 32/],
  ["password-file-costly", `$scrypt$ln=10,r=33,p=1$${SALT}$${HASH}`, /r 1 to 32/],
  ["password-file-costly", `$scrypt$ln=10,r=1,p=17$${SALT}$${HASH}`, /p 1 to 16/],
];

Deno.test("parsePasswordLine refuses what it cannot use, says how to mend it and quotes nothing", () => {
  for (const [code, line, pattern] of BAD) {
    throws(() => parsePasswordLine(line), (error) => {
      ok(error instanceof PasswordFileError, line);
      strictEqual(error.code, code, line);
      match(error.message, pattern, line);
      match(error.message, /skychat passwd/);
      if (line.length > 10) ok(!error.message.includes(line.slice(-10)), error.message);
      return true;
    });
  }
});

Deno.test("parsePasswordLine throws nothing but its own error on hostile text", () => {
  const pieces = fc.constantFrom(
    "$scrypt$",
    "ln=15,",
    "r=8,",
    "p=1$",
    "AAAA",
    ":",
    "=",
    "aa",
    "$2b$",
    "ü",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 9 }).map((list) => list.join("")),
  );
  fc.assert(
    fc.property(text, (line) => {
      try {
        parsePasswordLine(line);
      } catch (error) {
        ok(error instanceof PasswordFileError);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("hashPassword writes lines that verify, with a new salt each time", async () => {
  for (const form of ["scrypt", "sha256"] as const) {
    const line = await hashPassword("pass:wörd 🗝", { form, random });
    match(
      line,
      form === "scrypt"
        ? /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/
        : /^[0-9a-f]{32}:[0-9a-f]{64}$/,
    );
    strictEqual(await verifier(line).verify(utf8("pass:wörd 🗝")), true);
    strictEqual(await verifier(line).verify(utf8("pass:wörd")), false);
  }
  const form = "sha256";
  const lines = new Set([
    await hashPassword("x", { form, random }),
    await hashPassword("x", { form, random }),
  ]);
  strictEqual(lines.size, 2);
});

Deno.test("hashPassword refuses an empty password and one that is too long", async () => {
  for (const password of ["", "x".repeat(MAX_PASSWORD_BYTES + 1), "ü".repeat(513)]) {
    await rejects(hashPassword(password, { form: "sha256", random }), RangeError);
  }
});

Deno.test("verify lets the rest of the process go on while it hashes", async () => {
  const { verify } = verifier(await hashPassword("x", { form: "scrypt", random }));
  let turns = 0;
  let hashing = true;
  const result = verify(utf8("x")).finally(() => hashing = false);
  while (hashing) {
    await systemClock.sleep(0);
    turns++;
  }
  strictEqual(await result, true);
  ok(turns > 3, `${turns} turns`);
});

Deno.test("a password with a NUL is refused, also where HMAC cannot tell it from one without", async () => {
  const random = new SeededRandom(9);
  for (const form of ["scrypt", "sha256"] as const) {
    await rejects(hashPassword("secret\0", { form, random }), RangeError);
    const verifier = parsePasswordLine(await hashPassword("secret", { form, random }));
    if (verifier === "blank") throw new Error("blank");
    strictEqual(await verifier.verify(utf8("secret\0")), false, form);
    strictEqual(await verifier.verify(utf8("secret")), true, form);
  }
  // Written by somebody else, with the NUL in it.
  const nul = parsePasswordLine(`00:${toHex(sha256(utf8("secret\0\0")))}`);
  strictEqual(nul !== "blank" && await nul.verify(utf8("secret\0")), false);
});
