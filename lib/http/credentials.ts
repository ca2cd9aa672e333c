import { hmacSha256 } from "#crypto";
import { type Clock, equalSecrets, type Random, toHex } from "#kit";

/** Most characters of an Authorization header that are looked at; a longer one holds no password (ours). */
export const MAX_AUTHORIZATION = 8_192;
/**
 * Milliseconds without use after which the right password must be hashed again (ours): a day, so that
 * guessers, who may share an address with everybody else, keep nobody waiting who uses the node daily.
 */
export const REMEMBER_MS = 86_400_000;
/** Wrong passwords remembered, so that repeating one costs no hash; the oldest is forgotten (ours). */
export const MAX_WRONG_REMEMBERED = 256;

/**
 * The password of a Basic Authorization header (RFC 7617), as the bytes that came: the user name does
 * not matter, and a password may contain colons. Undefined when the header has none.
 */
export function basicPassword(authorization: string | undefined): Uint8Array | undefined {
  if (authorization === undefined || authorization.length > MAX_AUTHORIZATION) return undefined;
  const [, text] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? [];
  if (text === undefined) return undefined;
  const bytes = decoded(text);
  const colon = bytes?.indexOf(0x3a) ?? -1;
  return colon < 0 ? undefined : bytes?.subarray(colon + 1);
}

function decoded(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return undefined;
  }
}

/** A secret as the memory below knows it: nobody can compute it without the key of this process. */
export type Digest = Uint8Array;

/** Remembers which secrets were right and wrong, as keyed digests only. */
export class CredentialMemory {
  readonly #key: Uint8Array;
  readonly #clock: Clock;
  #right: { readonly digest: Digest; until: number } | undefined;
  readonly #wrong = new Set<string>();

  constructor({ clock, random }: { clock: Clock; random: Random }) {
    this.#clock = clock;
    this.#key = random.bytes(32);
  }

  /** The keyed digest of a secret. */
  digest(secret: Uint8Array): Digest {
    return hmacSha256(this.#key, secret);
  }

  /** Whether it was right not long ago; if so, it stays remembered. */
  isRight(digest: Digest): boolean {
    const right = this.#right;
    if (right === undefined || !equalSecrets(right.digest, digest)) return false;
    const now = this.#clock.now();
    if (now >= right.until) return false;
    right.until = now + REMEMBER_MS;
    return true;
  }

  /** Whether it was wrong, which it is for ever: the password does not change while we run. */
  isWrong(digest: Digest): boolean {
    return this.#wrong.has(toHex(digest));
  }

  /** Remembers what came of it. */
  learn(digest: Digest, right: boolean): void {
    if (right) {
      this.#right = { digest, until: this.#clock.now() + REMEMBER_MS };
      return;
    }
    const [oldest] = this.#wrong;
    if (oldest !== undefined && this.#wrong.size >= MAX_WRONG_REMEMBERED) {
      this.#wrong.delete(oldest);
    }
    this.#wrong.add(toHex(digest));
  }
}
