import { Backoff, errorText, formatDuration, quoteForLog } from "#kit";
import { dialLink } from "./dial_link.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Link } from "./link.ts";
import type { LinkContext } from "./link_context.ts";

/** First wait after a failed dial in milliseconds; it doubles (messages.md 8.2). */
export const DIAL_BACKOFF_FIRST_MS = 1_000;
/** Longest wait between dials in milliseconds. */
export const DIAL_BACKOFF_MOST_MS = 60_000;
/**
 * A link that lived shorter than this, in milliseconds, counts as a failed dial: a peer whose
 * whitelist we are not on accepts the handshake and then closes (messages.md 8.2).
 */
export const SHORT_LIVED_MS = 1_000;

/** What a dialer keeps connected, and who uses it. */
export interface DialerOptions {
  /** Whom to dial, and where. */
  readonly endpoint: Endpoint;
  /** Serves the link to its end; whatever remains of the link is closed when this settles. */
  readonly onLink: (link: Link) => Promise<unknown>;
  /** The option that named the peer, which starts the log lines; default `tcp-peer`. */
  readonly option?: string;
}

/** Keeps one outbound link: dial, serve, wait, again (messages.md 8.2). */
export class Dialer {
  /** Whom it dials, and where. */
  readonly endpoint: Endpoint;
  readonly #context: LinkContext;
  readonly #onLink: (link: Link) => Promise<unknown>;
  readonly #option: string;
  readonly #name: string;
  readonly #backoff = new Backoff({ first: DIAL_BACKOFF_FIRST_MS, most: DIAL_BACKOFF_MOST_MS });
  #connected = false;

  /** Dials nothing yet: see {@link run}. */
  constructor(context: LinkContext, { endpoint, onLink, option = "tcp-peer" }: DialerOptions) {
    this.#context = context;
    this.endpoint = endpoint;
    this.#onLink = onLink;
    this.#option = option;
    this.#name = `${endpoint.peer}@${quoteForLog(endpoint.address)}`;
  }

  /** Whether a link is up now. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Runs until the signal aborts, then closes what is open and resolves. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const link = await this.#dial(signal);
      if (link !== undefined) await this.#keep(link, signal);
    }
  }

  /** A link, or undefined after the wait that follows a failure. */
  async #dial(signal: AbortSignal): Promise<Link | undefined> {
    const { clock, log } = this.#context;
    try {
      return await dialLink(this.#context, this.endpoint, { signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      const wait = this.#backoff.next();
      const text = `${errorText(error)} (backoff ${formatDuration(wait)})`;
      log.warn(`skychat: ${this.#option} dial ${this.#name} failed: ${text}`);
      await clock.sleep(wait, signal);
      return undefined;
    }
  }

  async #keep(link: Link, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#context;
    log.info(`skychat: ${this.#option} connected to ${this.#name}`);
    await this.#serve(link, signal);
    log.info(`skychat: ${this.#option} disconnected from ${this.#name}`);
    if (signal.aborted) return;
    if (clock.now() - link.openedAt >= SHORT_LIVED_MS) return this.#backoff.reset();
    const wait = this.#backoff.next();
    log.warn(
      `skychat: ${this.#option} ${this.#name} hung up at once, perhaps our key is not on its ` +
        `whitelist (backoff ${formatDuration(wait)})`,
    );
    await clock.sleep(wait, signal);
  }

  async #serve(link: Link, signal: AbortSignal): Promise<void> {
    const onAbort = () => link.close("shutting down");
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    this.#connected = true;
    try {
      await this.#onLink(link);
    } catch (error) {
      this.#context.log.error(
        `skychat: ${this.#option} link to ${this.#name} failed: ${quoteForLog(errorText(error))}`,
      );
    } finally {
      this.#connected = false;
      link.close();
      signal.removeEventListener("abort", onAbort);
    }
  }
}
