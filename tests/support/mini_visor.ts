import { type PublicKey, SecretKey } from "#crypto";
import { type Clock, errorText, systemClock, toHex } from "#kit";
import type { ByteStream, Network, StreamListener } from "#net";
import { MiniApp, type MiniAppVisor } from "./mini_visor_app.ts";
import { MiniMesh } from "./mini_visor_mesh.ts";
import type { MiniCall, MiniReaction } from "./mini_visor_replies.ts";
import { SeededRandom } from "./seeded_random.ts";

/** How a mini visor is started. */
export interface MiniVisorOptions {
  /** Memory, or `denoNetwork` for apps in other processes. */
  readonly network: Network;
  /** Where its apps meet those of other visors; one of its own where nothing is said. */
  readonly mesh?: MiniMesh;
  /** The identity of its apps; a new one where nothing is said. */
  readonly visorKey?: PublicKey;
  /** Where it listens: `127.0.0.1:0` where nothing is said. */
  readonly host?: string;
  readonly port?: number;
  /** For deadlines. */
  readonly clock?: Clock;
  /** Delays every `Write` by a random number of turns, so that two in flight have no order. */
  readonly seed?: number;
}

/**
 * The app server of a visor, with a mesh in memory (visor.md 12.1): runs calls concurrently, as soon as
 * they are read, and can be told to misbehave.
 */
export class MiniVisor implements MiniAppVisor {
  readonly mesh: MiniMesh;
  readonly visorKey: PublicKey;
  /** Where it listens, as `host:port`. */
  readonly address: string;
  readonly clock: Clock;
  readonly random: SeededRandom | undefined;
  /** All calls so far, in the order in which they were read. */
  readonly calls: MiniCall[] = [];
  /** Called for every call; undefined does what the call is for. */
  script: ((call: MiniCall) => MiniReaction | undefined) | undefined;
  /** Methods that it is too old for. */
  readonly lacks = new Set<string>(["Notify", "SetOTP"]);
  /** Whether its answers have fields that no client knows. */
  newer = false;
  readonly #listener: StreamListener;
  readonly #keys = new Set<string>();
  readonly #random = new SeededRandom(20_241_024);
  readonly #apps = new Set<MiniApp>();
  readonly #running: Promise<void>;

  private constructor(options: MiniVisorOptions) {
    const { network, host = "127.0.0.1", port = 0, seed } = options;
    this.mesh = options.mesh ?? new MiniMesh();
    this.visorKey = options.visorKey ?? SecretKey.generate(newVisorKeys).publicKey;
    this.mesh.join(this.visorKey);
    this.clock = options.clock ?? systemClock;
    this.random = seed === undefined ? undefined : new SeededRandom(seed);
    this.#listener = network.listen(host, port);
    this.address = this.#listener.address;
    this.#running = this.#accept();
  }

  /** Listens from now on; to be stopped. */
  static start(options: MiniVisorOptions): MiniVisor {
    return new MiniVisor(options);
  }

  /** Apps that are attached. */
  get attached(): number {
    return this.#apps.size;
  }

  /** Arguments of all calls of a method so far. */
  argumentsOf(method: string): unknown[] {
    return this.calls.filter((call) => call.method === method).map(({ argument }) => argument);
  }

  /** The value of `PROC_CONFIG` for a new launch: its key works for one connection. */
  procConfig(fields: Readonly<Record<string, unknown>> = {}): string {
    const key = toHex(this.#random.bytes(16));
    this.#keys.add(key);
    return JSON.stringify({
      app_name: "skychat",
      app_server_addr: this.address,
      proc_key: key,
      visor_pk: this.visorKey.hex,
      routing_port: 1,
      ...fields,
    });
  }

  /** Ends every connection at once, as a process that was killed does; goes on listening. */
  dropApps(): void {
    for (const app of this.#apps) app.drop();
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    this.#listener.close();
    this.dropApps();
    await this.#running;
  }

  async #accept(): Promise<void> {
    const serving = new Set<Promise<void>>();
    try {
      for (;;) {
        const stream = await this.#listener.accept();
        const served = this.#serve(stream).finally(() => serving.delete(served));
        serving.add(served);
      }
    } catch {
      await Promise.all(serving);
    }
  }

  async #serve(stream: ByteStream): Promise<void> {
    const app = new MiniApp(this, stream);
    this.#apps.add(app);
    try {
      // A key works once; a wrong one gets no answer (visor.md 2).
      if (this.#keys.delete(await app.hello())) await app.run();
    } catch (error) {
      app.ended = errorText(error);
    } finally {
      app.drop();
      this.#apps.delete(app);
      await stream.released;
    }
  }
}

const newVisorKeys = new SeededRandom(7_001);
