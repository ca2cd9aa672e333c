/**
 * One implementation of secp256k1. All of them give the same bytes. Points are 33 compressed bytes
 * and were checked with {@link CurveBackend.isPoint}, scalars 32 big-endian bytes checked to be in
 * 1 .. n - 1; keeping to that is the caller's part.
 */
export interface CurveBackend {
  /** The name that `/status` and the benchmark show. */
  readonly name: string;
  /** Whether the bytes are a compressed point of the curve. Takes anything, never throws. */
  isPoint(bytes: Uint8Array): boolean;
  /** d·G, compressed. */
  publicKey(scalar: Uint8Array): Uint8Array;
  /** SHA-256 of d·P compressed: noise.md 2. */
  ecdh(scalar: Uint8Array, point: Uint8Array): Uint8Array;
  /** d·P, compressed. */
  multiply(scalar: Uint8Array, point: Uint8Array): Uint8Array;
  /** `r || s || recid` over a 32-byte digest: low s, RFC 6979 nonce. */
  sign(scalar: Uint8Array, digest: Uint8Array): Uint8Array;
  /** The point that signed, from 64 bytes `r || s` and a recovery id 0 .. 3; undefined for none. */
  recover(compact: Uint8Array, recoveryId: number, digest: Uint8Array): Uint8Array | undefined;
}
