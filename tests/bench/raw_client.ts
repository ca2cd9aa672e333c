import { FlightWindow } from "./flight_window.ts";

const READ_BUFFER = 65_536;

/** A plain TCP client of `floor/tcp_echo.ts`: does with bare bytes what the others do with messages. */
export class RawClient {
  readonly #socket: Deno.TcpConn;
  readonly #buffer: Uint8Array = new Uint8Array(READ_BUFFER);

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    socket.setNoDelay(true);
    return new RawClient(socket);
  }

  /** One message there and back. */
  async roundTrip(message: Uint8Array): Promise<void> {
    await this.#write(message);
    await this.#take(message.length);
  }

  /** Messages a second with up to `inFlight` unanswered ones. */
  async pipeline(
    message: Uint8Array,
    { count, inFlight }: { count: number; inFlight: number },
  ): Promise<number> {
    const block = new Uint8Array(message.length * inFlight);
    for (let at = 0; at < block.length; at += message.length) block.set(message, at);
    const window = new FlightWindow(inFlight);
    const started = performance.now();
    const answers = this.#countAnswers(window, message.length, count);
    for (let sent = 0; sent < count;) {
      const now = Math.min(await window.room(), count - sent);
      window.sent(now);
      sent += now;
      await this.#write(block.subarray(0, now * message.length));
    }
    await answers;
    return count * 1_000 / (performance.now() - started);
  }

  /** MiB a second one way, until the other end says that it has them all. */
  async bulk(mebibytes: number): Promise<number> {
    const piece = new Uint8Array(65_536);
    const total = mebibytes * 1_048_576;
    const header = new Uint8Array(8);
    new DataView(header.buffer).setBigUint64(0, BigInt(total));
    const started = performance.now();
    await this.#write(header);
    for (let sent = 0; sent < total; sent += piece.length) await this.#write(piece);
    await this.#take(1);
    return mebibytes * 1_000 / (performance.now() - started);
  }

  close(): void {
    this.#socket.close();
  }

  async #countAnswers(window: FlightWindow, length: number, count: number): Promise<void> {
    let bytes = 0;
    let answered = 0;
    while (answered < count) {
      bytes += await this.#read();
      const whole = Math.floor(bytes / length);
      window.landed(whole - answered);
      answered = whole;
    }
  }

  async #take(wanted: number): Promise<void> {
    for (let got = 0; got < wanted;) got += await this.#read();
  }

  async #read(): Promise<number> {
    const count = await this.#socket.read(this.#buffer);
    if (count === null) throw new Error("Cannot go on: the floor server hung up");
    return count;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }
}
