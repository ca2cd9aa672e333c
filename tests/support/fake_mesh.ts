import type { PublicKey } from "#crypto";
import type { MeshNetwork, MeshPort } from "#chat";
import { FakeChatLink } from "./fake_chat_link.ts";
import type { ManualClock } from "./manual_clock.ts";

/** A visor whose networks do what the test says. */
export class FakeMesh implements MeshPort {
  networks: readonly MeshNetwork[] = ["skynet", "dmsg"];
  /** `<network>` of each dial, and when it began, milliseconds. */
  readonly dials: [MeshNetwork, number][] = [];
  /** What was dialled, in order. */
  readonly links: FakeChatLink[] = [];
  /** Why dials of a network fail; "hang" = they go on until they are given up. */
  readonly failing = new Map<MeshNetwork, string>();
  /** What every connection ends with shortly after it is made. */
  ends: string | undefined;
  /** Milliseconds that a dial takes. */
  takes = 0;

  constructor(readonly clock: ManualClock) {}

  async dial(peer: PublicKey, network: MeshNetwork, signal: AbortSignal): Promise<FakeChatLink> {
    this.dials.push([network, this.clock.now()]);
    const failure = this.failing.get(network);
    if (failure === "hang") {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      throw new Error("given up");
    }
    if (this.takes > 0) await this.clock.sleep(this.takes, signal);
    if (failure !== undefined) throw new Error(failure);
    const link = new FakeChatLink(peer, { direction: "out", openedAt: this.clock.now(), network });
    this.links.push(link);
    if (this.ends !== undefined) this.clock.after(10, () => link.end(this.ends));
    return link;
  }
}
