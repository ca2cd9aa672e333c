/** Shortest wait for a receipt in milliseconds; less is treated as this (messages.md 4.4). */
export const MIN_WAIT = 100;
/** Longest wait for a receipt in milliseconds; more is treated as this (messages.md 4.4). */
export const MAX_WAIT = 60_000;
/** Milliseconds without a receipt after which a connection counts as dead (messages.md 4.4). */
export const RECEIPT_WATCH = 20_000;
/** Messages whose receipt is awaited at one time; beyond, the oldest is no longer waited for. */
export const MAX_PENDING_RECEIPTS = 16_384;
/** Live connections with one key; beyond, its oldest is closed (messages.md 8). */
export const MAX_LINKS_PER_PEER = 8;
/** Live connections in all (messages.md 8). */
export const MAX_LINKS = 1_024;
/**
 * Of them, those that peers opened over the mesh, where keys cost nothing: the others are left for peers that
 * we dial and for tcp-direct (ours).
 */
export const MAX_STRANGER_LINKS = 768;
/** Keys that are remembered as those of no strangers because we wrote to them (ours). */
export const MAX_KNOWN_PEERS = 1_024;
/**
 * Milliseconds after which a connection that a peer opened and said nothing on has to give way where there is
 * no room (ours).
 */
export const SILENT_LINK_MS = 60_000;
/** Milliseconds during which the same message again is a repetition (messages.md 6.1). */
export const DUPLICATE_WINDOW = 600_000;
/** Message ids remembered per peer, oldest forgotten first (messages.md 6.1). */
export const MAX_DUPLICATES_PER_PEER = 4_096;
/** Message ids remembered in all, those of the peer that was quiet longest forgotten first. */
export const MAX_DUPLICATES = 65_536;
/** Characters of a message id that is still put into a table (messages.md 3.1). */
export const MAX_STORED_ID = 128;
/** Characters of a message id beyond which no receipt is given: it would echo the id (messages.md 3.1; ours). */
export const MAX_ECHOED_ID = 1_024;
/** Read receipts of one call (http-api.md 4.9); further ids are left out. */
export const MAX_READ_IDS = 256;
/**
 * Log lines that the frames of one connection may cause; all lines that peers cause share a bound besides
 * (`FLOOD_LINES` of `#net`).
 */
export const MAX_LINES_PER_LINK = 32;
/** Deletions that one connection may ask for, a second and at once; more are ignored (ours). */
export const DELETE_RATE = { perSecond: 10, burst: 50 } as const;
/** News that may wait for the disk before reading from peers pauses, those included that are no messages. */
export const MAX_WAITING_EVENTS = 4_096;
/** Milliseconds that closing direct chat waits for commits and for the receipts they are owed. */
export const CLOSE_DRAIN_MS = 1_000;
/** Queued messages in all (ours). */
export const MAX_OUTBOX_ENTRIES = 1_000;
/** Queued messages for one peer (ours). */
export const MAX_OUTBOX_PER_PEER = 100;
/** Bytes of text of all queued messages: 4 MiB (ours). */
export const MAX_OUTBOX_BYTES = 4_194_304;
/** Bytes of one queued message as it will be framed: room is left for what the table adds (ours). */
export const MAX_OUTBOX_PAYLOAD = 65_024;
/** Milliseconds that a message stays queued unless asked otherwise: 7 days (ours). */
export const OUTBOX_EXPIRY_MS = 604_800_000;
/** Longest such time; more is treated as this: 30 days (ours). */
export const MAX_OUTBOX_EXPIRY_MS = 2_592_000_000;
/** Shortest such time; less is treated as this (ours). */
export const MIN_OUTBOX_EXPIRY_MS = 1_000;
/**
 * Milliseconds after its first write during which a queued message may be written again: the window
 * in which receivers recognise a repetition, less what the second write may take.
 */
export const OUTBOX_RESEND_MS: number = DUPLICATE_WINDOW - 30_000;
/** Milliseconds before a queued message that a living link or the disk did not take is tried again (ours). */
export const OUTBOX_RETRY_MS = 5_000;

/** Milliseconds between two attempts to reach, through a visor, those for whom something is queued (ours). */
export const OUTBOX_REDIAL_MS = 60_000;

/** The bounds that an embedder or a test may change. Times in milliseconds. */
export interface ChatLimits {
  /** {@link RECEIPT_WATCH} */
  readonly receiptWatch: number;
  /** {@link MAX_PENDING_RECEIPTS} */
  readonly pendingReceipts: number;
  /** {@link MAX_LINKS_PER_PEER} */
  readonly linksPerPeer: number;
  /** {@link MAX_LINKS} */
  readonly links: number;
  /** {@link MAX_STRANGER_LINKS} */
  readonly strangerLinks: number;
  /** {@link DUPLICATE_WINDOW} */
  readonly duplicateWindow: number;
  /** {@link MAX_DUPLICATES_PER_PEER} */
  readonly duplicatesPerPeer: number;
  /** {@link MAX_DUPLICATES} */
  readonly duplicates: number;
}

/** The bounds that the specification names, and ours where it names none. */
export const CHAT_LIMITS: ChatLimits = {
  receiptWatch: RECEIPT_WATCH,
  pendingReceipts: MAX_PENDING_RECEIPTS,
  linksPerPeer: MAX_LINKS_PER_PEER,
  links: MAX_LINKS,
  strangerLinks: MAX_STRANGER_LINKS,
  duplicateWindow: DUPLICATE_WINDOW,
  duplicatesPerPeer: MAX_DUPLICATES_PER_PEER,
  duplicates: MAX_DUPLICATES,
};
