/** One event's JSON object. */
export type StreamEvent = Record<string, unknown>;

/** A running reader of an event stream. */
export interface StreamReader {
  /** Which program reads: `curl -N`, or `fetch` where curl is not installed. */
  readonly client: string;
  /** The next `count` events; throws when they do not come within the deadline. */
  take(count: number, deadlineMs?: number): Promise<StreamEvent[]>;
  /** What is left when the server has ended the stream; throws when it does not. */
  untilEnd(deadlineMs?: number): Promise<StreamEvent[]>;
  /** Stops reading; more than once does no harm. */
  close(): Promise<void>;
}

const FIRST_EVENT_DEADLINE_MS = 10_000;

/** Whether this machine has curl, which is what {@link openEventStream} prefers. */
export async function hasCurl(): Promise<boolean> {
  try {
    return (await new Deno.Command("curl", { args: ["--version"], stdout: "null" }).output())
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Opens an SSE stream with curl, as users do, and waits until the server said `: connected`. */
export async function openEventStream(url: string): Promise<StreamReader> {
  const source = openWithCurl(url) ?? await openWithFetch(url);
  const reader = new EventReader(source);
  await reader.connected();
  return reader;
}

interface Source {
  readonly client: string;
  readonly body: ReadableStream<Uint8Array>;
  stop(): Promise<void>;
}

function openWithCurl(url: string): Source | undefined {
  try {
    const child = new Deno.Command("curl", {
      args: ["-sN", url],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    return {
      client: "curl -N",
      body: child.stdout,
      async stop() {
        try {
          child.kill("SIGTERM");
        } catch {
          // It ended by itself, which is what stopping is for.
        }
        await child.status;
      },
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function openWithFetch(url: string): Promise<Source> {
  const abort = new AbortController();
  const { body } = await fetch(url, { signal: abort.signal });
  if (body === null) throw new Error(`Cannot read ${url}: the answer has no body`);
  return {
    client: "fetch",
    body,
    stop() {
      abort.abort();
      return Promise.resolve();
    },
  };
}

class EventReader implements StreamReader {
  readonly client: string;
  readonly #source: Source;
  readonly #events: StreamEvent[] = [];
  readonly #pump: Promise<void>;
  #connected = false;
  #ended = false;
  #wake: () => void = () => {};

  constructor(source: Source) {
    this.client = source.client;
    this.#source = source;
    this.#pump = this.#read();
  }

  async connected(): Promise<void> {
    await this.#until(() => this.#connected, FIRST_EVENT_DEADLINE_MS);
  }

  async take(count: number, deadlineMs = FIRST_EVENT_DEADLINE_MS): Promise<StreamEvent[]> {
    await this.#until(() => this.#events.length >= count, deadlineMs);
    return this.#events.splice(0, count);
  }

  async untilEnd(deadlineMs = FIRST_EVENT_DEADLINE_MS): Promise<StreamEvent[]> {
    await this.#until(() => this.#ended, deadlineMs);
    return this.#events.splice(0);
  }

  async close(): Promise<void> {
    await this.#source.stop();
    await this.#pump;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    try {
      for await (const piece of this.#source.body) {
        text += decoder.decode(piece, { stream: true });
        const blocks = text.split("\n\n");
        text = blocks.pop() ?? "";
        for (const block of blocks) this.#block(block);
        this.#wake();
      }
    } catch {
      // The stream was cut; whoever waits for more sees that below.
    }
    this.#ended = true;
    this.#wake();
  }

  #block(block: string): void {
    if (block.startsWith(": connected")) this.#connected = true;
    // `/events` puts the number before it when its numbers outlive the process.
    const data = /^(?:id: \d+\n)?data: (.*)$/.exec(block)?.[1];
    if (data !== undefined) this.#events.push(JSON.parse(data));
  }

  async #until(ready: () => boolean, deadlineMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(deadlineMs);
    while (!ready()) {
      if (this.#ended) throw new Error(`Cannot read more events: the stream ended`);
      deadline.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }
}
