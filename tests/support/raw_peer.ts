import { PublicKey, SecretKey } from "#crypto";
import { systemRandom, utf8, utf8Text } from "#kit";
import { encodeFrame, FrameDecoder, SecureSession } from "#session";

/** A peer made by hand for tests: it can do everything a correct one does, and stop half-way. */
export class RawPeer {
  readonly secret: SecretKey;
  readonly session: SecureSession;
  readonly socket: Deno.TcpConn;
  readonly #frames = new FrameDecoder();
  readonly #inbox: string[] = [];

  private constructor(socket: Deno.TcpConn, session: SecureSession, secret: SecretKey) {
    this.socket = socket;
    this.session = session;
    this.secret = secret;
  }

  /** Connects to `host:port` without sending anything. */
  static async connect(
    target: { address: string; pk: string },
    secret = SecretKey.generate(systemRandom),
  ): Promise<RawPeer> {
    const at = target.address.lastIndexOf(":");
    const socket = await Deno.connect({
      hostname: target.address.slice(0, at),
      port: Number(target.address.slice(at + 1)),
    });
    const session = new SecureSession({
      role: "initiator",
      pattern: "XK",
      local: secret,
      remote: PublicKey.parse(target.pk),
      random: systemRandom,
    });
    return new RawPeer(socket, session, secret);
  }

  /** Handshake message 1 as wire bytes, not sent yet. */
  firstMessage(): Uint8Array {
    const [event] = this.session.start();
    if (event?.kind !== "send") throw new Error("Cannot start: the session sent nothing");
    return event.bytes;
  }

  /** Does the whole handshake like a correct peer. */
  async handshake(): Promise<this> {
    await this.write(this.firstMessage());
    return await this.handshakeFromReply();
  }

  /** Does the rest of the handshake after message 1 was sent. */
  async handshakeFromReply(): Promise<this> {
    while (!this.session.established) {
      if (!await this.#readOnce()) throw new Error("Cannot finish the handshake: the node hung up");
    }
    return this;
  }

  /** Writes wire bytes as they are. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.socket.write(bytes.subarray(at));
  }

  /** One chat frame as wire bytes, not sent yet. */
  sealFrame(payload: Uint8Array): Uint8Array {
    return this.session.seal(encodeFrame(payload));
  }

  /** Sends one chat frame as a correct peer does. */
  async sendPayload(payload: Uint8Array | string): Promise<void> {
    await this.write(this.sealFrame(typeof payload === "string" ? utf8(payload) : payload));
  }

  /** Sends a message that asks for a receipt and waits for it. */
  async sendAcked(body: string, id = crypto.randomUUID().slice(0, 16)): Promise<void> {
    await this.sendPayload(JSON.stringify({ type: "chat-msg", id, body, ack: true }));
    const receipt = JSON.stringify({ type: "chat-ack", id });
    for (;;) {
      const seen = this.#inbox.indexOf(receipt);
      if (seen >= 0) return void this.#inbox.splice(seen, 1);
      if (!await this.#readOnce()) throw new Error("Cannot get the receipt: the node hung up");
    }
  }

  /** Reads until the node closes the connection; a reset counts as closed. */
  async untilClosed(): Promise<void> {
    const buffer = new Uint8Array(16_384);
    try {
      while (await this.socket.read(buffer) !== null);
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
  }

  close(): void {
    try {
      this.socket.close();
    } catch {
      // Closed already: that is the state asked for.
    }
  }

  async #readOnce(): Promise<boolean> {
    const buffer = new Uint8Array(16_384);
    const count = await this.socket.read(buffer);
    if (count === null) return false;
    for (const event of this.session.push(buffer.slice(0, count))) {
      if (event.kind === "send") await this.write(event.bytes);
      if (event.kind === "fatal") throw new Error(`Cannot go on: ${event.message}`);
      if (event.kind === "data") {
        for (const frame of this.#frames.push(event.bytes)) {
          if (frame.kind === "frame") this.#inbox.push(utf8Text(frame.payload));
        }
      }
    }
    return true;
  }
}
