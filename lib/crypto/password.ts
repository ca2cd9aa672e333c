import { concat, equalSecrets, fromHex, type Random, toHex, utf8 } from "#kit";
import { sha256 } from "./hash.ts";
import { PasswordFileError } from "./password_file_error.ts";
import { formatScryptLine, parseScryptLine, SCRYPT_COST, scryptHash } from "./password_scrypt.ts";

/** Tells the right password from wrong ones. */
export interface PasswordVerifier {
  /** Whether one try costs much time and memory, so that callers must limit tries. */
  readonly slow: boolean;
  /**
   * Whether these are the bytes of the password. Compares in constant time, lets others have turns. A
   * password with a NUL is always wrong: HMAC, and so scrypt, fills a short one up with them.
   */
  verify(password: Uint8Array): Promise<boolean>;
}

/** Forms of a password line: ours, hard on memory, and the one that the deployed system reads. */
export type PasswordForm = "scrypt" | "sha256";

/** Most characters of a password file, surrounding whitespace apart (ours). */
export const MAX_PASSWORD_LINE = 16_384;
/** Most bytes of a password that {@link hashPassword} takes (ours). */
export const MAX_PASSWORD_BYTES = 1_024;
/** Bytes of the salt of lines that we write (ours). */
export const PASSWORD_SALT_BYTES = 16;

const DIGEST_BYTES = 32;

/**
 * Reads a password file (http-api.md 2.1): `<hex salt>:<hex SHA-256(password + salt)>`, or our own
 * `$scrypt$ln=15,r=8,p=1$<base64 salt>$<base64 hash>`. Surrounding whitespace is ignored.
 *
 * @returns `blank` for a file of whitespace: no authentication.
 * @throws {PasswordFileError} for anything else.
 */
export function parsePasswordLine(text: string): PasswordVerifier | "blank" {
  const line = text.trim();
  if (line === "") return "blank";
  if (line.length > MAX_PASSWORD_LINE) {
    throw malformed(`it has more than ${MAX_PASSWORD_LINE} characters`);
  }
  if (/[\r\n]/.test(line)) throw malformed("it has more than one line");
  if (/^\$2[abxy]?\$/.test(line)) {
    throw new PasswordFileError(
      "password-file-bcrypt",
      "it holds a bcrypt line, which was never accepted, whatever older guides say",
    );
  }
  return line.startsWith("$scrypt$") ? scryptVerifier(line) : sha256Verifier(line);
}

/**
 * The line for a password file that holds this password; no line end.
 *
 * @throws {RangeError} when the password is empty, longer than {@link MAX_PASSWORD_BYTES} bytes, or holds
 * a NUL.
 */
export async function hashPassword(
  password: string,
  { form, random }: { form: PasswordForm; random: Random },
): Promise<string> {
  const bytes = utf8(password);
  if (bytes.length === 0) throw new RangeError("Cannot hash a password: it is empty");
  if (bytes.length > MAX_PASSWORD_BYTES) {
    throw new RangeError(`Cannot hash a password: it is longer than ${MAX_PASSWORD_BYTES} bytes`);
  }
  if (bytes.includes(0)) throw new RangeError("Cannot hash a password: it holds a NUL character");
  const salt = random.bytes(PASSWORD_SALT_BYTES);
  if (form === "sha256") return `${toHex(salt)}:${toHex(sha256(concat(bytes, salt)))}`;
  const hash = await scryptHash(bytes, { ...SCRYPT_COST, salt, length: DIGEST_BYTES });
  return formatScryptLine({ ...SCRYPT_COST, salt, hash });
}

function sha256Verifier(line: string): PasswordVerifier {
  const colon = line.indexOf(":");
  if (colon < 0) {
    throw malformed("the line is neither <hex salt>:<hex digest> nor $scrypt$…");
  }
  const salt = fromHex(line.slice(0, colon));
  const digest = fromHex(line.slice(colon + 1));
  if (salt === undefined) throw malformed("the salt before the colon is not hex");
  if (digest === undefined) throw malformed("the digest after the colon is not hex");
  if (digest.length !== DIGEST_BYTES) {
    throw malformed(`the digest after the colon has not ${2 * DIGEST_BYTES} hex digits`);
  }
  return {
    slow: false,
    verify: (password) =>
      Promise.resolve(
        equalSecrets(sha256(concat(password, salt)), digest) && !password.includes(0),
      ),
  };
}

function scryptVerifier(line: string): PasswordVerifier {
  const { hash, ...parameters } = parseScryptLine(line);
  return {
    slow: true,
    async verify(password) {
      const options = { ...parameters, length: hash.length };
      return equalSecrets(await scryptHash(password, options), hash) && !password.includes(0);
    },
  };
}

function malformed(reason: string): PasswordFileError {
  return new PasswordFileError("password-file-malformed", reason);
}
