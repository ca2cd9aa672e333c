/** Pieces of a body that come over time. */
export interface ByteSource {
  /** The next piece, not to be changed, and lent until the next call; undefined while there is none. */
  take(): Uint8Array | undefined;
  /** Whether it has ended. To be asked when there is no piece. */
  readonly over: boolean;
  /** Whether it has an end of its own: then a client that has finished sending still gets the rest. */
  readonly finite?: boolean;
  /** Whether it ended before that end: then the reply must not look whole. */
  readonly cut?: boolean;
  /** Calls `action` when there may be a piece, or the source has ended. A later call replaces it. */
  whenReady(action: () => void): void;
  /** Ends it. May be called again. */
  close(): void;
}

/**
 * A response whose body is a source. Whoever knows this class reads the source and spares a
 * ReadableStream between every event and the socket; everybody else reads the body.
 */
export class StreamReply extends Response {
  /** Where the body comes from. Read either this or the body. */
  readonly source: ByteSource;

  constructor(source: ByteSource, headers: Readonly<Record<string, string>>) {
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        let piece = source.take();
        while (piece === undefined && !source.over) {
          await new Promise<void>((resolve) => source.whenReady(resolve));
          piece = source.take();
        }
        if (piece === undefined && source.cut) controller.error(new Error("Reply was cut off"));
        else if (piece === undefined) controller.close();
        // A copy: whoever reads the body may do with it what they like.
        else controller.enqueue(piece.slice());
      },
      cancel: () => source.close(),
    }, { highWaterMark: 0 });
    super(body, { headers });
    this.source = source;
  }
}
