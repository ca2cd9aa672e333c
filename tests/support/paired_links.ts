import type { ChatLink } from "#chat";
import type { PublicKey } from "#crypto";
import { CodedError } from "#kit";

type LinkEnd = Awaited<ChatLink["closed"]>;

/**
 * When a connection dies: at its `write`-th write (from 1, both directions count), `before` the bytes
 * arrive, `after` they arrived while the writer is told that it failed, or `later`, when the writer
 * believes that all is well.
 */
export interface LinkFate {
  readonly write: number;
  readonly when: "before" | "after" | "later";
}

/** Both ends of one connection in memory, without encryption, that dies as its fate says. */
export class PairedLinks {
  /** The end that the first node serves. */
  readonly near: ChatLink;
  /** The end that the second node serves. */
  readonly far: ChatLink;
  readonly #fate: LinkFate | undefined;
  readonly #ended = Promise.withResolvers<LinkEnd>();
  #alive = true;
  #writes = 0;

  /** `near` and `far` are the keys of the nodes that serve these ends. */
  constructor(keys: { near: PublicKey; far: PublicKey }, fate?: LinkFate) {
    this.#fate = fate;
    const [toNear, toFar] = [new Pipe(), new Pipe()];
    this.near = this.#end(keys.far, { out: toFar, in: toNear });
    this.far = this.#end(keys.near, { out: toNear, in: toFar });
  }

  /** Cuts the connection. */
  cut(): void {
    this.#alive = false;
    this.#ended.resolve({ code: "eof", message: "EOF" });
  }

  #end(peer: PublicKey, pipes: { out: Pipe; in: Pipe }): ChatLink {
    return {
      peer,
      direction: "out",
      openedAt: 0,
      closed: this.#ended.promise,
      close: () => this.cut(),
      serve: (onData) => {
        pipes.in.onData = onData;
        return this.#ended.promise;
      },
      write: (bytes) => this.#write(bytes, pipes.out),
    };
  }

  #write(bytes: Uint8Array, pipe: Pipe): Promise<void> {
    if (!this.#alive) return Promise.reject(new CodedError("closed", "closed"));
    const fate = ++this.#writes === this.#fate?.write ? this.#fate.when : undefined;
    if (fate !== "before") pipe.send(bytes.slice());
    if (fate === undefined) return Promise.resolve();
    if (fate === "later") {
      Promise.resolve().then(() => this.cut());
      return Promise.resolve();
    }
    this.cut();
    return Promise.reject(new CodedError("write-failed", "broken pipe"));
  }
}

/** One direction: hands chunks over one at a time, in order. */
class Pipe {
  onData: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  #last: Promise<void> = Promise.resolve();

  send(bytes: Uint8Array): void {
    this.#last = this.#last.then(() => this.onData?.(bytes));
  }
}
