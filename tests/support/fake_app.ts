import { utf8, utf8Text } from "#kit";
import { type ByteStream, MemoryNetwork, type Network, NetworkError } from "#net";

/** A request as the fake app saw it. */
export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** How the fake app answers. */
export class FakeReply {
  readonly #stream: ByteStream;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** A whole answer. */
  async answer(status: number, body: string): Promise<void> {
    const length = utf8(body).length;
    await this.write(`HTTP/1.1 ${status} X\r\nContent-Length: ${length}\r\n\r\n${body}`);
    this.#stream.close();
  }

  /** The head of an event stream and its first bytes; more follows with {@link chunk}. */
  async events(text = ": connected\n\n"): Promise<void> {
    await this.write(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    await this.chunk(text);
  }

  /** One chunk of an event stream. */
  async chunk(text: string): Promise<void> {
    await this.write(`${utf8(text).length.toString(16)}\r\n${text}\r\n`);
  }

  /** One event, as JSON. */
  event(value: unknown): Promise<void> {
    return this.chunk(`data: ${JSON.stringify(value)}\n\n`);
  }

  /** Ends an event stream in order. */
  async end(): Promise<void> {
    await this.write("0\r\n\r\n");
    this.#stream.close();
  }

  /** Bytes as they are. */
  write(text: string): Promise<void> {
    return this.#stream.write(utf8(text));
  }

  /** Hangs up in the middle. */
  cut(): void {
    this.#stream.close();
  }
}

/** Answers request number `index` (from 0). */
export type FakeHandler = (request: FakeRequest, reply: FakeReply, index: number) => unknown;

/**
 * Answers `/status` with this, and gives every other request to the handler: `index` counts only
 * those.
 */
export function withStatus(status: object, handler: FakeHandler): FakeHandler {
  let others = 0;
  return (request, reply) =>
    request.path === "/status"
      ? reply.answer(200, `${JSON.stringify(status)}\n`)
      : handler(request, reply, others++);
}

/** An app that is only an HTTP server in memory, at 127.0.0.1:8001 or where it is told to be. */
export class FakeApp {
  readonly network: Network;
  readonly requests: FakeRequest[] = [];
  /** When set, answers as soon as the head of a request is there; the rest is never read. */
  onHead: ((reply: FakeReply) => unknown) | undefined;

  constructor(handler: FakeHandler, { host = "127.0.0.1", port = 8001 } = {}) {
    const network = new MemoryNetwork();
    this.network = network;
    this.#serve(network.listen(host, port), handler);
  }

  /** An app that answers every request the same way. */
  static answering(status: number, body: string): FakeApp {
    return new FakeApp((_request, reply) => reply.answer(status, body));
  }

  async #serve(listener: ReturnType<MemoryNetwork["listen"]>, handler: FakeHandler): Promise<void> {
    for (;;) {
      const stream = await listener.accept();
      if (this.onHead !== undefined) {
        await stream.read(new Uint8Array(64));
        await this.onHead(new FakeReply(stream));
        continue;
      }
      const request = await readRequest(stream);
      const index = this.requests.push(request) - 1;
      Promise.resolve(handler(request, new FakeReply(stream), index)).catch((error) => {
        // The client hung up first, which some tests are about.
        if (!(error instanceof NetworkError)) throw error;
      });
    }
  }
}

async function readRequest(stream: ByteStream): Promise<FakeRequest> {
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const request = requestOf(text);
    if (request !== undefined) return request;
    const count = await stream.read(buffer);
    if (count === null) throw new Error("Cannot read the request: it was cut off");
    text += utf8Text(buffer.subarray(0, count));
  }
}

function requestOf(text: string): FakeRequest | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const body = text.slice(end + 4);
  if (headers.get("transfer-encoding") === "chunked" && !body.endsWith("0\r\n\r\n")) {
    return undefined;
  }
  if (utf8(body).length < Number(headers.get("content-length") ?? "0")) return undefined;
  const [method = "", path = ""] = first.split(" ");
  return { method, path, headers, body };
}
