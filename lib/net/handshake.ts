import type { PublicKey } from "#crypto";
import { type Clock, CodedError, errorText, type Timer } from "#kit";
import type { SecureSession, SessionEvent } from "#session";
import type { ByteStream } from "./byte_stream.ts";

/** Time for the whole handshake of a tcp-direct link in either role, in milliseconds (noise.md 7). */
export const HANDSHAKE_LIMIT_MS = 10_000;
/**
 * Bytes of the read buffer while the peer is a stranger: one frame fits (noise.md 5). Together with
 * the session's unfinished frame this is all that a stranger can make us hold.
 */
export const HANDSHAKE_BUFFER_BYTES = 4_096;

/** Codes of a {@link HandshakeError} that do not come from the session. */
export type HandshakeFailure = "handshake-timeout" | "handshake-aborted" | "handshake-broken";

/** A handshake that came to nothing. The text is a cause of noise.md 3.4; the stream is closed. */
export class HandshakeError extends CodedError {}

/** What a handshake ends with. */
export interface Handshaken {
  /** Who the peer is, and how the keys were made. */
  readonly established: {
    readonly peer: PublicKey;
    readonly postQuantum: boolean;
    readonly downgraded: boolean;
  };
  /** Stream bytes that came together with the last message: the first ones of the link. */
  readonly early: readonly Uint8Array[];
}

/** Time and interruption of one handshake. */
export interface HandshakeOptions {
  readonly clock: Clock;
  /** Ends the handshake at once. */
  readonly signal?: AbortSignal | undefined;
  /** Time for all of it in milliseconds. */
  readonly limitMs: number;
}

/**
 * Runs the handshake of a fresh session over a fresh stream, in the session's role. Whatever goes
 * wrong, the peer is told nothing: the stream is closed (noise.md 3.4).
 *
 * @throws {HandshakeError} after closing the stream.
 */
export async function runHandshake(
  { stream, session }: { stream: ByteStream; session: SecureSession },
  options: HandshakeOptions,
): Promise<Handshaken> {
  const guard = new HandshakeGuard(stream, options);
  try {
    const progress = new HandshakeProgress(stream);
    await progress.take(session.start());
    const buffer = new Uint8Array(HANDSHAKE_BUFFER_BYTES);
    for (;;) {
      guard.check();
      if (progress.established !== undefined) {
        return { established: progress.established, early: progress.early };
      }
      const count = await stream.read(buffer);
      if (count === null) throw new HandshakeError("handshake-broken", "EOF");
      await progress.take(session.push(buffer.slice(0, count)));
    }
  } catch (error) {
    stream.close();
    throw guard.verdict ?? asHandshakeError(error);
  } finally {
    guard.release();
  }
}

/** Does what the session says during the handshake. */
class HandshakeProgress {
  established: Handshaken["established"] | undefined;
  readonly early: Uint8Array[] = [];
  readonly #stream: ByteStream;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  async take(events: readonly SessionEvent[]): Promise<void> {
    for (const event of events) {
      if (event.kind === "send") await this.#stream.write(event.bytes);
      else if (event.kind === "established") this.established = event;
      else if (event.kind === "data") this.early.push(event.bytes);
      else throw new HandshakeError(event.code, event.message);
    }
  }
}

/** Closes the stream under a handshake that takes too long or is not wanted any more. */
class HandshakeGuard {
  verdict: HandshakeError | undefined;
  readonly #stream: ByteStream;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: Timer;
  readonly #onAbort = () => this.#end("handshake-aborted", "operation was canceled");

  constructor(
    stream: ByteStream,
    { clock, signal, limitMs }: HandshakeOptions,
  ) {
    this.#stream = stream;
    this.#signal = signal;
    this.#timer = clock.after(
      limitMs,
      () => this.#end("handshake-timeout", "deadline exceeded"),
    );
    signal?.addEventListener("abort", this.#onAbort);
    if (signal?.aborted) this.#onAbort();
  }

  check(): void {
    if (this.verdict !== undefined) throw this.verdict;
  }

  release(): void {
    this.#timer.cancel();
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  #end(code: HandshakeFailure, message: string): void {
    this.verdict ??= new HandshakeError(code, message);
    this.#stream.close();
  }
}

function asHandshakeError(error: unknown): HandshakeError {
  if (error instanceof HandshakeError) return error;
  return new HandshakeError("handshake-broken", errorText(error), { cause: error });
}
