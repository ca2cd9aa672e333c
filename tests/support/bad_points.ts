import { concat, fromHex } from "#kit";

/** Bytes that a peer may send for a key and that are none. */
export interface BadPoint {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const FIELD_PRIME = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
const GENERATOR_X = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const GENERATOR_Y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
/** x whose x^3 + 7 is no square: the points of the twist, where invalid-curve attacks live. */
const OFF_CURVE_X = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000005",
  "0000000000000000000000000000000000000000000000000000000000000007",
  "5555555555555555555555555555555555555555555555555555555555555555",
  "1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef",
];

/**
 * Every kind of bytes that is no key: all must be refused as a value, without an exception and above
 * all without ending the process, as `node:crypto` of Deno 2.6 would.
 */
export const badPoints: readonly BadPoint[] = [
  { name: "nothing", bytes: new Uint8Array(0) },
  { name: "one byte", bytes: bytes("02") },
  { name: "x without prefix", bytes: bytes(GENERATOR_X) },
  { name: "one byte short", bytes: bytes(`02${GENERATOR_X}`).subarray(0, 32) },
  { name: "one byte long", bytes: bytes(`02${GENERATOR_X}00`) },
  { name: "uncompressed", bytes: bytes(`04${GENERATOR_X}${GENERATOR_Y}`) },
  { name: "hybrid", bytes: bytes(`06${GENERATOR_X}${GENERATOR_Y}`) },
  { name: "uncompressed, cut to 33", bytes: bytes(`04${GENERATOR_X}`) },
  { name: "all zero", bytes: new Uint8Array(33) },
  { name: "all ff", bytes: new Uint8Array(33).fill(0xff) },
  { name: "x is the field prime", bytes: bytes(`02${FIELD_PRIME}`) },
  {
    name: "x is 1, a valid x, plus the field prime",
    bytes: bytes(`02${FIELD_PRIME.slice(0, -2)}30`),
  },
  { name: "x is the largest number", bytes: bytes(`03${"ff".repeat(32)}`) },
  ...[0, 1, 4, 5, 6, 7, 0x82, 0xff].map((prefix) => ({
    name: `prefix ${prefix}`,
    bytes: concat(Uint8Array.of(prefix), bytes(GENERATOR_X)),
  })),
  ...OFF_CURVE_X.flatMap((x) =>
    ["02", "03"].map((prefix) => ({
      name: `off the curve: ${prefix}${x}`,
      bytes: bytes(prefix + x),
    }))
  ),
];

function bytes(hex: string): Uint8Array {
  const decoded = fromHex(hex);
  if (decoded === undefined) throw new Error(`Cannot read test bytes: ${hex} is not hex`);
  return decoded;
}
