import type { ChatStore, QueuedMessage, QueueTable, Stored } from "#chat";
import type { MessageEvent } from "#events";

interface PendingCommit {
  resolve(written: boolean): void;
}

/** A store whose disk is the test: nothing is committed before {@link FakeChatStore.commit}. */
export class FakeChatStore implements ChatStore {
  /** Messages in the order of their appends. */
  readonly appended: MessageEvent[] = [];
  /** What was to be removed: peer, id, author. */
  readonly forgotten: [string, string, string][] = [];
  /** What was to be removed from groups: group, sender, timestamp. */
  readonly forgottenInGroups: [string, string, bigint][] = [];
  /** What removals from groups wait for. */
  forgetGate: Promise<void> = Promise.resolve();
  /** Texts that the limits refuse. */
  readonly refused = new Set<string>(["refused"]);
  /** The next removals reject with this. */
  failForget: string | undefined;
  /** Pauses readers while set. */
  ready: Promise<void> | undefined;
  readonly #pending: PendingCommit[] = [];
  readonly #auto: boolean;

  /** With `auto`, every append is committed at once. */
  constructor(options: { auto?: boolean } = {}) {
    this.#auto = options.auto ?? false;
  }

  /** Appends that wait for a commit. */
  get pending(): number {
    return this.#pending.length;
  }

  append(message: MessageEvent): Stored {
    this.appended.push(message);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    if (this.#auto) resolve(true);
    else this.#pending.push({ resolve });
    const refusal = this.refused.has(message.text) ? "message exceeds max size" : undefined;
    return { seq: 100 + this.appended.length, refusal, committed: promise };
  }

  forget(peer: string, id: string, author: string): Promise<boolean> {
    this.forgotten.push([peer, id, author]);
    if (this.failForget !== undefined) return Promise.reject(new Error(this.failForget));
    return Promise.resolve(true);
  }

  async forgetGroup(
    group: string,
    { sender, timestamp }: { sender: string; timestamp: bigint },
  ): Promise<boolean> {
    this.forgottenInGroups.push([group, sender, timestamp]);
    await this.forgetGate;
    if (this.failForget !== undefined) throw new Error(this.failForget);
    return true;
  }

  /** Ends the oldest commits, all of them unless a number is given. */
  commit(options: { count?: number; written?: boolean } = {}): void {
    const { count = Infinity, written = true } = options;
    for (const { resolve } of this.#pending.splice(0, count)) resolve(written);
  }
}

/** A table of queued messages that outlives the node that writes to it. */
export class FakeQueueTable implements QueueTable {
  /** What is on disk, in the order of queueing. */
  readonly rows = new Map<string, QueuedMessage>();
  /** Every write that reached the disk, in order: `put <id>` or `remove <id>`. */
  readonly writes: string[] = [];
  /** The next writes reject with this. */
  fail: string | undefined;
  /** Called before each write reaches the disk; a promise holds it back. */
  beforeWrite: (what: string, message?: QueuedMessage) => void | Promise<void> = () => {};

  list(): readonly QueuedMessage[] {
    return [...this.rows.values()];
  }

  async put(message: QueuedMessage): Promise<void> {
    await this.#write(`put ${message.id}`, message);
    this.rows.set(message.id, structuredClone(message));
  }

  async remove(id: string): Promise<boolean> {
    await this.#write(`remove ${id}`);
    return this.rows.delete(id);
  }

  async #write(what: string, message?: QueuedMessage): Promise<void> {
    await this.beforeWrite(what, message);
    if (this.fail !== undefined) throw new Error(this.fail);
    this.writes.push(what);
  }
}
