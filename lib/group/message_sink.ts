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

/** A message of a group that its author took back. */
export interface Retraction {
  /** The group. */
  readonly groupId: string;
  /** Author, 66 hex digits. */
  readonly sender: string;
  /** The author's time of the message, nanoseconds since 1970. */
  readonly ts: bigint;
}

/** Where messages of groups go. */
export interface GroupSink extends MessageSink {
  /** Forgets a message and tells whoever shows it, behind everything surfaced before. Never rejects. */
  retract(retraction: Retraction): void | Promise<void>;
}
