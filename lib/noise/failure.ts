/** What a peer's bytes can do wrong; stable codes, told apart by programs. */
export type NoiseFailureCode =
  | "bad-tag"
  | "frame-too-long"
  | "invalid-key"
  | "message-too-short"
  | "nonce-not-larger"
  | "record-too-short";

/**
 * Bytes of a peer that were refused: a value, since a hostile peer is no exceptional case. It is
 * final: nothing after it can be trusted (noise.md 3.4, 6).
 */
export interface NoiseFailure {
  /** Tells a refusal from {@link NoiseBytes}. */
  readonly ok: false;
  /** What was wrong, for programs. */
  readonly code: NoiseFailureCode;
  /** The text of noise.md 3.4, 5 or 6. */
  readonly message: string;
}

/** Bytes that were accepted. */
export interface NoiseBytes {
  /** Tells accepted bytes from a {@link NoiseFailure}. */
  readonly ok: true;
  /** Plaintext: a payload, or what a record held. May be empty. */
  readonly bytes: Uint8Array;
}

/** The outcome of reading something a peer sent. */
export type NoiseRead = NoiseBytes | NoiseFailure;

/** Builds a refusal. */
export function failure(code: NoiseFailureCode, message: string): NoiseFailure {
  return { ok: false, code, message };
}

/** A tag did not hold, whatever the reason: cut, altered, another key (noise.md 3.4, 6). */
export const BAD_TAG: NoiseFailure = failure(
  "bad-tag",
  "chacha20poly1305: message authentication failed",
);
