/** Times of stored records: the RFC 3339 of `#kit`, as peers' tools write it. */
export { formatRfc3339 as formatTimestamp, parseRfc3339 as parseTimestamp } from "#kit";
