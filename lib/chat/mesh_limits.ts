/** Dials of one round over one network (visor.md 7.5). */
export const MESH_DIAL_ATTEMPTS = 5;
/** Pause after the first of them, milliseconds; it doubles. */
export const MESH_DIAL_PAUSE_MS = 50;
/** Longest pause between two, milliseconds. */
export const MESH_DIAL_PAUSE_MOST_MS = 20_000;
/**
 * A dial that took so long and failed is not repeated in its round, milliseconds (ours): a network that is
 * slow to say no says it again, and whoever waits does better with the other network.
 */
export const MESH_SLOW_DIAL_MS = 10_000;
/** Longest time for all dials of one attempt to reach a peer, milliseconds: one that hangs, and the other network (ours). */
export const MESH_ROUND_LIMIT_MS = 120_000;
/** Longest time to move a peer over to skynet behind its back, milliseconds (visor.md 7.5). */
export const MESH_UPGRADE_MS = 25_000;
/**
 * Peers that are dialled at a time because somebody waits for a message to be sent (ours): well below the
 * connections that clients have, and twice all of these together below the dials that a visor is given
 * (`MAX_VISOR_DIALS` of `#visor`), since those that are given up go on there for a while.
 */
export const MAX_MESH_DIALS = 192;
/** Peers that are dialled at a time because `POST /link` asked for it (ours). */
export const MAX_LINK_DIALS = 16;
/** Peers that are dialled at a time because something is queued for them (ours). */
export const MAX_QUEUE_DIALS = 16;
/** Peers that are dialled at a time for control frames, and to move them to skynet (ours). */
export const MAX_ASIDE_DIALS = 16;
/** Peers of whom the last failure is remembered for `/link` (ours). */
export const MAX_DIAL_FAILURES = 256;
/**
 * How long a new skynet connection is looked at before it is used, milliseconds (ours): dialling a peer that
 * does not listen succeeds, and the first read says so.
 */
export const MESH_LOOK_MS = 250;
/** How long that answer may take for what was written meanwhile to be sent another way, milliseconds (ours). */
export const MESH_EARLY_MS = 30_000;
/** Bytes kept for that, for each such connection: two of the largest frames (ours). */
export const MAX_EARLY_BYTES = 131_080;
