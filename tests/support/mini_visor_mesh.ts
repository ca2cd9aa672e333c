import type { PublicKey } from "#crypto";
import { MemoryStream } from "#net";

/** First port that a dialler gets (visor.md 6.3). */
const FIRST_EPHEMERAL_PORT = 49_152;
/** Bytes that one direction of a connection holds before its writer waits. */
const CONN_CAPACITY = 262_144;
/** Ports of stock apps; the text of a dial to nobody names chat (visor.md 6.3). */
const STOCK_PORTS: readonly number[] = [1];

/** One end of a connection over the mesh. */
export interface MeshEnd {
  readonly stream: MemoryStream;
  readonly remote: { readonly net: string; readonly key: PublicKey; readonly port: number };
  readonly localPort: number;
  /** What the first read answers: a dial on skynet succeeds where nobody listens. */
  readonly offline?: string;
}

/** A bound port of one visor. */
export class MeshPortQueue {
  readonly #onClose: () => void;
  #arrived: MeshEnd[] = [];
  #waiting: PromiseWithResolvers<MeshEnd>[] = [];
  #closed = false;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  arrive(end: MeshEnd): void {
    const first = this.#waiting.shift();
    if (first === undefined) this.#arrived.push(end);
    else first.resolve(end);
  }

  /** Rejects with the text of the network once it is closed. */
  accept(): Promise<MeshEnd> {
    if (this.#closed) return Promise.reject(new Error("listening on closed connection"));
    const end = this.#arrived.shift();
    if (end !== undefined) return Promise.resolve(end);
    const waiting = Promise.withResolvers<MeshEnd>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    for (const { reject } of this.#waiting) reject(new Error("listening on closed connection"));
    for (const { stream } of this.#arrived) stream.close();
    this.#waiting = [];
  }
}

/** skynet and dmsg between mini visors: who listens where. */
export class MiniMesh {
  /** `net key port` -> who listens there. */
  readonly #bound = new Map<string, MeshPortQueue>();
  readonly #visors = new Map<string, PublicKey>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  /** Puts a visor into the directory. */
  join(visor: PublicKey): void {
    this.#visors.set(visor.hex, visor);
  }

  /** Binds; throws with the network's text. */
  listen(net: string, visor: PublicKey, port: number): MeshPortQueue {
    if (net !== "skynet" && net !== "dmsg") throw new Error("no such networker");
    const place = `${net} ${visor} ${port}`;
    if (this.#bound.has(place)) {
      const dmsg = "dmsg error 400 - port already occupied";
      throw new Error(net === "dmsg" ? dmsg : "port already bound");
    }
    const queue = new MeshPortQueue(() => this.#bound.delete(place));
    this.#bound.set(place, queue);
    return queue;
  }

  /** Connects two visors; throws with the network's text. */
  dial(from: PublicKey, to: { net: string; key: PublicKey; port: number }): MeshEnd {
    const { net, key, port } = to;
    if (net !== "skynet" && net !== "dmsg") throw new Error("no such networker");
    if (!this.#visors.has(key.hex)) {
      const dmsg = "dmsg error 100 - entry is not found in discovery";
      throw new Error(net === "dmsg" ? dmsg : "no route to the remote visor");
    }
    const queue = this.#bound.get(`${net} ${key} ${port}`);
    if (queue === undefined && net === "dmsg") {
      throw new Error("dmsg error 306 - request has no associated listener");
    }
    const localPort = this.#nextPort++;
    const names = [`${from.hex}:${localPort}`, `${key.hex}:${port}`] as const;
    const [ours, theirs] = MemoryStream.pair(names, { capacity: CONN_CAPACITY });
    queue?.arrive({ stream: theirs, remote: { net, key: from, port: localPort }, localPort: port });
    const app = STOCK_PORTS.includes(port) ? "skychat" : "service";
    const offline = `no listener on port ${port}, ${app} offline`;
    return { stream: ours, remote: to, localPort, ...(queue === undefined ? { offline } : {}) };
  }
}
