import type { PublicKey } from "#crypto";
import type { Log } from "#kit";
import { MemoryNetwork, type MemoryStreamOptions } from "#net";
import {
  attachVisor,
  type MeshLink,
  type MeshNetwork,
  parseProcConfig,
  type VisorSession,
} from "#visor";
import { ManualClock, settle } from "./manual_clock.ts";
import { MiniVisor, type MiniVisorOptions } from "./mini_visor.ts";
import { MiniMesh } from "./mini_visor_mesh.ts";

/** Log lines, each with its level. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const line = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  return {
    lines,
    debug: line("DEBUG"),
    info: line("INFO"),
    warn: line("WARN"),
    error: line("ERROR"),
  };
}

/** One visor with one app attached, in memory. */
export interface AttachedApp {
  readonly visor: MiniVisor;
  readonly session: VisorSession;
  readonly key: PublicKey;
  readonly lines: string[];
  /** Links that peers opened, in order. */
  readonly accepted: MeshLink[];
}

/** Visors that share a mesh, over one memory network, with time that stands still. */
export class VisorScene {
  readonly clock = new ManualClock();
  readonly mesh = new MiniMesh();
  readonly network: MemoryNetwork;
  readonly #visors: MiniVisor[] = [];

  /** The options say how the connections between apps and visors behave. */
  constructor(options?: MemoryStreamOptions) {
    this.network = new MemoryNetwork(options);
  }

  /** A visor without an app. */
  visor(options: Partial<MiniVisorOptions> = {}): MiniVisor {
    const visor = MiniVisor.start({
      network: this.network,
      mesh: this.mesh,
      clock: this.clock,
      ...options,
    });
    this.#visors.push(visor);
    return visor;
  }

  /** A visor with an app that listens on port 1 of these networks and serves links with `onLink`. */
  async app(
    { visor = this.visor(), networks = ["skynet", "dmsg"], onLink, config = visor.procConfig() }: {
      visor?: MiniVisor | undefined;
      networks?: readonly MeshNetwork[];
      onLink?: (link: MeshLink) => Promise<unknown>;
      config?: string;
    } = {},
  ): Promise<AttachedApp> {
    const log = recordingLog();
    const accepted: MeshLink[] = [];
    const { clock, network } = this;
    const session = await attachVisor(parseProcConfig(config), { network, clock, log });
    await session.listen(networks, 1, (link) => {
      accepted.push(link);
      return onLink === undefined ? link.closed : onLink(link);
    });
    return { visor, session, key: visor.visorKey, lines: log.lines, accepted };
  }

  /** Ends everything; fails when a timer was left behind. */
  async end(): Promise<void> {
    for (const visor of this.#visors) await visor.stop();
    await settle();
    if (this.clock.pending > 0) throw new Error(`${this.clock.pending} timers were left behind`);
  }
}

/** Bytes that a link has given so far; reads until it ends. */
export function collect(
  link: MeshLink,
): { readonly bytes: number[]; readonly ended: ReturnType<MeshLink["serve"]> } {
  const bytes: number[] = [];
  return { bytes, ended: link.serve((part) => void bytes.push(...part)) };
}
