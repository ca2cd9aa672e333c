import { PUBLIC_KEY_LENGTH, type SecretKey, sha256, signDigest, verifyDigest } from "#crypto";
import { toHex } from "#kit";
import { decodeWhole, type Reader, Writer } from "./encoder.ts";
import { CxoFault } from "./fault.ts";
import { MAX_ROOT_BYTES, type RootMessage } from "./messages.ts";
import { ID_BYTES, type KeyHex, type ObjectId, ZERO_ID } from "./object_id.ts";
import { REGISTRY, TREE_NODE_SCHEMA } from "./registry.ts";

/** An object together with the schema of its type. */
export interface Dynamic {
  /** The object, or zero for none. */
  readonly object: ObjectId;
  /** Id of its schema. */
  readonly schema: ObjectId;
}

/** The head of an object graph (cxo.md 5.3). */
export interface Root {
  /** What it points to: for the tree store one Dynamic, the root TreeNode; none is an empty tree. */
  readonly refs: readonly Dynamic[];
  /** Opaque; empty in the tree store. */
  readonly descriptor: Uint8Array;
  /** Id of the Registry. */
  readonly registry: ObjectId;
  /** The feed. */
  readonly pub: KeyHex;
  /** Number of the head; not 0. */
  readonly nonce: bigint;
  /** Place in the chain of the head, from 0. */
  readonly seq: bigint;
  /** When it was published, Unix nanoseconds. */
  readonly time: bigint;
  /** Id of the Root before it, zero exactly when `seq` is 0. */
  readonly prev: ObjectId;
}

/** A Root with its encoding, id and signature: ready to be pushed, or checked. */
export interface SignedRoot {
  /** The fields. */
  readonly root: Root;
  /** The encoding of the fields. */
  readonly value: Uint8Array;
  /** SHA-256 of the encoding. */
  readonly id: ObjectId;
  /** 65 bytes: R, S, recovery id. */
  readonly signature: Uint8Array;
}

/** The encoding of a Root: 193 bytes with one Dynamic and no descriptor. */
export function encodeRoot(root: Root): Uint8Array {
  const writer = new Writer();
  writer.list(root.refs, ({ object, schema }) => writer.hex(object).hex(schema));
  writer.bytes(root.descriptor).hex(root.registry).hex(root.pub);
  return writer.u64(root.nonce).u64(root.seq).i64(root.time).hex(root.prev).finish();
}

/** Reads a Root. Only its shape is checked; see {@link acceptRoot} for the rest. */
export function decodeRoot(value: Uint8Array): Root | CxoFault {
  if (value.length > MAX_ROOT_BYTES) {
    return new CxoFault("too-large", `Root of ${value.length} bytes, at most ${MAX_ROOT_BYTES}`);
  }
  return decodeWhole(value, (reader) => ({
    refs: reader.list(() => readDynamic(reader), { most: MAX_ROOT_BYTES, least: 2 * ID_BYTES }),
    descriptor: reader.bytes({ most: MAX_ROOT_BYTES }),
    registry: reader.hex(ID_BYTES),
    pub: reader.hex(PUBLIC_KEY_LENGTH),
    nonce: reader.u64(),
    seq: reader.u64(),
    time: reader.i64(),
    prev: reader.hex(ID_BYTES),
  }));
}

/**
 * Encodes and signs a Root with the key of its feed.
 *
 * @throws {RangeError} for a key other than the feed's, nonce 0, or a Prev that does not fit Seq.
 */
export function signRoot(root: Root, secret: SecretKey): SignedRoot {
  if (secret.publicKey.hex !== root.pub) throw new RangeError("Cannot sign a Root of another feed");
  if (root.nonce === 0n) throw new RangeError("Cannot sign a Root with nonce 0");
  const fault = chainFault(root);
  if (fault !== undefined) throw new RangeError(`Cannot sign a Root: ${fault.message}`);
  const value = encodeRoot(root);
  const digest = sha256(value);
  return { root, value, id: toHex(digest), signature: signDigest(secret, digest) };
}

/** The message that pushes a Root. */
export function rootMessage({ root, value, signature }: SignedRoot): RootMessage {
  return { type: "Root", feed: root.pub, nonce: root.nonce, seq: root.seq, value, signature };
}

/**
 * Checks a pushed Root in the order of cxo.md 4.5: the signature of the feed, then that the signed
 * fields are those of the message, then the rule of Seq and Prev.
 */
export function acceptRoot(message: RootMessage): SignedRoot | CxoFault {
  const { feed, value, signature } = message;
  const digest = sha256(value);
  const wrong = verifyDigest(Uint8Array.fromHex(feed), signature, digest);
  if (wrong !== undefined) return new CxoFault("bad-signature", wrong.message);
  const root = decodeRoot(value);
  if (root instanceof CxoFault) return root;
  if (root.pub !== feed) return new CxoFault("bad-root", "the signed Root names another feed");
  if (root.nonce !== message.nonce || root.seq !== message.seq) {
    return new CxoFault("bad-root", "the signed Root has another nonce or seq than its message");
  }
  return chainFault(root) ?? { root, value, id: toHex(digest), signature };
}

/**
 * The root TreeNode of a Root of the tree store, undefined for an empty tree, or why it is none.
 * Texts of cxo.md 5.3, misspelling included.
 */
export function rootTreeNode(root: Root): ObjectId | undefined | CxoFault {
  if (root.registry === ZERO_ID) return new CxoFault("bad-root", "blank registry reference");
  if (root.registry !== REGISTRY.id) {
    return new CxoFault("bad-root", `unknown registry ${root.registry}`);
  }
  const [dynamic] = root.refs;
  if (dynamic === undefined) return undefined;
  if (root.refs.length > 1) {
    return new CxoFault("bad-root", `${root.refs.length} references, a tree has one`);
  }
  const { object, schema } = dynamic;
  if (object === ZERO_ID) return undefined;
  if (schema === ZERO_ID) return new CxoFault("bad-root", "invalid dynamic reference");
  if (schema !== TREE_NODE_SCHEMA.id) return new CxoFault("bad-root", `missng schema "${schema}"`);
  return object;
}

function chainFault({ seq, prev }: Root): CxoFault | undefined {
  if (seq === 0n && prev !== ZERO_ID) return new CxoFault("bad-root", "unexpected Prev hash");
  if (seq !== 0n && prev === ZERO_ID) return new CxoFault("bad-root", "missing Prev hash");
  return undefined;
}

function readDynamic(reader: Reader): Dynamic {
  return { object: reader.hex(ID_BYTES), schema: reader.hex(ID_BYTES) };
}
