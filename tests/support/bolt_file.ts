const PAGE = 4_096;
const META_BYTES = 64;

/**
 * A valid BoltDB file with one bucket "messages", one conversation and one message in it, made from
 * the facts of history.md, appendix A: two metas, an empty free list, one leaf page with the root,
 * inline buckets.
 */
export function boltFile(peer: string, key: bigint, value: string): Uint8Array {
  const file = new Uint8Array(4 * PAGE);
  const view = new DataView(file.buffer);
  for (const txid of [0, 1]) {
    pageHeader(view, txid, { flags: 0x04, count: 0 });
    const meta = txid * PAGE + 16;
    view.setUint32(meta, 0xed0cdaed, true);
    view.setUint32(meta + 4, 2, true);
    view.setUint32(meta + 8, PAGE, true);
    view.setBigUint64(meta + 16, 3n, true);
    view.setBigUint64(meta + 32, 2n, true);
    view.setBigUint64(meta + 40, 4n, true);
    view.setBigUint64(meta + 48, BigInt(txid), true);
    view.setBigUint64(meta + 56, fnv(file.subarray(meta, meta + META_BYTES - 8)), true);
  }
  pageHeader(view, 2, { flags: 0x10, count: 0 });
  pageHeader(view, 3, { flags: 0x02, count: 1 });
  const record = new Uint8Array(8);
  new DataView(record.buffer).setBigUint64(0, key);
  const conversation = inlineBucket(element(0, record, ascii(value)));
  const messages = inlineBucket(element(1, ascii(peer), conversation));
  file.set(element(1, ascii("messages"), messages), 3 * PAGE + 16);
  return file;
}

function pageHeader(
  view: DataView,
  id: number,
  { flags, count }: { flags: number; count: number },
): void {
  view.setBigUint64(id * PAGE, BigInt(id), true);
  view.setUint16(id * PAGE + 8, flags, true);
  view.setUint16(id * PAGE + 10, count, true);
}

/** One leaf element with its key and value right behind it. */
function element(flags: number, ...parts: readonly [Uint8Array, Uint8Array]): Uint8Array {
  const [key, value] = parts;
  const bytes = new Uint8Array(16 + key.length + value.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, flags, true);
  view.setUint32(4, 16, true);
  view.setUint32(8, key.length, true);
  view.setUint32(12, value.length, true);
  bytes.set(key, 16);
  bytes.set(value, 16 + key.length);
  return bytes;
}

/** A bucket whose only leaf page follows in its value. */
function inlineBucket(leaf: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(32 + leaf.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(16 + 8, 0x02, true);
  view.setUint16(16 + 10, 1, true);
  bytes.set(leaf, 32);
  return bytes;
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** FNV-1a, 64 bits. */
function fnv(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
