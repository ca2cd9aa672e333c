import { PublicKey, SecretKey } from "#crypto";
import { concat, systemRandom } from "#kit";
import { encodeFrame, FrameDecoder, SecureSession } from "#session";
import type { MessageClient } from "./framed_client.ts";

const READ_BUFFER = 65_536;

/** Where a peer listens and which key it has. */
export interface PeerAddress {
  readonly port: number;
  readonly key: PublicKey;
}

/** The address of a node on this machine from its `host:port` and the hex digits of its key. */
export function peerAddress(address: string, pk: string): PeerAddress {
  return { port: Number(address.slice(address.lastIndexOf(":") + 1)), key: PublicKey.parse(pk) };
}

/**
 * A lean peer over `#session` and one socket: what it costs is crypto and system calls, so that a row
 * shows the node at the other end.
 */
export class PeerClient implements MessageClient {
  readonly #socket: Deno.TcpConn;
  readonly #session: SecureSession;
  readonly #frames = new FrameDecoder();
  readonly #buffer: Uint8Array = new Uint8Array(READ_BUFFER);

  private constructor(socket: Deno.TcpConn, session: SecureSession) {
    this.#socket = socket;
    this.#session = session;
  }

  /** Connects and does the handshake; `hybrid` is the product's default. */
  static async connect(
    { port, key }: PeerAddress,
    { hybrid = true, secret = SecretKey.generate(systemRandom) }: {
      hybrid?: boolean;
      secret?: SecretKey;
    } = {},
  ): Promise<PeerClient> {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    socket.setNoDelay(true);
    const session = new SecureSession({
      role: "initiator",
      pattern: "XK",
      local: secret,
      remote: key,
      random: systemRandom,
      offerPostQuantum: hybrid,
    });
    const client = new PeerClient(socket, session);
    for (const event of session.start()) {
      if (event.kind === "send") await client.#write(event.bytes);
    }
    while (!session.established) await client.read();
    return client;
  }

  /** Sends messages, each as one frame in records of its own, all in one write. */
  async send(payloads: readonly Uint8Array[]): Promise<void> {
    await this.#write(
      concat(...payloads.map((payload) => this.#session.seal(encodeFrame(payload)))),
    );
  }

  /** Sends bytes that are frames already, as few full records. */
  async sendStream(frames: Uint8Array): Promise<void> {
    await this.#write(this.#session.seal(frames));
  }

  /** Reads once; the payloads that it completed, maybe none. */
  async read(): Promise<readonly Uint8Array[]> {
    const count = await this.#socket.read(this.#buffer);
    if (count === null) throw new Error("Cannot go on: the node hung up");
    const payloads: Uint8Array[] = [];
    for (const event of this.#session.push(this.#buffer.slice(0, count))) {
      if (event.kind === "send") await this.#write(event.bytes);
      if (event.kind === "fatal") throw new Error(`Cannot go on: ${event.message}`);
      if (event.kind !== "data") continue;
      for (const frame of this.#frames.push(event.bytes)) {
        if (frame.kind === "fatal") throw new Error(`Cannot go on: ${frame.message}`);
        payloads.push(frame.payload);
      }
    }
    return payloads;
  }

  /** The next payload when only one can be on its way. */
  async answer(): Promise<Uint8Array> {
    for (;;) {
      const [payload] = await this.read();
      if (payload !== undefined) return payload;
    }
  }

  close(): void {
    this.#socket.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }
}
