import { SecretKey } from "#crypto";
import { EventHub, type MessageEvent } from "#events";
import {
  type ControlOptions,
  type ControlPorts,
  type ControlSendOutcome,
  type ControlSendRequest,
  ControlServer,
  createApp,
  parseControlAddress,
} from "#http";
import { ByteQueue, type Clock, concat, silentLog, systemClock, utf8, utf8Text } from "#kit";
import { ManualClock } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import type { ControlSocket } from "../../lib/http/listener.ts";

/** A peer's key that every test may use. */
export const PEER: string = SecretKey.generate(new SeededRandom(7)).publicKey.hex;

/** Ports that record what they are asked and answer what the test says. */
export class FakePorts implements ControlPorts {
  readonly events: EventHub;
  history?: ControlPorts["history"];
  chat?: NonNullable<ControlPorts["chat"]>;
  outbox?: ControlPorts["outbox"];
  contacts?: ControlPorts["contacts"];
  privacy?: ControlPorts["privacy"];
  unread?: NonNullable<ControlPorts["unread"]>;
  groups?: ControlPorts["groups"];
  groupMessage?: ControlPorts["groupMessage"];
  groupTakesAddressed = true;
  metrics?: () => string;
  health?: () => readonly string[];
  healthNotes?: () => readonly string[];
  embedded?: boolean;
  readonly requests: ControlSendRequest[] = [];
  /** What the next sends come to. */
  outcome: () => Promise<ControlSendOutcome> = () =>
    Promise.resolve({ kind: "sent", id: "8077ca12ee05c806", network: "tcp-direct" });

  constructor(clock: Clock = systemClock) {
    this.events = new EventHub({ clock });
  }

  send(request: ControlSendRequest): Promise<ControlSendOutcome> {
    this.requests.push(request);
    return this.outcome();
  }

  status(): Record<string, unknown> {
    return { peers: [PEER], sse_subscribers: this.events.legacySubscribers };
  }
}

/** An inbound message as the chat layer publishes it. */
export function inbound(id: string, text: string): MessageEvent {
  return {
    direction: "in",
    id,
    network: "tcp-direct",
    sender: PEER,
    text,
    length: utf8(text).length,
    channel: "dm",
    wall: 1_789_000_000_000_000_000n,
  };
}

/** Runs a body against a server on a loopback port and ends both whatever happens. */
export async function withServer(
  body: (server: { address: string; ports: FakePorts; control: ControlServer }) => Promise<void>,
  options: Partial<ControlOptions> = {},
): Promise<void> {
  const ports = new FakePorts(options.clock);
  const control = new ControlServer(ports, {
    address: ":0",
    allowNonLoopback: false,
    log: silentLog,
    clock: systemClock,
    ...options,
  });
  const address = control.listen();
  try {
    await body({ address, ports, control });
  } finally {
    ports.events.close();
    await control.shutdown();
  }
}

/** A client that sends what it is told, byte for byte, over a real socket. */
export class RawClient implements Disposable {
  readonly #socket: Deno.TcpConn;
  #text = "";

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async connect(address: string): Promise<RawClient> {
    const [host, port] = address.split(/:(?=[0-9]+$)/);
    const hostname = host?.replace(/^\[|\]$/g, "") ?? "";
    return new RawClient(await Deno.connect({ hostname, port: Number(port) }));
  }

  async send(text: string): Promise<void> {
    let rest = latin1(text);
    while (rest.length > 0) rest = rest.subarray(await this.#socket.write(rest));
  }

  /** Reads until the text that came contains this, and takes it off the front. */
  async until(text: string): Promise<string> {
    while (!this.#text.includes(text)) {
      if (!await this.#read()) throw new Error(`Connection ended before ${text}: ${this.#text}`);
    }
    const end = this.#text.indexOf(text) + text.length;
    const taken = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return taken;
  }

  /** Everything until the server closes. */
  async rest(): Promise<string> {
    while (await this.#read());
    return this.#text;
  }

  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const count = await this.#socket.read(buffer).catch(() => null);
    this.#text += utf8Text(buffer.subarray(0, count ?? 0));
    return count !== null;
  }
}

/** A socket in memory: the test is the client. */
export class MemorySocket implements ControlSocket {
  readonly remote = "192.0.2.1";
  readonly #incoming = new ByteQueue();
  #output: Uint8Array = new Uint8Array(0);
  #ended = false;
  #change = Promise.withResolvers<void>();
  /** While true the client takes nothing. */
  stalled = false;
  /** Most bytes one write takes. */
  maxWrite = Infinity;
  closed = false;
  writes = 0;

  /** Everything the server wrote. */
  get text(): string {
    return utf8Text(this.#output);
  }

  /** Bytes the server has not read. */
  get unread(): number {
    return this.#incoming.length;
  }

  send(text: string): void {
    this.#incoming.push(latin1(text));
    this.wake();
  }

  /** The client finishes sending. */
  end(): void {
    this.#ended = true;
    this.wake();
  }

  /** Lets the server look again, after a change of `stalled`. */
  wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.closed) throw new Error("closed");
      const bytes = this.#incoming.take(Math.min(buffer.length, this.#incoming.length));
      if (bytes !== undefined && bytes.length > 0) {
        buffer.set(bytes);
        return bytes.length;
      }
      if (this.#ended) return null;
      await this.#change.promise;
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    for (;;) {
      if (this.closed) throw new Error("closed");
      if (!this.stalled) break;
      await this.#change.promise;
    }
    const taken = bytes.slice(0, Math.min(bytes.length, this.maxWrite));
    this.#output = concat(this.#output, taken);
    this.writes++;
    return taken.length;
  }

  closeWrite(): Promise<void> {
    return this.closed ? Promise.reject(new Error("closed")) : Promise.resolve();
  }

  close(): void {
    this.closed = true;
    this.wake();
  }
}

/** Lets real I/O go on until a condition holds; fails after many turns of the event loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 20_000 && !condition(); turn++) {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
  if (!condition()) throw new Error("Condition never became true");
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Everything a test of single routes needs: ports to fill, and a function that asks. */
export interface RouteRig {
  readonly ports: FakePorts;
  readonly clock: ManualClock;
  /** Lines of the log. */
  readonly lines: string[];
  /** Status, text and headers of an answer. A body that is no text is sent as JSON. */
  ask(method: string, path: string, body?: unknown): Promise<RouteAnswer>;
}

/** An answer, read. */
export interface RouteAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** The routes over the ports that the test sets up, without a socket. */
export function routeRig(setUp: Partial<FakePorts> = {}): RouteRig {
  const clock = new ManualClock();
  const ports = Object.assign(new FakePorts(clock), setUp);
  const lines: string[] = [];
  const note = (text: string) => void lines.push(text);
  const log = { debug: note, info: note, warn: note, error: note };
  const app = createApp(ports, { address: parseControlAddress(":8001"), clock, log });
  return {
    ports,
    clock,
    lines,
    async ask(method, path, body) {
      const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
      const headers = { host: "localhost" };
      const init = { method, headers, body: text ?? null };
      const reply = await app(new Request(`http://localhost${path}`, init));
      return { status: reply.status, text: await reply.text(), headers: reply.headers };
    },
  };
}
