/** Milliseconds from connecting (or from a later request's first byte) to a complete head (http-api.md 1.2). */
export const HEAD_DEADLINE_MS = 5_000;
/** Milliseconds from the head to the last byte of a request body. */
export const BODY_DEADLINE_MS = 10_000;
/** Milliseconds a kept-alive connection may wait for its next request. */
export const IDLE_LIMIT_MS = 60_000;
/** Milliseconds without a byte taken by the client after which a reply is given up. */
export const REPLY_STALL_MS = 10_000;
/** Milliseconds without a byte taken by the client after which an event stream is given up. */
export const STREAM_STALL_MS = 30_000;
/** Milliseconds for which we read on after our last byte, so that the client still sees the reply. */
export const LINGER_MS = 1_000;
/** Bytes that are read and thrown away while lingering. */
export const LINGER_BYTES = 4_194_304;
/** Milliseconds between two looks at the deadlines above: each is late by at most this. */
export const SWEEP_INTERVAL_MS = 250;
/** Milliseconds that requests in flight get at shutdown; http-api.md 7 gives the whole process 2 s. */
export const SHUTDOWN_GRACE_MS = 1_500;
/** Milliseconds to wait before accepting again when the system is out of descriptors. */
export const ACCEPT_RETRY_MS = 100;
/** Milliseconds between two log lines about connections that cannot be accepted. */
export const ACCEPT_TROUBLE_MS = 60_000;

/** Connections at a time. At the cap the one that waits longest for a request is closed. */
export const MAX_CONNECTIONS = 512;
/**
 * Event streams at a time, so that they can never fill all connections; more get 503. Three quarters of
 * the connections where there are fewer.
 */
export const MAX_STREAMS = 384;
/**
 * Messages that wait for their receipt at a time, so that they can never fill all connections either:
 * a client that left is noticed only when its wait is over. More get 503. Half of the connections where
 * there are fewer.
 */
export const MAX_WAITS = 256;
/** Bytes of a request line; longer gets 414. */
export const MAX_REQUEST_LINE = 8_192;
/** Bytes of all header lines together; longer gets 431. */
export const MAX_HEADER_BYTES = 16_384;
/** Header lines; more get 431. */
export const MAX_HEADER_COUNT = 100;
/** Bytes of a request body (http-api.md 1.2); longer gets 413. */
export const MAX_BODY_BYTES = 1_048_576;
/** Bytes of an archive to import (http-api.md 1.2); longer gets 413. */
export const MAX_IMPORT_BYTES = 67_108_864;
/** Milliseconds from the head to the last byte of an archive, however steadily it comes: ten minutes. */
export const IMPORT_DEADLINE_MS = 600_000;
/** Bytes of an archive that must come in every {@link BODY_DEADLINE_MS}. */
export const IMPORT_STEP_BYTES = 65_536;
/**
 * Messages of one archive. {@link MAX_IMPORT_BYTES} hold fewer that can be stored; more are noise that
 * takes more memory than bytes.
 */
export const MAX_IMPORT_RECORDS = 500_000;
/** Bytes of one message of an archive: the largest text with every character escaped, and room. */
export const MAX_RECORD_BYTES = 1_048_576;
/** Bytes of an archive without its messages: 5 000 contacts with room. */
export const MAX_ARCHIVE_FRAME_BYTES = 4_194_304;
/** Characters of an export that are written at once. */
export const EXPORT_PIECE_CHARACTERS = 65_536;
/** Bytes of an upload that are looked at before it is refused (http-api.md 4.16). */
export const MAX_UPLOAD_PREFIX_BYTES = 65_536;
/** Ids of one `POST /read-receipt` (http-api.md 4.9). */
export const MAX_RECEIPT_IDS = 256;
/** Records of one `GET /history` (http-api.md 4.5). */
export const MAX_HISTORY_LIMIT = 1_000;
/** Records of a `GET /history` that names no limit (http-api.md 4.5). */
export const DEFAULT_HISTORY_LIMIT = 100;
/** Bytes of a group's id in a request; nothing longer is one (ours). */
export const MAX_GROUP_ID_BYTES = 128;
/** Members that one `POST /group` may name: the most that a group has (ours). */
export const MAX_GROUP_MEMBERS = 256;
/** Hits of one `GET /search` (http-api.md 4.10). */
export const MAX_SEARCH_HITS = 100;
/** Milliseconds for which a message is queued that names no time: a week. */
export const DEFAULT_QUEUE_MS = 604_800_000;
/** Bytes of request bodies that all connections together may hold; above it 503. */
export const MAX_BODY_BYTES_TOTAL = 16_777_216;
/** Bytes of one chunk-size line of a chunked body, extensions included. */
export const MAX_CHUNK_LINE = 256;
/** Bytes of the trailer lines after a chunked body; they are checked and thrown away. */
export const MAX_TRAILER_BYTES = 4_096;
/** Bytes read from a socket at once: also all that a client can make us hold ahead of its turn. */
export const READ_BUFFER_BYTES = 16_384;
/** Characters of events at which a replay is cut. */
export const EVENT_PIECE_CHARACTERS = 65_536;
/** Milliseconds between two `: ping` comments of an event stream (http-api.md 5.2). */
export const PING_INTERVAL_MS = 15_000;
/**
 * Milliseconds that the seed of `/sse` may take to be read; then the stream begins without it (ours). A
 * read takes a few; a disk that takes longer must not keep live events from anybody.
 */
export const SEED_DEADLINE_MS = 2_000;
