import { FlightWindow } from "./flight_window.ts";
import type { MessageClient } from "./framed_client.ts";
import { ackedMessage, PIPELINE_TEXT, ReceiptBook } from "./messages.ts";
import { type BenchNode, counter } from "./node.ts";
import type { PeerClient } from "./peer_client.ts";
import { processorTime } from "./processes.ts";

/** Unanswered messages at a time. */
export const IN_FLIGHT = 512;
/** Messages in one write: like a busy sender whose queue is joined. */
const PER_WRITE = 64;

/** Acked messages to a node, with a check that each of them counts exactly once. */
export class ChatFlood {
  readonly #client: PeerClient;
  readonly #node: BenchNode;
  #sent = 0;
  #faults = 0;
  /** Microseconds of the node's processor time a message, in the last {@link run}. */
  cpu = 0;

  constructor(client: PeerClient, node: BenchNode) {
    this.#client = client;
    this.#node = node;
  }

  /** Acked messages a second. */
  async run(count: number): Promise<number> {
    const first = this.#sent;
    const book = new ReceiptBook(first, count);
    const before = await processorTime(this.#node.app.pid);
    const rate = await flood(this.#client, {
      count,
      message: (index) => ackedMessage(first + index, PIPELINE_TEXT),
      take: (payload) => {
        book.take(payload);
        return book.received;
      },
    });
    this.cpu = (await processorTime(this.#node.app.pid) - before) * 1_000 / count;
    this.#sent += count;
    this.#faults += book.faults;
    return rate;
  }

  /** Messages that were lost or doubled, by the receipts and by the node's own counter. */
  async lost(): Promise<number> {
    const counted = await counter(this.#node, "inbound_msg_count");
    return this.#faults + Math.abs(counted - this.#sent);
  }
}

/** What is sent, and how answers are counted. */
export interface Flood {
  readonly count: number;
  readonly message: (index: number) => Uint8Array;
  /** Takes one payload; how many messages are answered now. */
  readonly take: (payload: Uint8Array) => number;
}

/** Messages a second, with up to {@link IN_FLIGHT} unanswered ones. */
export async function flood(
  client: MessageClient,
  { count, message, take }: Flood,
): Promise<number> {
  const window = new FlightWindow(IN_FLIGHT);
  const started = performance.now();
  const answers = (async () => {
    for (let answered = 0; answered < count;) {
      const before = answered;
      for (const payload of await client.read()) answered = take(payload);
      window.landed(answered - before);
    }
  })();
  for (let sent = 0; sent < count;) {
    const now = Math.min(await window.room(), count - sent, PER_WRITE);
    window.sent(now);
    await client.send(Array.from({ length: now }, (_, index) => message(sent + index)));
    sent += now;
  }
  await answers;
  return count * 1_000 / (performance.now() - started);
}
