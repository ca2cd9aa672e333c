/** One reader of a stream of events, as the layer that writes it out sees it. */
export interface Subscription {
  /** JSON texts to send first, oldest first. Empty after the first {@link take}. */
  readonly backlog: readonly string[];
  /** True once the stream has ended and everything was taken. */
  readonly ended: boolean;
  /**
   * Everything that came since the last call, oldest first; empty when that is nothing. Readers in
   * step get the same array, so what is made of it can be shared as well.
   */
  take(): readonly string[];
  /**
   * Calls `action` once, when there is something to take or the stream has ended. Readers are told
   * together and with a pause between, so that what comes in a burst is taken at once. A later call
   * replaces the action.
   */
  whenNews(action: () => void): void;
  /** Like {@link take}, but waits while there is nothing, without a pause; empty at the end. */
  next(): Promise<readonly string[]>;
  /** Ends the stream; what came before can still be taken. */
  close(): void;
}
