import type { PublicKey } from "#crypto";
import type { MeshNetwork, MeshPort } from "#chat";
import { FakeChatLink } from "./fake_chat_link.ts";
import type { ManualClock } from "./manual_clock.ts";

/** A visor whose networks do what the test says. */
export class FakeMesh implements MeshPort {
  networks: readonly MeshNetwork[] = ["skynet", "dmsg"];
  /** `<network>` of each dial, and when it began, milliseconds. */
  readonly dials: [MeshNetwork, number][] = [];
  /** Who was dialled by each of them, 66 hex digits. */
  readonly peers: string[] = [];
  /** What was dialled, in order. */
  readonly links: FakeChatLink[] = [];
  /** Why dials of a network fail; "hang" = they go on until they are given up. */
  readonly failing = new Map<MeshNetwork, string>();
  /** Peers, 66 hex digits, whose dials fail on every network, and why; "hang" as above. */
  readonly away = new Map<string, string>();
  /** What every connection ends with shortly after it is made. */
  ends: string | undefined;
  /** What writes to connections of a network do; they succeed where nothing is said. */
  readonly writing = new Map<MeshNetwork, FakeChatLink["writing"]>();
  /** What is done to every connection that is made. */
  onLink: (link: FakeChatLink) => void = () => {};
  /** Milliseconds that a dial takes. */
  takes = 0;
  /** Dials that go on now. */
  open = 0;
  /** The most that ever went on at a time. */
  mostOpen = 0;

  constructor(readonly clock: ManualClock) {}

  async dial(peer: PublicKey, network: MeshNetwork, signal: AbortSignal): Promise<FakeChatLink> {
    this.dials.push([network, this.clock.now()]);
    this.peers.push(peer.hex);
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    try {
      await this.#answer(this.away.get(peer.hex) ?? this.failing.get(network), signal);
    } finally {
      this.open--;
    }
    const link = new FakeChatLink(peer, { direction: "out", openedAt: this.clock.now(), network });
    link.writing = this.writing.get(network) ?? "ok";
    this.links.push(link);
    this.onLink(link);
    if (this.ends !== undefined) this.clock.after(10, () => link.end(this.ends));
    return link;
  }

  async #answer(failure: string | undefined, signal: AbortSignal): Promise<void> {
    if (failure === "hang") {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      throw new Error("given up");
    }
    if (this.takes > 0) await this.clock.sleep(this.takes, signal);
    if (failure !== undefined) throw new Error(failure);
  }
}
