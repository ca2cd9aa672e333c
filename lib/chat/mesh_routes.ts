import type { PublicKey } from "#crypto";
import { quoteForLog, withAbort } from "#kit";
import type { ChatLink, MeshNetwork } from "./chat_link.ts";
import { DialPools, type DialPurpose } from "./dial_pools.ts";
import { EarlyWrites } from "./early_writes.ts";
import { MeshDialler, type MeshDiallerOptions } from "./mesh_dialler.ts";
import { MAX_DIAL_FAILURES, MESH_ROUND_LIMIT_MS, MESH_UPGRADE_MS } from "./mesh_limits.ts";
import { dialOrder } from "./mesh_networks.ts";
import { MeshRedialler, type MeshRediallerOptions } from "./mesh_redialler.ts";

/** The error text while no network of a visor is in use. */
const NO_MESH = "no network of the visor is in use";

/** What came of the attempt to connect to a peer. */
export type Reached =
  | {
    readonly kind: "reached";
    readonly network: MeshNetwork;
    /** Whether dialling the network that was asked for came to nothing before. */
    readonly fallback: boolean;
  }
  | {
    readonly kind: "unreached";
    /** Fit for one line; empty where there was nothing to dial any more. */
    readonly reason: string;
    /** Whether the reason lies with the peer or the networks, and not with this node. */
    readonly away: boolean;
  };

/** What routes are made with. */
export interface MeshRoutesOptions extends MeshDiallerOptions {
  /** How long receipts may still come over a connection that is not needed any more, milliseconds. */
  readonly lingerMs: number;
  /** Takes a connection out of use that ended because nobody was at its other end; what was written on it. */
  readonly onLost: (link: ChatLink, frames: readonly Uint8Array[]) => void;
  /** For whom something is queued. */
  readonly queued: Pick<MeshRediallerOptions, "networkFor" | "waiting">;
}

/** How somebody wants a peer to be reached. */
export interface ReachPlan {
  /** `skynet`, `dmsg`, or `auto`, which is dmsg at once and skynet for later. */
  readonly wanted: string;
  readonly purpose: DialPurpose;
  /** A network that was tried already. */
  readonly except?: MeshNetwork | undefined;
}

/** Connects to peers over the networks of a visor when something is to be sent to them (visor.md 7.5). */
export class MeshRoutes {
  readonly #options: MeshRoutesOptions;
  readonly #dialler: MeshDialler;
  readonly #early: EarlyWrites;
  readonly #pools = new DialPools();
  readonly #redialler: MeshRedialler;
  /** Rounds under way, by peer and what was asked for: whoever wants the same waits for it. */
  readonly #rounds = new Map<string, Promise<Reached>>();
  /** Peers that are being moved to skynet. */
  readonly #upgrades = new Set<string>();
  /** Why peers could not be reached last, by key, oldest first. */
  readonly #failures = new Map<string, string>();
  readonly #stop = new AbortController();

  /** Nobody is dialled yet. A timer runs from now on, for those for whom something is queued. */
  constructor(options: MeshRoutesOptions) {
    const { clock, onLost, queued } = options;
    this.#options = options;
    this.#dialler = new MeshDialler(options);
    this.#early = new EarlyWrites(clock, (link, { frames, reason }) => {
      this.#noteFailure(link.peer, quoteForLog(reason));
      onLost(link, frames);
      // What is queued keeps its own account of what was written; it only has to have a way.
      if (queued.networkFor(link.peer) === undefined) return;
      void this.reach(link.peer, { wanted: "skynet", purpose: "queue", except: "skynet" });
    });
    this.#redialler = new MeshRedialler({
      ...{ clock, ...queued },
      reach: (peer, wanted) => this.reach(peer, { wanted, purpose: "queue" }),
    });
  }

  /** Whether a connection is open and nobody knows yet whether the peer is there: nothing goes over it. */
  isDoubtful(link: ChatLink): boolean {
    return this.#dialler.isDoubtful(link);
  }

  /** Whether a peer, 66 hex digits, is being dialled. */
  isDialling(peer: string): boolean {
    return this.#upgrades.has(peer) || [...this.#rounds.keys()].some((key) => key.startsWith(peer));
  }

  /** Why a peer, 66 hex digits, could not be reached last; undefined where it could. */
  failure(peer: string): string | undefined {
    return this.#failures.get(peer);
  }

  /** A peer that was not connected is to be dialled, in its turn, for what is queued. */
  redial(peer: PublicKey): void {
    this.#redialler.add(peer);
  }

  /** Something was read from a connection. */
  heard(link: ChatLink): void {
    this.#early.heard(link);
  }

  /** A frame that was not queued was written on a connection. */
  wrote(link: ChatLink, frame: Uint8Array): void {
    this.#early.wrote(link, frame);
  }

  /** Why nobody would be dialled if that was asked for now; undefined where somebody would. */
  refusal(peer: PublicKey, plan: ReachPlan): string | undefined {
    if (this.#rounds.has(keyOf(peer, plan))) return undefined;
    if (this.#stop.signal.aborted) return "shutting down";
    if (this.#options.port.networks.length === 0) return NO_MESH;
    return this.#pools.isFull(plan.purpose) ? "too many peers are being dialled" : undefined;
  }

  /** Connects to a peer, or joins those who are about to. Never rejects. */
  reach(peer: PublicKey, plan: ReachPlan): Promise<Reached> {
    const key = keyOf(peer, plan);
    const known = this.#rounds.get(key);
    if (known !== undefined) return known;
    const refusal = this.refusal(peer, plan);
    if (refusal !== undefined) {
      return Promise.resolve({ kind: "unreached", reason: refusal, away: refusal === NO_MESH });
    }
    const round = this.#within(MESH_ROUND_LIMIT_MS, (signal) => this.#reach(peer, plan, signal));
    this.#rounds.set(key, round);
    this.#pools.count(plan.purpose, round);
    void round.then((reached) => {
      this.#rounds.delete(key);
      if (reached.kind === "reached") this.#failures.delete(peer.hex);
      else if (reached.reason !== "") this.#noteFailure(peer, reached.reason);
    });
    return round;
  }

  /** Ends every dial. */
  close(): void {
    this.#redialler.close();
    this.#stop.abort();
  }

  async #reach(peer: PublicKey, plan: ReachPlan, signal: AbortSignal): Promise<Reached> {
    const { wanted, except } = plan;
    const order = dialOrder(wanted, this.#options.port.networks);
    const reasons: string[] = [];
    for (const network of order) {
      if (network === except) continue;
      if (signal.aborted) break;
      const outcome = await this.#dialler.round({ network, peer, signal });
      if (typeof outcome !== "string") {
        this.#use(outcome, plan);
        return { kind: "reached", network, fallback: wanted !== "auto" && network !== order[0] };
      }
      reasons.push(network === order[0] ? outcome : `over ${network}: ${outcome}`);
    }
    const stopped = this.#stop.signal.aborted;
    const reason = stopped ? "shutting down" : reasons.join("; ");
    return { kind: "unreached", reason, away: !stopped && reason !== "" };
  }

  #use(link: ChatLink, { wanted }: ReachPlan): void {
    if (link.network === "skynet") this.#early.watch(link);
    if (wanted === "auto" && link.network === "dmsg") void this.#upgrade(link);
  }

  /** Moves a peer that was reached over dmsg to skynet, which later messages then use. */
  async #upgrade(old: ChatLink): Promise<void> {
    const { clock, lingerMs, port } = this.#options;
    const { peer } = old;
    const busy = this.#upgrades.has(peer.hex) || this.#pools.isFull("aside");
    if (busy || !port.networks.includes("skynet")) return;
    this.#upgrades.add(peer.hex);
    const dialling = this.#within(
      MESH_UPGRADE_MS,
      (signal) => this.#dialler.dial({ peer, network: "skynet", signal }),
    );
    this.#pools.count("aside", dialling);
    const link = await dialling;
    this.#upgrades.delete(peer.hex);
    if (typeof link === "string") return;
    this.#early.watch(link);
    // Receipts come back on the connection that their message went out on.
    const end = await withAbort(this.#stop.signal, async (pause) => {
      const first = await Promise.race([link.closed, clock.sleep(lingerMs, pause.signal)]);
      pause.abort();
      return first;
    });
    // It is all there is to a peer that skynet has lost meanwhile.
    if (end === undefined) old.close("moved to skynet");
  }

  /** Gives a task a signal that ends it with this node, or when it takes too long. */
  #within<T>(limitMs: number, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withAbort(this.#stop.signal, async (own) => {
      const timer = this.#options.clock.after(limitMs, () => own.abort());
      try {
        return await task(own.signal);
      } finally {
        timer.cancel();
      }
    });
  }

  #noteFailure(peer: PublicKey, reason: string): void {
    this.#failures.delete(peer.hex);
    this.#failures.set(peer.hex, reason);
    const [oldest = ""] = this.#failures.keys();
    if (this.#failures.size > MAX_DIAL_FAILURES) this.#failures.delete(oldest);
  }
}

function keyOf(peer: PublicKey, { except, wanted }: ReachPlan): string {
  return `${peer.hex} ${wanted} ${except}`;
}
