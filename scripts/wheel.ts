/** Reads one file out of a Python wheel, which is a zip archive. */

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
/** Compression method numbers of the zip format. */
const STORED = 0;
const DEFLATED = 8;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly size: number;
  /** Where its local header starts. */
  readonly offset: number;
}

/** The content of the one file whose name ends with `suffix`; throws when it is not exactly one. */
export async function wheelMember(
  archive: Uint8Array<ArrayBuffer>,
  suffix: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const matches = entriesOf(archive).filter(({ name }) => name.endsWith(suffix));
  const [entry] = matches;
  if (entry === undefined || matches.length > 1) {
    throw new Error(`Cannot find ${suffix} in the wheel: ${matches.length} files match`);
  }
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const start = entry.offset + 30 + view.getUint16(entry.offset + 26, true) +
    view.getUint16(entry.offset + 28, true);
  const content = archive.subarray(start, start + entry.size);
  if (entry.method === STORED) return content;
  if (entry.method !== DEFLATED) throw new Error(`Cannot unpack method ${entry.method}`);
  const inflated = new Blob([content]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(inflated).arrayBuffer());
}

function entriesOf(archive: Uint8Array<ArrayBuffer>): Entry[] {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  let end = archive.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw new Error("Cannot read the wheel: it is not a zip archive");
  const entries: Entry[] = [];
  let at = view.getUint32(end + 16, true);
  while (view.getUint32(at, true) === DIRECTORY_ENTRY) {
    const nameLength = view.getUint16(at + 28, true);
    entries.push({
      name: new TextDecoder().decode(archive.subarray(at + 46, at + 46 + nameLength)),
      method: view.getUint16(at + 10, true),
      size: view.getUint32(at + 20, true),
      offset: view.getUint32(at + 42, true),
    });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}
