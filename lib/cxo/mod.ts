/**
 * Replicated feeds (CXO): a tree of paths to bytes, signed by the key of its feed, copied by hash.
 *
 * Beside `#chat`, above `#net`: it uses `#kit` and `#crypto`. So far the part without connections: the
 * encoding, frames and node messages, and the object graph with its writer, its reader and the order in which a
 * copy is fetched. It never waits, never looks at a clock, never
 * logs and never sees a socket; whoever feeds it bytes decides when. What a peer did wrong comes back
 * as a {@link CxoFault}; nothing that a peer announces is allocated before it arrived. Format:
 * `docs/spec/cxo.md` sections 2.3 to 6.
 *
 * @example
 * ```ts
 * import { systemRandom, utf8 } from "#kit";
 * import { SecretKey } from "#crypto";
 * import { acceptRoot, CxoFault, REGISTRY, rootMessage, signRoot, Tree, TREE_NODE_SCHEMA, ZERO_ID } from "#cxo";
 *
 * const secret = SecretKey.generate(systemRandom);
 * const tree = new Tree();
 * tree.put("msgs/1788912000123456789-000001", utf8("hello"));
 * const { root: object, objects } = tree.publish();
 * console.assert(objects.length === 6);
 *
 * const signed = signRoot({
 *   refs: [{ object, schema: TREE_NODE_SCHEMA.id }],
 *   descriptor: new Uint8Array(0),
 *   registry: REGISTRY.id,
 *   pub: secret.publicKey.hex,
 *   nonce: 1n,
 *   seq: 0n,
 *   time: 1788912000423456789n,
 *   prev: ZERO_ID,
 * }, secret);
 * console.assert(!(acceptRoot(rootMessage(signed)) instanceof CxoFault));
 * ```
 *
 * @module
 */
export { CxoFault, type CxoFaultCode } from "./fault.ts";
export { decodeWhole, type ReadBound, Reader, Writer } from "./encoder.ts";
export * from "./object_id.ts";
export * from "./frame.ts";
export * from "./messages.ts";
export * from "./registry.ts";
export * from "./root.ts";
export * from "./refs.ts";
export * from "./tree_objects.ts";
export * from "./tree.ts";
export * from "./walk.ts";
export * from "./fill.ts";
export * from "./object_shelf.ts";
export * from "./wire.ts";
export * from "./connection.ts";
export { MAX_OUTGOING_FRAMES, QUEUE_FULL_LIMIT_MS, WRITE_SLICE_BYTES } from "./outgoing.ts";
export { type CxoOutcome, type CxoRequestOptions, REQUEST_LIMIT_MS } from "./pending_requests.ts";
export * from "./shared_feed.ts";
export * from "./coming_objects.ts";
export * from "./fill_run.ts";
export * from "./followed_feed.ts";
export * from "./feed_journal.ts";
export * from "./root_chain.ts";
export * from "./published_feed.ts";
export * from "./seen_leaves.ts";
export * from "./node.ts";
export { CROSSED_DIALS_MS } from "./node_peers.ts";
export * from "./feed_subscriber.ts";
