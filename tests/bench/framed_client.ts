import { concat } from "#kit";
import { encodeFrame, FrameDecoder } from "#session";

const READ_BUFFER = 65_536;

/** Sends and takes messages, many at a time; what a flood of them goes through. */
export interface MessageClient {
  /** Sends messages, all in one write. */
  send(payloads: readonly Uint8Array[]): Promise<void>;
  /** Reads once; the messages that it completed, maybe none. */
  read(): Promise<readonly Uint8Array[]>;
  close(): void;
}

/** Messages over bare TCP: all that the product does to carry them, without the encryption. */
export class FramedClient implements MessageClient {
  readonly #socket: Deno.TcpConn;
  readonly #frames = new FrameDecoder();
  readonly #buffer: Uint8Array = new Uint8Array(READ_BUFFER);

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async connect(port: number): Promise<FramedClient> {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    socket.setNoDelay(true);
    return new FramedClient(socket);
  }

  async send(payloads: readonly Uint8Array[]): Promise<void> {
    const bytes = concat(...payloads.map(encodeFrame));
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }

  async read(): Promise<readonly Uint8Array[]> {
    const count = await this.#socket.read(this.#buffer);
    if (count === null) throw new Error("Cannot go on: the floor server hung up");
    return this.#frames.push(this.#buffer.slice(0, count)).map((frame) => {
      if (frame.kind === "fatal") throw new Error(`Cannot go on: ${frame.message}`);
      return frame.payload;
    });
  }

  close(): void {
    this.#socket.close();
  }
}
