import assert from "node:assert/strict";
import { SecretKey } from "#crypto";
import { utf8 } from "#kit";
import {
  Acceptor,
  type AcceptorOptions,
  dialLink,
  type Endpoint,
  type Link,
  type LinkContext,
  MemoryNetwork,
  MemoryStream,
  type MemoryStreamOptions,
  type Network,
  type StreamListener,
  type Whitelist,
} from "#net";
import { SecureSession } from "#session";
import { ManualClock, settle } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { RecordingLog } from "./recording_log.ts";

export const PORT = 8801;
export const EVERYONE: Whitelist = { size: 0, allows: () => true };

/** Everything a test of this layer needs, in memory and with time that stands still. */
export class NetFixture {
  readonly clock = new ManualClock();
  readonly random = new SeededRandom(7);
  readonly network: MemoryNetwork;
  readonly serverLog = new RecordingLog();
  readonly clientLog = new RecordingLog();
  readonly server = SecretKey.generate(this.random);
  readonly client = SecretKey.generate(this.random);

  constructor(options?: MemoryStreamOptions) {
    this.network = new MemoryNetwork(options);
  }

  /** What the server accepts with. */
  serverContext(network: Network = this.network): LinkContext {
    return this.#context(network, this.server, this.serverLog);
  }

  /** What the client dials with. */
  clientContext(network: Network = this.network): LinkContext {
    return this.#context(network, this.client, this.clientLog);
  }

  /** The server as the client knows it. */
  endpoint(peer = this.server.publicKey): Endpoint {
    return { peer, host: "192.0.2.1", port: PORT, address: `192.0.2.1:${PORT}` };
  }

  /** A listener that is bound and not running yet. */
  acceptor(
    { network, ...options }: Partial<AcceptorOptions> & { readonly network?: Network } = {},
  ): Acceptor {
    const acceptor = new Acceptor(this.serverContext(network), {
      address: { host: "", port: PORT },
      label: `:${PORT}`,
      whitelist: EVERYONE,
      onLink: (link) => link.serve(() => {}),
      ...options,
    });
    acceptor.listen();
    return acceptor;
  }

  /** A link, and the raw stream and session of the peer at its other end. */
  async linkToRawPeer(): Promise<{ link: Link; peer: RawPeer }> {
    const listener = this.network.listen("", PORT);
    const accepting = listener.accept();
    const dialing = dialLink(this.clientContext(), this.endpoint());
    const stream = await accepting;
    assert.ok(stream instanceof MemoryStream);
    const peer = new RawPeer(stream, this.#session("responder"));
    const [link] = await Promise.all([dialing, peer.handshake()]);
    listener.close();
    return { link, peer };
  }

  /** A peer that dials by hand and has sent nothing. */
  async rawDialer(from?: string): Promise<RawPeer> {
    const network = from === undefined ? this.network : this.network.from(from);
    const stream = await network.connect("192.0.2.1", PORT, new AbortController().signal);
    assert.ok(stream instanceof MemoryStream);
    return new RawPeer(stream, this.#session("initiator"));
  }

  #session(role: "initiator" | "responder"): SecureSession {
    const local = role === "initiator" ? this.client : this.server;
    const pinned = role === "initiator" ? { remote: this.server.publicKey } : {};
    return new SecureSession({ role, pattern: "XK", local, random: this.random, ...pinned });
  }

  #context(network: Network, local: SecretKey, log: RecordingLog): LinkContext {
    const { clock, random } = this;
    return { network, clock, random, log, local, requirePostQuantum: false };
  }
}

/** One end of a stream driven by hand. */
export class RawPeer {
  readonly stream: MemoryStream;
  readonly session: SecureSession;
  readonly received: number[] = [];
  /** Wire bytes read after the handshake. */
  wireBytes = 0;

  constructor(stream: MemoryStream, session: SecureSession) {
    this.stream = stream;
    this.session = session;
  }

  /** Message 1 as an initiator sends it. */
  firstMessage(): Uint8Array {
    const [event] = this.session.start();
    assert.ok(event?.kind === "send");
    return event.bytes;
  }

  /** Does the rest of the handshake. */
  async handshake(): Promise<void> {
    while (!this.session.established) {
      assert.ok(await this.readOnce(), "hung up on in the handshake");
    }
  }

  /** Reads once; false at the end of the stream. */
  async readOnce(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const count = await this.stream.read(buffer);
    if (count === null) return false;
    if (this.session.established) this.wireBytes += count;
    for (const event of this.session.push(buffer.slice(0, count))) {
      if (event.kind === "send") await this.stream.write(event.bytes);
      if (event.kind === "data") this.received.push(...event.bytes);
      assert.notEqual(event.kind, "fatal", JSON.stringify(event));
    }
    return true;
  }

  /** Sends stream bytes. */
  async send(text: string): Promise<void> {
    await this.stream.write(this.session.seal(utf8(text)));
  }
}

/** A network whose listener fails in a chosen way before it gives real streams. */
export function failingListener(network: Network, failures: Error[]): Network {
  return {
    connect: (host, port, signal) => network.connect(host, port, signal),
    listen(host, port): StreamListener {
      const listener = network.listen(host, port);
      return {
        address: listener.address,
        accept() {
          const failure = failures.shift();
          return failure === undefined ? listener.accept() : Promise.reject(failure);
        },
        close: () => listener.close(),
      };
    },
  };
}

/** Lets everything run that can, until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if (condition()) return;
    await settle();
  }
  assert.fail("the condition never held");
}
