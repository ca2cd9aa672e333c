import type { PublicKey } from "#crypto";
import { type Clock, errorText, type Timer } from "#kit";
import type { ChatLink, MeshNetwork } from "./chat_link.ts";
import { OUTBOX_REDIAL_MS } from "./limits.ts";
import type { MeshPort } from "./mesh_port.ts";

/** Dials of one round (visor.md 7.5). */
export const MESH_DIAL_ATTEMPTS = 5;
/** Pause after the first of them, milliseconds; it doubles. */
export const MESH_DIAL_PAUSE_MS = 50;
/** Longest pause between two, milliseconds. */
export const MESH_DIAL_PAUSE_MOST_MS = 20_000;
/** Longest time to move a peer over to skynet behind its back, milliseconds (visor.md 7.5). */
export const MESH_UPGRADE_MS = 25_000;
/** Peers that are dialled at a time (ours). */
export const MAX_MESH_DIALS = 64;
/** Peers of whom the last failure is remembered for `/link` (ours). */
const MAX_FAILURES = 256;
/**
 * How long a new skynet connection is looked at before it is used, milliseconds (ours): dialling a peer that
 * does not listen succeeds, and the first read says so.
 */
export const MESH_LOOK_MS = 250;
/** The error text while no network of a visor is in use. */
const NO_MESH = "no network of the visor is in use";

/** What came of the attempt to connect to a peer. */
export type Reached =
  | {
    readonly kind: "reached"; /** Whether another network than the one asked for did it. */
    readonly fallback: boolean;
  }
  | { readonly kind: "unreached"; readonly reason: string };

/** What routes are made with. */
export interface MeshRoutesOptions {
  readonly port: MeshPort;
  readonly clock: Clock;
  /** Puts a new connection to use; it is in the table when this returns. */
  readonly attach: (link: ChatLink) => void;
  /** Told when a connection is used that was {@link MeshRoutes.isDoubtful | doubtful} before. */
  readonly onProven: (link: ChatLink) => void;
  /** How long receipts may still come over a connection that is not needed any more, milliseconds. */
  readonly lingerMs: number;
}

/** Connects to peers over the networks of a visor when something is to be sent to them (visor.md 7.5). */
export class MeshRoutes {
  readonly #options: MeshRoutesOptions;
  /** Rounds under way, by peer and the network that was asked for: whoever wants the same waits for it. */
  readonly #rounds = new Map<string, Promise<Reached>>();
  /** Why peers could not be reached last, by key, oldest first. */
  readonly #failures = new Map<string, string>();
  /** Connections that are being looked at. */
  readonly #doubtful = new Set<ChatLink>();
  readonly #stop = new AbortController();
  #again: Timer | undefined;

  /** Nobody is dialled yet. */
  constructor(options: MeshRoutesOptions) {
    this.#options = options;
  }

  /** Whether a connection is open and nobody knows yet whether the peer is there: nothing goes over it. */
  isDoubtful(link: ChatLink): boolean {
    return this.#doubtful.has(link);
  }

  /** Whether a peer, 66 hex digits, is being dialled. */
  isDialling(peer: string): boolean {
    return [...this.#rounds.keys()].some((key) => key.startsWith(peer));
  }

  /** Why a peer, 66 hex digits, could not be reached last; undefined where it could. */
  failure(peer: string): string | undefined {
    return this.#failures.get(peer);
  }

  /**
   * Connects to a peer over the network that was asked for: `skynet`, `dmsg`, or `auto`, which is dmsg at once
   * and skynet for later. Never rejects.
   */
  reach(peer: PublicKey, wanted: string): Promise<Reached> {
    const key = `${peer.hex} ${wanted}`;
    const known = this.#rounds.get(key);
    if (known !== undefined) return known;
    if (this.#rounds.size >= MAX_MESH_DIALS) {
      return Promise.resolve({ kind: "unreached", reason: "too many peers are being dialled" });
    }
    const round = this.#reach(peer, wanted).then((reached) => {
      this.#rounds.delete(key);
      this.#remember(peer, reached);
      return reached;
    });
    this.#rounds.set(key, round);
    return round;
  }

  /** Tries from now on, again and again, to reach those for whom something waits and who are not connected. */
  keepDialling(waiting: () => readonly PublicKey[]): void {
    this.#again = this.#options.clock.after(OUTBOX_REDIAL_MS, () => {
      this.keepDialling(waiting);
      for (const peer of waiting()) void this.reach(peer, "auto");
    });
  }

  /** Ends every dial. */
  close(): void {
    this.#again?.cancel();
    this.#stop.abort();
  }

  async #reach(peer: PublicKey, wanted: string): Promise<Reached> {
    // Not before it is noted in the table of rounds.
    await Promise.resolve();
    const { networks } = this.#options.port;
    const preferred: MeshNetwork = wanted === "auto" || wanted === "dmsg" ? "dmsg" : "skynet";
    const order = networks.toSorted((a, b) => Number(b === preferred) - Number(a === preferred));
    let reason = NO_MESH;
    for (const network of order) {
      const outcome = await this.#round(peer, network);
      if (typeof outcome !== "string") {
        if (wanted === "auto" && network === "dmsg" && networks.includes("skynet")) {
          void this.#upgrade(peer, outcome);
        }
        return { kind: "reached", fallback: wanted !== "auto" && network !== preferred };
      }
      reason = reason === NO_MESH ? outcome : `${reason}; over ${network}: ${outcome}`;
    }
    return { kind: "unreached", reason };
  }

  /** The connection, or why there is none. */
  async #round(peer: PublicKey, network: MeshNetwork): Promise<ChatLink | string> {
    const { clock, port } = this.#options;
    const { signal } = this.#stop;
    let reason = NO_MESH;
    for (let attempt = 0; attempt < MESH_DIAL_ATTEMPTS; attempt++) {
      if (attempt > 0) await clock.sleep(pauseBefore(attempt), signal);
      if (signal.aborted) return "shutting down";
      if (!port.networks.includes(network)) return reason;
      const outcome = await this.#dial(peer, network, signal);
      if (typeof outcome !== "string") return outcome;
      reason = outcome;
    }
    return reason;
  }

  async #dial(
    peer: PublicKey,
    network: MeshNetwork,
    signal: AbortSignal,
  ): Promise<ChatLink | string> {
    const { attach, port } = this.#options;
    let link: ChatLink;
    try {
      link = await port.dial(peer, network, signal);
    } catch (error) {
      return errorText(error);
    }
    if (network === "skynet") this.#doubtful.add(link);
    attach(link);
    return network === "skynet" ? await this.#look(link) : link;
  }

  async #look(link: ChatLink): Promise<ChatLink | string> {
    const { clock, onProven } = this.#options;
    const enough = new AbortController();
    const end = await Promise.race([link.closed, clock.sleep(MESH_LOOK_MS, enough.signal)]);
    enough.abort();
    this.#doubtful.delete(link);
    if (end !== undefined) return end.message;
    onProven(link);
    return link;
  }

  /** Moves a peer that was reached over dmsg to skynet, which later messages then use. */
  async #upgrade(peer: PublicKey, old: ChatLink): Promise<void> {
    const { clock, lingerMs } = this.#options;
    const signal = this.#stop.signal;
    const late = new AbortController();
    const timer = clock.after(MESH_UPGRADE_MS, () => late.abort());
    const link = await this.#dial(peer, "skynet", AbortSignal.any([signal, late.signal]));
    timer.cancel();
    if (typeof link === "string") return;
    // Receipts come back on the connection that their message went out on.
    await clock.sleep(lingerMs, signal);
    old.close("moved to skynet");
  }

  #remember(peer: PublicKey, reached: Reached): void {
    this.#failures.delete(peer.hex);
    if (reached.kind === "reached") return;
    this.#failures.set(peer.hex, reached.reason);
    const [oldest = ""] = this.#failures.keys();
    if (this.#failures.size > MAX_FAILURES) this.#failures.delete(oldest);
  }
}

function pauseBefore(attempt: number): number {
  return Math.min(MESH_DIAL_PAUSE_MS * 2 ** (attempt - 1), MESH_DIAL_PAUSE_MOST_MS);
}
