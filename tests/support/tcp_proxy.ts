/** Passes TCP connections on to somebody on loopback, until it is told to cut them. */
export class TcpProxy {
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running: Promise<unknown>[];
  #isCut = false;

  /** Listens on a port of the system's choice; `target` is where it passes on to. */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#running = [this.#accept()];
  }

  /** `127.0.0.1:port` to dial. */
  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Closes what is open; until {@link heal} whoever comes is closed too. */
  cut(): void {
    this.#isCut = true;
    for (const stream of this.#open) this.#drop(stream);
  }

  /** Passes on again. */
  heal(): void {
    this.#isCut = false;
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.#listener.close();
    this.cut();
    await Promise.allSettled(this.#running);
  }

  async #accept(): Promise<void> {
    try {
      for await (const stream of this.#listener) {
        if (this.#isCut) stream.close();
        else this.#running.push(this.#pass(stream));
      }
    } catch {
      // Closed while it waited.
    }
  }

  async #pass(stream: Deno.TcpConn): Promise<void> {
    this.#open.add(stream);
    try {
      const target = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      this.#open.add(target);
      if (this.#isCut) this.#drop(target);
      await Promise.all([this.#copy(stream, target), this.#copy(target, stream)]);
    } catch {
      this.#drop(stream);
    }
  }

  /** When one direction ends both ends go: nobody here relies on a connection that is half closed. */
  async #copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
      }
    } catch {
      // Cut, or one side went away.
    } finally {
      this.#drop(from);
      this.#drop(to);
    }
  }

  #drop(stream: Deno.TcpConn): void {
    if (!this.#open.delete(stream)) return;
    stream.close();
  }
}
