import { MAX_CONNECTIONS } from "#http";
import { DEFAULT_ACCEPT_LIMITS } from "#net";

/** Descriptors that connections leave to the store, to settings, to peers that are dialled (ours). */
export const RESERVED_DESCRIPTORS = 64;
/** Fewest connections of each kind, however few descriptors there are (ours). */
export const MIN_CONNECTIONS = 8;
/** Share of the descriptors that accepted links get; the control surface gets the rest (ours). */
const LINK_SHARE = 0.6;
/** Descriptors at which nothing has to be cut; looking for more would be of no use. */
export const ENOUGH_DESCRIPTORS: number = RESERVED_DESCRIPTORS + MAX_CONNECTIONS +
  DEFAULT_ACCEPT_LIMITS.connections;

/** How many connections a process can have at a time without running out of descriptors. */
export interface ConnectionBudget {
  /** Accepted links, handshakes included. */
  readonly links: number;
  /** Connections to the control surface. */
  readonly control: number;
}

/**
 * Divides the descriptors that a process may open, so that strangers on one port can take neither the
 * other port's nor the store's: {@link RESERVED_DESCRIPTORS} for files, 60 % of the rest for links, the
 * others for the control surface; never more than the caps of either. What one does not need the other
 * gets.
 *
 * @param descriptors How many files and connections can still be opened; undefined when nobody knows.
 */
export function connectionBudget(descriptors: number | undefined): ConnectionBudget {
  const most = { links: DEFAULT_ACCEPT_LIMITS.connections, control: MAX_CONNECTIONS };
  if (descriptors === undefined) return most;
  const usable = Math.max(0, descriptors - RESERVED_DESCRIPTORS);
  const control = Math.min(most.control, Math.ceil(usable * (1 - LINK_SHARE)));
  const links = Math.min(most.links, usable - control);
  return { links: Math.max(MIN_CONNECTIONS, links), control: Math.max(MIN_CONNECTIONS, control) };
}
