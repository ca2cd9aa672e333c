import type { MessageEvent } from "#events";

/** What a store said to a message, at once; `Appended` of `#store` has this shape. */
export interface Stored {
  /** Number of the event on the durable stream. */
  readonly seq: number;
  /** Why the limits refuse it; undefined when it is kept. */
  readonly refusal: string | undefined;
  /** Resolves when it is on disk, or could not be written (false). Never rejects; keeps the order. */
  readonly committed: Promise<boolean>;
}

/** Where messages are kept, if anywhere; `History` of `#store` has this shape. */
export interface ChatStore {
  /** Keeps a message, inbound or outbound, in the order of the calls. */
  append(message: MessageEvent): Stored;
  /** Present while so much waits for the disk that reading from peers should pause until it resolves. */
  readonly ready: Promise<void> | undefined;
  /** Removes the message with this id from the conversation with `peer` if `author` wrote it. */
  forget(peer: string, id: string, author: string): Promise<boolean>;
  /** Removes what an author wrote in a group at a time, nanoseconds since 1970. */
  forgetGroup(
    group: string,
    which: { readonly sender: string; readonly timestamp: bigint },
  ): Promise<boolean>;
}
