/** Pieces of a body that come over time. */
export interface ByteSource {
  /** The next piece, not to be changed; waits while there is none; undefined at the end. */
  next(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Ends it: a waiting {@link next} resolves. May be called again. */
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
        const bytes = await source.next();
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      },
      cancel: () => source.close(),
    }, { highWaterMark: 0 });
    super(body, { headers });
    this.source = source;
  }
}

/** The source of any response's body. */
export function sourceOf(response: Response): ByteSource {
  if (response instanceof StreamReply) return response.source;
  const reader = response.body?.getReader();
  return {
    next: async () => (await reader?.read())?.value,
    close: () => void reader?.cancel().catch(() => {}),
  };
}
