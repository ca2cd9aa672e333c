import { PasswordFileError } from "./password_file_error.ts";

/** Cost of one scrypt run (RFC 7914 section 2): N = 2^ln blocks of 128·r bytes, p times. */
export interface ScryptCost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** What a `$scrypt$` line says. */
export interface ScryptLine extends ScryptCost {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Cost of the lines we write: 32 MiB and about 0.2 s on a desktop core (ours). */
export const SCRYPT_COST: ScryptCost = { ln: 15, r: 8, p: 1 };
/** Smallest ln of a password file (ours): below it the hash is no obstacle. */
export const SCRYPT_LN_MIN = 10;
/** Largest ln of a password file (ours). */
export const SCRYPT_LN_MAX = 17;
/** Largest r of a password file (ours). */
export const SCRYPT_R_MAX = 32;
/** Largest p of a password file (ours). */
export const SCRYPT_P_MAX = 16;
/** Most bytes 128·r·p·2^ln of a password file (ours): bounds memory and time of one try together. */
export const SCRYPT_BYTES_MAX = 134_217_728;
/** Most bytes of the salt of a `$scrypt$` line (ours). */
export const SCRYPT_SALT_MAX = 64;
/** Fewest bytes of the hash of a `$scrypt$` line (ours). */
export const SCRYPT_HASH_MIN = 16;
/** Most bytes of the hash of a `$scrypt$` line (ours). */
export const SCRYPT_HASH_MAX = 64;

/** Milliseconds of hashing after which everything else gets a turn. */
const TURN_MS = 5;
const LINE =
  /^\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})\$([A-Za-z0-9+/]{1,90})={0,2}\$([A-Za-z0-9+/]{1,90})={0,2}$/;

/**
 * Reads a line in PHC string form: `$scrypt$ln=15,r=8,p=1$<base64 salt>$<base64 hash>`.
 *
 * @throws {PasswordFileError} when it has another shape, or a cost outside the bounds above.
 */
export function parseScryptLine(line: string): ScryptLine {
  const [, ln, r, p, saltText, hashText] = LINE.exec(line) ?? [];
  const [salt, hash] = [fromBase64(saltText), fromBase64(hashText)];
  if (salt === undefined || hash === undefined) {
    throw malformed(
      "the line starts like $scrypt$ln=15,r=8,p=1$<salt>$<hash> and goes on otherwise",
    );
  }
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  checkCost(cost);
  if (salt.length > SCRYPT_SALT_MAX) {
    throw malformed(`the scrypt salt has more than ${SCRYPT_SALT_MAX} bytes`);
  }
  if (hash.length < SCRYPT_HASH_MIN || hash.length > SCRYPT_HASH_MAX) {
    throw malformed(`the scrypt hash has not ${SCRYPT_HASH_MIN} to ${SCRYPT_HASH_MAX} bytes`);
  }
  return { ...cost, salt, hash };
}

/** The line that {@link parseScryptLine} reads, base64 without padding as the PHC form has it. */
export function formatScryptLine({ ln, r, p, salt, hash }: ScryptLine): string {
  const base64 = (bytes: Uint8Array) => bytes.toBase64({ omitPadding: true });
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
}

/**
 * Scrypt (RFC 7914). Everything else of the process gets a turn every few milliseconds. The module
 * is loaded at first use, so that programs without a password file do not pay for it.
 */
export async function scryptHash(
  password: Uint8Array,
  options: ScryptCost & { salt: Uint8Array; length: number },
): Promise<Uint8Array> {
  const { scryptAsync } = await import("@noble/hashes/scrypt.js");
  const { ln, r, p, salt, length } = options;
  return await scryptAsync(password, salt, { N: 2 ** ln, r, p, dkLen: length, asyncTick: TURN_MS });
}

function checkCost({ ln, r, p }: ScryptCost): void {
  const inRange = ln >= SCRYPT_LN_MIN && ln <= SCRYPT_LN_MAX && r >= 1 && r <= SCRYPT_R_MAX &&
    p >= 1 && p <= SCRYPT_P_MAX;
  if (inRange && 128 * r * p * 2 ** ln <= SCRYPT_BYTES_MAX) return;
  throw new PasswordFileError(
    "password-file-costly",
    `the scrypt cost is outside what is allowed: ln ${SCRYPT_LN_MIN} to ${SCRYPT_LN_MAX}, ` +
      `r 1 to ${SCRYPT_R_MAX}, p 1 to ${SCRYPT_P_MAX}, 128*r*p*2^ln at most ${SCRYPT_BYTES_MAX} bytes`,
  );
}

function malformed(reason: string): PasswordFileError {
  return new PasswordFileError("password-file-malformed", reason);
}

function fromBase64(text: string | undefined): Uint8Array | undefined {
  // One digit over a multiple of four is no whole byte.
  if (text === undefined || text.length % 4 === 1) return undefined;
  return Uint8Array.fromBase64(text);
}
