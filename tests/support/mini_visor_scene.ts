import assert from "node:assert/strict";
import type { PublicKey } from "#crypto";
import type { Log } from "#kit";
import { MemoryNetwork, type MemoryStreamOptions } from "#net";
import {
  attachVisor,
  type MeshLink,
  type MeshNetwork,
  parseProcConfig,
  VisorError,
  type VisorSession,
} from "#visor";
import { ManualClock, settle } from "./manual_clock.ts";
import { MiniVisor, type MiniVisorOptions } from "./mini_visor.ts";
import { MiniMesh } from "./mini_visor_mesh.ts";
import type { MiniReaction } from "./mini_visor_replies.ts";

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

/** A rejection as a value, so that it is handled from the start. */
export function failure(promise: Promise<unknown>): Promise<VisorError> {
  return promise.then(
    () => {
      throw new Error("it should have failed");
    },
    (error) => error instanceof VisorError ? error : assert.fail(String(error)),
  );
}

/** Tells a visor what to do with every call of a method. */
export function react(app: AttachedApp, method: string, reaction: MiniReaction): void {
  app.visor.script = (call) => call.method === method ? reaction : undefined;
}

/** Two apps with a link between them; the second reads. */
export async function linked(scene: VisorScene): Promise<{
  readonly alice: AttachedApp;
  readonly bob: AttachedApp;
  /** At the first, which dialled. */
  readonly link: MeshLink;
  /** At the second. */
  readonly accepted: MeshLink;
}> {
  const [alice, bob] = [await scene.app(), await scene.app()];
  const link = await alice.session.dial(bob.key, "skynet");
  await settle();
  const accepted = bob.accepted[0] ?? assert.fail("nobody came");
  return { alice, bob, link, accepted };
}

/** Warnings and errors. */
export function troubleLines({ lines }: AttachedApp): string[] {
  return lines.filter((line) => line.startsWith("ERROR") || line.startsWith("WARN"));
}
