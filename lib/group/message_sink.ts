import type { MessageEvent } from "#events";

/** Where messages of feeds go: `DirectChat` of `#chat` has this shape. */
export interface MessageSink {
  /**
   * Counts, keeps and shows a message, in its turn.
   *
   * @returns whether it is on disk, once that is known; undefined where nothing is kept.
   */
  surface(event: MessageEvent): Promise<boolean> | undefined;
  /** Present while so much waits for the disk that no more should come until it resolves. */
  readonly ready: Promise<void> | undefined;
}
