import type { CxoNode } from "#cxo";
import { Backoff, errorText } from "#kit";
import { dialFeed, type FeedEndpoint, type Link, type LinkContext } from "#net";

/** First wait after a failed dial in milliseconds; it doubles (groups.md 4.2). */
export const MEMBER_BACKOFF_FIRST_MS = 3_000;
/** Longest wait between two dials of a member in milliseconds (groups.md 4.2). */
export const MEMBER_BACKOFF_MOST_MS = 30_000;

/** What a member is dialled with. */
export interface MemberDialerOptions {
  /** `local` is the identity. */
  readonly context: LinkContext;
  /** The node of the identity, which gets the links. */
  readonly node: CxoNode;
  /** The key that whoever listens there must have. */
  readonly member: string;
  /** Told why a dial came to nothing, each time. */
  readonly onFailure: (reason: string) => void;
}

/**
 * Dials one member for as long as it has no live connection in either direction (groups.md 4.2). It holds
 * up nobody else, and never rejects.
 */
export class MemberDialer {
  readonly #options: MemberDialerOptions;
  readonly #backoff = new Backoff({
    first: MEMBER_BACKOFF_FIRST_MS,
    most: MEMBER_BACKOFF_MOST_MS,
  });
  #endpoint: FeedEndpoint | undefined;
  /** Before this it is not dialled, on the clock of durations. */
  #due = 0;
  /** The dial under way, up to the proof of the key. */
  #dialling: AbortController | undefined;
  #wake = () => {};
  #running: Promise<void> | undefined;
  #closed = false;

  /** Dials nothing before {@link start}. */
  constructor(options: MemberDialerOptions) {
    this.#options = options;
  }

  /** Where the member listens; undefined where it is not known: then the member dials. */
  get endpoint(): FeedEndpoint | undefined {
    return this.#endpoint;
  }

  /** Goes to another address, at once. */
  set endpoint(endpoint: FeedEndpoint | undefined) {
    if (endpoint?.address === this.#endpoint?.address) return;
    this.#endpoint = endpoint;
    this.#backoff.reset();
    this.#due = 0;
    this.#dialling?.abort();
    this.#wake();
  }

  /** Dials from now on. */
  start(): void {
    if (!this.#closed) this.#running ??= this.#run();
  }

  /** The member is connected, by whichever side: a dial under way is not needed. */
  connected(): void {
    this.#dialling?.abort();
    this.#wake();
  }

  /** It is not any more; `wasGood`: the connection was worth something. */
  lost(wasGood: boolean): void {
    if (wasGood) this.#backoff.reset();
    this.#due = this.#options.context.clock.now() + this.#backoff.next();
    this.#wake();
  }

  /** Dials no more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#dialling?.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, onFailure } = { ...this.#options, ...this.#options.context };
    while (!this.#closed) {
      const endpoint = this.#endpoint;
      const wait = this.#due - clock.now();
      if (endpoint === undefined || this.#isConnected) await this.#rest();
      else if (wait > 0) await this.#rest(wait);
      else {
        const reason = await this.#dial(endpoint);
        if (this.#isConnected || endpoint !== this.#endpoint || this.#closed) continue;
        this.#due = clock.now() + this.#backoff.next();
        if (reason !== undefined) onFailure(reason);
      }
    }
  }

  get #isConnected(): boolean {
    return this.#options.node.connectionOf(this.#options.member) !== undefined;
  }

  /** Why the member is not connected now; undefined when it is, or when nobody wants it any more. */
  async #dial(endpoint: FeedEndpoint): Promise<string | undefined> {
    const { member, node } = this.#options;
    const link = await this.#open(endpoint);
    if (link === undefined || typeof link === "string") return link;
    if (link.peer.hex !== member) {
      link.close("not the key of the member");
      return `${endpoint.address} belongs to ${link.peer}, which is not that key`;
    }
    try {
      await node.attach(link, "dialer").connection.ready;
      return undefined;
    } catch (error) {
      return errorText(error);
    }
  }

  async #open(endpoint: FeedEndpoint): Promise<Link | string | undefined> {
    const { signal } = this.#dialling = new AbortController();
    try {
      const link = await dialFeed(this.#options.context, endpoint, { signal });
      if (!signal.aborted) return link;
      link.close("not needed any more");
      return undefined;
    } catch (error) {
      return signal.aborted ? undefined : errorText(error);
    } finally {
      this.#dialling = undefined;
    }
  }

  /** Until something changed, or the time is up. */
  async #rest(ms?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = ms === undefined ? undefined : this.#options.context.clock.after(ms, resolve);
    await promise;
    timer?.cancel();
  }
}
