import { DirectChat } from "#chat";
import type { SecretKey } from "#crypto";
import { PublicKey } from "#crypto";
import { EventHub } from "#events";
import { silentLog, systemClock, systemRandom } from "#kit";
import { denoNetwork, dialLink, type Link, parsePeerSpec } from "#net";

/** A peer in this process that sends to a node as fast as receipts come back. */
export class LoadSender {
  readonly #chat: DirectChat;
  readonly #events = new EventHub({ clock: systemClock });
  readonly #secret: SecretKey;
  #link: Link | undefined;
  #attached: Promise<unknown> = Promise.resolve();

  constructor(secret: SecretKey) {
    this.#secret = secret;
    this.#chat = new DirectChat({
      self: secret.publicKey,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      events: this.#events,
    });
  }

  /** Its public key, hex. */
  get pk(): string {
    return this.#secret.publicKey.hex;
  }

  /** Links to a node. */
  async connect(node: { readonly pk: string; readonly tcpAddr: string }): Promise<void> {
    const context = {
      network: denoNetwork,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      local: this.#secret,
      requirePostQuantum: false,
    };
    this.#link = await dialLink(context, parsePeerSpec(`tcp://${node.pk}@${node.tcpAddr}`));
    this.#attached = this.#chat.attach(this.#link);
  }

  /**
   * Sends texts, `width` at a time, until there are no more or the node is gone. `onAcked` is called
   * with the text and id of each message whose receipt came.
   */
  async send(
    to: string,
    texts: Iterator<string>,
    options: { width: number; onAcked: (message: { id: string; text: string }) => void },
  ): Promise<void> {
    const recipient = PublicKey.parse(to);
    const worker = async () => {
      for (let next = texts.next(); !next.done; next = texts.next()) {
        const text = next.value;
        const outcome = await this.#chat.send({ recipient, text, waitMs: 5_000 });
        if (outcome.kind !== "acked") return;
        options.onAcked({ id: outcome.id, text });
      }
    };
    await Promise.all(Array.from({ length: options.width }, worker));
  }

  /** Whether the link to this node is still there. */
  connectedTo(pk: string): boolean {
    return this.#chat.isConnected(PublicKey.parse(pk));
  }

  /** Ends the link and whoever waits for a receipt. */
  async close(): Promise<void> {
    await this.#chat.close();
    await this.#attached;
    this.#events.close();
  }
}
