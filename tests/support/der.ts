import { concat, toHex } from "#kit";

const UNCOMPRESSED_KEY = "3056301006072a8648ce3d020106052b8104000a034200";
const COMPRESSED_KEY = "3036301006072a8648ce3d020106052b8104000a032200";

/**
 * The point inside a DER key of the named curve secp256k1, 65 or 33 bytes; undefined for every other
 * encoding. Strict on purpose: no layer of ours reads DER.
 */
export function pointOfDerKey(der: Uint8Array): Uint8Array | undefined {
  const header = toHex(der.subarray(0, 23));
  const point = der.subarray(23);
  const fits = (header === UNCOMPRESSED_KEY && point.length === 65) ||
    (header === COMPRESSED_KEY && point.length === 33);
  return fits ? point : undefined;
}

/** `r || s` of a strictly encoded DER signature whose numbers fit 32 bytes; undefined for others. */
export function compactOfDerSignature(der: Uint8Array): Uint8Array | undefined {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 129) return undefined;
  const r = integerAt(der, 2);
  const s = r && integerAt(der, r.end);
  return r && s && s.end === der.length ? concat(r.bytes, s.bytes) : undefined;
}

function integerAt(der: Uint8Array, at: number): { bytes: Uint8Array; end: number } | undefined {
  const length = der[at + 1] ?? 0x80;
  const end = at + 2 + length;
  const content = der.subarray(at + 2, end);
  const [first = 0x80, second = 0x80] = content;
  const padded = first === 0 && content.length > 1;
  if (der[at] !== 2 || length > 0x7f || content.length !== length || first > 0x7f) return undefined;
  if (padded && second < 0x80) return undefined;
  const magnitude = padded ? content.subarray(1) : content;
  if (magnitude.length > 32) return undefined;
  return { bytes: concat(new Uint8Array(32 - magnitude.length), magnitude), end };
}
