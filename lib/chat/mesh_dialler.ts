import type { PublicKey } from "#crypto";
import { type Clock, errorText, quoteForLog } from "#kit";
import type { ChatLink, MeshNetwork } from "./chat_link.ts";
import {
  MESH_DIAL_ATTEMPTS,
  MESH_DIAL_PAUSE_MOST_MS,
  MESH_DIAL_PAUSE_MS,
  MESH_LOOK_MS,
  MESH_SLOW_DIAL_MS,
} from "./mesh_limits.ts";
import type { MeshPort } from "./mesh_port.ts";
import { announceLink, type PeerLines } from "./peer_lines.ts";

/** What dialling needs. */
export interface MeshDiallerOptions {
  readonly port: MeshPort;
  readonly clock: Clock;
  readonly lines: PeerLines;
  /** Puts a new connection to use, which is in the table when this returns; settles when it ended. */
  readonly attach: (link: ChatLink) => Promise<unknown>;
  /** Told when a connection is used that was {@link MeshDialler.isDoubtful | doubtful} before. */
  readonly onProven: (link: ChatLink) => void;
}

/** Whom to dial, over what. The signal ends all waiting. */
export interface DialPlan {
  readonly peer: PublicKey;
  readonly network: MeshNetwork;
  readonly signal: AbortSignal;
}

/** Opens connections through a visor, and looks whether somebody is at their other end. Never rejects. */
export class MeshDialler {
  readonly #options: MeshDiallerOptions;
  /** Connections that are being looked at. */
  readonly #doubtful = new Set<ChatLink>();

  /** Nobody is dialled yet. */
  constructor(options: MeshDiallerOptions) {
    this.#options = options;
  }

  /** Whether a connection is open and nobody knows yet whether the peer is there: nothing goes over it. */
  isDoubtful(link: ChatLink): boolean {
    return this.#doubtful.has(link);
  }

  /** Several dials over one network: the connection, or why there is none. */
  async round(plan: DialPlan): Promise<ChatLink | string> {
    const { clock, lines, port } = this.#options;
    const { network, peer, signal } = plan;
    let reason = `${network} is not in use`;
    for (let attempt = 0; attempt < MESH_DIAL_ATTEMPTS; attempt++) {
      if (attempt > 0) await clock.sleep(pauseBefore(attempt), signal);
      if (signal.aborted || !port.networks.includes(network)) break;
      const begun = clock.now();
      const outcome = await this.dial(plan);
      if (typeof outcome !== "string") return outcome;
      reason = outcome;
      if (clock.now() - begun >= MESH_SLOW_DIAL_MS) break;
    }
    lines.line("info", `skychat: ${network} dial ${peer.hex} failed: ${reason}`);
    return reason;
  }

  /** One dial: the connection, or why there is none, in words that are fit for one line. */
  async dial({ network, peer, signal }: DialPlan): Promise<ChatLink | string> {
    const { lines, port } = this.#options;
    let link: ChatLink;
    try {
      link = await port.dial(peer, network, signal);
    } catch (error) {
      return quoteForLog(errorText(error));
    }
    if (network === "skynet") this.#doubtful.add(link);
    void this.#serve(link);
    const end = network === "skynet" ? await this.#look(link) : undefined;
    if (end !== undefined) return end;
    announceLink(link, lines);
    return link;
  }

  async #serve(link: ChatLink): Promise<void> {
    const { attach, lines } = this.#options;
    const { network, peer } = link;
    try {
      await attach(link);
    } catch (error) {
      const text = quoteForLog(errorText(error));
      lines.line("warn", `skychat: visor ${network} link to ${peer.hex} failed: ${text}`);
    }
  }

  /** Why a connection ended before it could be used; undefined where it did not. */
  async #look(link: ChatLink): Promise<string | undefined> {
    const { clock, onProven } = this.#options;
    const enough = new AbortController();
    const end = await Promise.race([link.closed, clock.sleep(MESH_LOOK_MS, enough.signal)]);
    enough.abort();
    this.#doubtful.delete(link);
    if (end !== undefined) return quoteForLog(end.message);
    onProven(link);
    return undefined;
  }
}

function pauseBefore(attempt: number): number {
  return Math.min(MESH_DIAL_PAUSE_MS * 2 ** (attempt - 1), MESH_DIAL_PAUSE_MOST_MS);
}
