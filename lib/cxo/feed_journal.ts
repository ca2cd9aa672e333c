import { type Log, utf8Text } from "#kit";
import { decodeWhole, Writer } from "./encoder.ts";
import { CxoFault } from "./fault.ts";
import { ID_BYTES, MAX_OBJECT_BYTES, type ObjectId } from "./object_id.ts";
import { LEAF_NAME_BYTES } from "./seen_leaves.ts";
import { MAX_PATH_BYTES } from "./tree_objects.ts";

/** Where a feed keeps what must outlive the process; `Journal` of `#store` has this shape. */
export interface FeedJournal {
  /** Everything, oldest first; entries may come twice after a crash. */
  read(): Promise<
    { readonly state: Uint8Array | undefined; readonly entries: readonly Uint8Array[] }
  >;
  /** Adds entries, and replaces the state where one is given; false when the disk refused. */
  append(entries: readonly Uint8Array[], state?: Uint8Array): Promise<boolean>;
  /** Replaces all entries; false when the disk refused. */
  rewrite(entries: readonly Uint8Array[], state?: Uint8Array): Promise<boolean>;
  /** Entries on disk. */
  readonly length: number;
}

/** One entry of a journal. */
export type FeedEntry =
  /** The own feed has this leaf. */
  | { readonly kind: "leaf"; readonly path: string; readonly value: Uint8Array }
  /** The own feed has no leaf before this path any more. */
  | { readonly kind: "before"; readonly path: string }
  /** Of a followed feed, the leaf with this name (see `SeenLeaves`) was handled. */
  | { readonly kind: "seen"; readonly name: string }
  /** The own feed has no leaf of this path any more, until it is put again. */
  | { readonly kind: "gone"; readonly path: string };

/** In the order of their numbers on disk: new ones come last. */
const KINDS: readonly FeedEntry["kind"][] = ["leaf", "before", "seen", "gone"];

/** The bytes of an entry. */
export function encodeFeedEntry(entry: FeedEntry): Uint8Array {
  const writer = new Writer().u8(KINDS.indexOf(entry.kind));
  if (entry.kind === "seen") return writer.hex(entry.name).finish();
  writer.text(entry.path);
  if (entry.kind === "leaf") writer.bytes(entry.value);
  return writer.finish();
}

/** The inverse; a fault for bytes that this program did not write. */
export function decodeFeedEntry(bytes: Uint8Array): FeedEntry | CxoFault {
  return decodeWhole(bytes, (reader) => {
    const kind = KINDS[reader.u8()];
    const path = () => utf8Text(reader.bytes({ most: MAX_PATH_BYTES }));
    switch (kind) {
      case "leaf":
        return { kind, path: path(), value: reader.bytes({ most: MAX_OBJECT_BYTES }) };
      case "before":
      case "gone":
        return { kind, path: path() };
      case "seen":
        return { kind, name: reader.hex(LEAF_NAME_BYTES) };
      default:
        throw new CxoFault("invalid-value", "an unknown kind of entry");
    }
  });
}

/** How far the chain of an own feed may have got. */
export interface ChainState {
  /** Number of the head. */
  readonly nonce: bigint;
  /** No Root with a higher Seq was published. */
  readonly reserved: bigint;
  /** A Root of the head, for the Prev of the next; zero when there was none. */
  readonly prev: ObjectId;
  /** Time of that Root, Unix nanoseconds. */
  readonly time: bigint;
}

/** The bytes of a state. */
export function encodeChainState({ nonce, reserved, prev, time }: ChainState): Uint8Array {
  return new Writer().u64(nonce).u64(reserved).hex(prev).i64(time).finish();
}

/** The inverse. */
export function decodeChainState(bytes: Uint8Array): ChainState | CxoFault {
  return decodeWhole(bytes, (reader) => ({
    nonce: reader.u64(),
    reserved: reader.u64(),
    prev: reader.hex(ID_BYTES),
    time: reader.i64(),
  }));
}

/** What a journal says of an own feed. */
export interface StoredFeed {
  /** For a `RootChain`. */
  readonly state: Uint8Array | undefined;
  /** Values by path. */
  readonly leaves: ReadonlyMap<string, Uint8Array>;
  /** The largest path before which leaves were dropped; empty where none were. */
  readonly droppedBefore: string;
}

/** Reads the journal of an own feed; entries that cannot be read are logged and left out. */
export async function readFeedJournal(
  journal: FeedJournal | undefined,
  log: Log,
): Promise<StoredFeed> {
  const leaves = new Map<string, Uint8Array>();
  const gone = new Set<string>();
  let [unreadable, droppedBefore] = [0, ""];
  if (journal === undefined) return { state: undefined, leaves, droppedBefore };
  const { state, entries } = await journal.read();
  // From the end, so that what was dropped is known before it is met, however often something was.
  for (const bytes of entries.toReversed()) {
    const entry = decodeFeedEntry(bytes);
    if (entry instanceof CxoFault || entry.kind === "seen") unreadable++;
    else if (entry.kind === "before") {
      if (entry.path > droppedBefore) droppedBefore = entry.path;
    } else if (entry.kind === "gone") gone.add(entry.path);
    else if (
      !leaves.has(entry.path) && !gone.has(entry.path) && !sortsBefore(entry.path, droppedBefore)
    ) {
      leaves.set(entry.path, entry.value);
    }
  }
  if (unreadable > 0) {
    log.warn(`skychat: cxo: ${unreadable} stored entries of the own feed cannot be read`);
  }
  // In the order of writing again: a tree takes ascending paths a hundred times as fast.
  return { state, leaves: new Map([...leaves].reverse()), droppedBefore };
}

/** Whether a path is beside another one and before it; paths that are dropped are plain ASCII. */
function sortsBefore(path: string, other: string): boolean {
  const parent = other.slice(0, other.lastIndexOf("/") + 1);
  return path.startsWith(parent) && path < other;
}
